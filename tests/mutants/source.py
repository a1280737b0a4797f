"""A file as the operators see it: its tree, where a node stands in its bytes, and what must not be changed."""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. start, end: of the bytes that `text` replaces."""

    path: str
    line: int
    kind: str
    start: int
    end: int
    text: str
    was: str
    """The lines that change, on one line."""
    now: str

    @property
    def mutant_id(self) -> str:
        """The same as long as the lines that change are the same, wherever in the file they stand."""
        return hashlib.sha256("\0".join((self.path, self.was, self.now)).encode()).hexdigest()[:12]

    @property
    def diff(self) -> str:
        return f"{self.was}  ==>  {self.now}"

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.text.encode() + source[self.end :]


@dataclass(slots=True)
class Source:
    """untouched: nodes that no test can or should tell from others: words for people, types, imports."""

    path: str
    code: bytes
    tree: ast.Module = field(init=False)
    untouched: set[ast.AST] = field(init=False)
    parents: dict[ast.AST, ast.AST] = field(init=False)
    _dumped: str = field(init=False)
    _lines: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.tree = ast.parse(self.code)
        self._dumped = ast.dump(self.tree)
        self.parents = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self.untouched = {each for root in _left_alone(self.tree) for each in ast.walk(root)}
        self._lines = [0]
        for line in self.code.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    @classmethod
    def read(cls, root: Path, path: str) -> "Source":
        return cls(path, (root / path).read_bytes())

    def nodes(self) -> Iterator[ast.AST]:
        return (node for node in ast.walk(self.tree) if node not in self.untouched)

    def at(self, line: int, column: int) -> int:
        return self._lines[line - 1] + column

    def span(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, ast.expr | ast.stmt | ast.pattern | ast.keyword | ast.excepthandler)
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def mutant(self, kind: str, span: tuple[int, int], text: str) -> Mutant | None:
        """None for what is no change, or no Python."""
        start, end = span
        changed = self.code[:start] + text.encode() + self.code[end:]
        try:
            if ast.dump(ast.parse(changed)) == self._dumped:
                return None
            compile(changed, self.path, "exec")
        except SyntaxError:
            return None
        was, now = _what_differs(self.code.decode().splitlines(), changed.decode().splitlines())
        line = self.code[:start].count(b"\n") + 1
        return Mutant(self.path, line, kind, start, end, text, was, now)


def _what_differs(old: list[str], new: list[str]) -> tuple[str, str]:
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return tuple(" ".join(line.strip() for line in lines) or "(nothing)" for lines in (old, new))  # type: ignore[return-value] # two of them


def _left_alone(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        yield from _types_in(node)
        yield from _words_in(node)


def _types_in(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.TypeAlias():
            yield node
        case ast.AnnAssign():
            yield node.annotation
        case ast.arg(annotation=ast.AST() as annotation):
            yield annotation
        case ast.FunctionDef() | ast.AsyncFunctionDef() if node.returns:
            yield node.returns
        case ast.ClassDef():
            yield from (each for each in node.decorator_list if "dataclass" in ast.unparse(each))
            if any("Protocol" in ast.unparse(base) for base in node.bases):
                yield node
        case ast.Call(func=ast.Name(id="assert_never")) | ast.Call(func=ast.Name(id="cast")):
            yield node
        case ast.match_case(body=[ast.Expr(value=ast.Call(func=ast.Name(id="assert_never")))]):
            yield node
        case _:
            pass


def _words_in(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.JoinedStr() | ast.Expr(value=ast.Constant()):  # the latter is a docstring, maybe of a constant
            yield node
        case ast.Raise(exc=ast.Call() as call):
            yield from (arg for arg in call.args if isinstance(arg, ast.Constant))
        case ast.Call(func=ast.Attribute(attr="log")):
            yield from node.args[:1]
        case ast.Constant(value=str(text)) if text.count(" ") > 2 and not text.startswith("SELECT"):
            yield node  # a sentence
        case _:
            pass
