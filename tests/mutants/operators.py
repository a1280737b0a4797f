"""The small faults: what may be changed in a tree, and how it then reads. Knows no file and no test."""

import ast
from collections.abc import Callable, Iterable, Iterator

from tests.mutants.known import Known
from tests.mutants.source import Mutant, Source

type Change = tuple[str, tuple[int, int], str]
"""Kind, span, new text."""

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
}
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}


def changes(source: Source, known: Known) -> list[Change]:
    """Every change that may be made in a file, in the order of its lines; some are no change, or no Python."""
    found = {
        (span, text): (kind, span, text)
        for node in source.nodes()
        for operator in _OPERATORS
        for kind, span, text in operator(node, source, known)
    }
    return [found[place] for place in sorted(found)]


def mutants(source: Source, candidates: Iterable[Change]) -> Iterator[Mutant]:
    """What is left of them, without repeats."""
    met = set()
    for kind, span, text in candidates:
        mutant = source.mutant(kind, span, text)
        if mutant is not None and mutant.mutant_id not in met:
            met.add(mutant.mutant_id)
            yield mutant


def _comparison(node: ast.AST, source: Source, _: Known) -> Iterator[Change]:
    if not isinstance(node, ast.Compare):
        return
    for number, operator in enumerate(node.ops):
        ops = [*node.ops[:number], _COMPARED[type(operator)](), *node.ops[number + 1 :]]
        yield "comparison", source.span(node), ast.unparse(ast.Compare(node.left, ops, node.comparators))


def _boolean(node: ast.AST, source: Source, _: Known) -> Iterator[Change]:
    match node:
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield "and/or", source.span(node), f"({ast.unparse(ast.BoolOp(other, node.values))})"
            for number in range(len(node.values)):
                left = [*node.values[:number], *node.values[number + 1 :]]
                kept = left[0] if len(left) == 1 else ast.BoolOp(node.op, left)
                yield "condition dropped", source.span(node), f"({ast.unparse(kept)})"
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield "negation dropped", source.span(node), f"({ast.unparse(node.operand)})"
        case ast.BinOp(op=ast.BitOr()):
            yield "alternative dropped", source.span(node), ast.unparse(node.left)
            yield "alternative dropped", source.span(node), ast.unparse(node.right)
        case _:
            pass


def _condition(node: ast.AST, source: Source, _: Known) -> Iterator[Change]:
    match node:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            tests = [test]
        case ast.comprehension():
            tests = node.ifs
        case ast.match_case(guard=ast.expr() as guard):
            tests = [guard]
        case _:
            return
    for test in tests:
        if not isinstance(test, ast.BoolOp | ast.Compare | ast.UnaryOp):
            yield "condition negated", source.span(test), f"(not {ast.unparse(test)})"
        yield "condition forced", source.span(test), "True"
        yield "condition forced", source.span(test), "False"


def _case(node: ast.AST, source: Source, _: Known) -> Iterator[Change]:
    if isinstance(node, ast.match_case) and node.guard is None:
        end = source.span(node.pattern)[1]
        yield "case dropped", (end, end), " if False"


def _constant(node: ast.AST, source: Source, _: Known) -> Iterator[Change]:
    if not isinstance(node, ast.Constant):
        return
    match node.value:
        case bool(flag):
            yield "constant", source.span(node), str(not flag)
        case int() | float() as number if number and _is_limit(node, source):
            yield "limit", source.span(node), repr(number * 2)
        case int(whole):
            yield "constant", source.span(node), str(whole + 1)
        case float(real):
            yield "constant", source.span(node), repr(real + 1)
        case str(text):
            yield "constant", source.span(node), repr(f"{text}~" if text else "~")
        case _:
            pass


def _is_limit(node: ast.AST, source: Source) -> bool:
    """Whether a number is an amount that somebody chose: a timedelta's, or a constant of the module."""
    at: ast.AST | None = node
    while at is not None:
        if isinstance(at, ast.Call) and ast.unparse(at.func) == "timedelta":
            return True
        if isinstance(at, ast.Assign | ast.AnnAssign):
            return isinstance(source.parents[at], ast.Module)
        at = source.parents.get(at)
    return False


def _argument(node: ast.AST, source: Source, known: Known) -> Iterator[Change]:
    """A keyword that has a default, as far as we know, is left out."""
    if not isinstance(node, ast.Call):
        return
    needed = known.needed.get(ast.unparse(node.func).rpartition(".")[2], set())
    for keyword in node.keywords:
        if keyword.arg is not None and keyword.arg not in needed:
            kept = [each for each in node.keywords if each is not keyword]
            yield "argument dropped", source.span(node), ast.unparse(ast.Call(node.func, node.args, kept))


def _call(node: ast.AST, source: Source, _: Known) -> Iterator[Change]:
    match node:
        case ast.Expr(value=ast.Call() | ast.Await() | ast.Yield() | ast.YieldFrom()) | ast.Raise():
            yield "statement dropped", source.span(node), "pass"
        case ast.AugAssign():
            yield "statement dropped", source.span(node), "pass"
        case ast.Break() | ast.Continue():
            yield "statement dropped", source.span(node), "pass"
        case ast.Call(func=ast.Name(id=name)) if name in _SWAPPED:
            yield "call swapped", source.span(node.func), _SWAPPED[name]
        case _:
            pass


def _returned(node: ast.AST, source: Source, _: Known) -> Iterator[Change]:
    match node:
        case ast.Return(value=ast.IfExp() as value):
            yield "returned value", source.span(value), ast.unparse(value.body)
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield "returned value", source.span(value), "None"
        case _:
            pass


def _caught(node: ast.AST, source: Source, _: Known) -> Iterator[Change]:
    match node:
        case ast.ExceptHandler(type=ast.expr() as caught):
            yield "except narrowed", source.span(caught), "()"
            if ast.unparse(caught) != "Exception":
                yield "except widened", source.span(caught), "Exception"
        case ast.Call(func=ast.Name(id="suppress")):
            yield "except narrowed", source.span(node), "suppress()"
            yield "except widened", source.span(node), "suppress(Exception)"
        case _:
            pass


def _calculated(node: ast.AST, source: Source, _: Known) -> Iterator[Change]:
    if isinstance(node, ast.BinOp) and type(node.op) in _CALCULATED:
        changed = ast.BinOp(node.left, _CALCULATED[type(node.op)](), node.right)
        yield "calculation", source.span(node), f"({ast.unparse(changed)})"
    if isinstance(node, ast.AugAssign) and type(node.op) in _CALCULATED:
        changed_in_place = ast.AugAssign(node.target, _CALCULATED[type(node.op)](), node.value)
        yield "calculation", source.span(node), ast.unparse(changed_in_place)


def _entry(node: ast.AST, source: Source, _: Known) -> Iterator[Change]:
    match node:
        case ast.Dict():
            for number in range(len(node.values)):
                keys, values = list(node.keys), list(node.values)
                del keys[number], values[number]
                yield "entry dropped", source.span(node), ast.unparse(ast.Dict(keys, values))
        case ast.Set() | ast.List(ctx=ast.Load()) if len(node.elts) > 1:
            for number in range(len(node.elts)):
                elements = [*node.elts[:number], *node.elts[number + 1 :]]
                yield "entry dropped", source.span(node), ast.unparse(type(node)(elements))
        case ast.Tuple(ctx=ast.Load()) if isinstance(source.parents[node], ast.Compare | ast.For | ast.ExceptHandler):
            for number in range(len(node.elts)):
                elements = [*node.elts[:number], *node.elts[number + 1 :]]
                yield "entry dropped", source.span(node), f"({ast.unparse(ast.Tuple(elements, ast.Load()))})"
        case _:
            pass


def _word(node: ast.AST, source: Source, known: Known) -> Iterator[Change]:
    """Another member of the same enum."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=word) if word in (words := known.words.get(name, [])):
            other = words[(words.index(word) + 1) % len(words)]
            yield "word", source.span(node), f"{name}.{other}"
        case _:
            pass


_OPERATORS: tuple[Callable[[ast.AST, Source, Known], Iterator[Change]], ...] = (
    _comparison,
    _boolean,
    _condition,
    _case,
    _constant,
    _argument,
    _call,
    _returned,
    _caught,
    _calculated,
    _entry,
    _word,
)
