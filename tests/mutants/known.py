"""What the product's own classes and functions say of themselves: arguments without a default, members of enums."""

import ast
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.mutants.source import Source


@dataclass(slots=True)
class Known:
    """needed: the arguments, by callable, that cannot be left out. words: the members of enums."""

    needed: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    words: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, sources: Iterable[Source]) -> "Known":
        known = cls()
        for source in sources:
            for node in ast.walk(source.tree):
                known._take(node)
        return known

    def _take(self, node: ast.AST) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                given = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                self.needed[node.name] |= {arg.arg for arg, default in given if default is None}
                positional = [*node.args.posonlyargs, *node.args.args]
                self.needed[node.name] |= {arg.arg for arg in positional[: len(positional) - len(node.args.defaults)]}
            case ast.ClassDef():
                fields = (each for each in node.body if isinstance(each, ast.AnnAssign) and each.value is None)
                self.needed[node.name] |= {each.target.id for each in fields if isinstance(each.target, ast.Name)}
                for method in node.body:
                    if isinstance(method, ast.FunctionDef) and method.name == "__init__":
                        names = [
                            arg.arg
                            for arg, default in zip(method.args.kwonlyargs, method.args.kw_defaults, strict=True)
                            if default is None
                        ]
                        self.needed[node.name] |= set(names)
                if any(ast.unparse(base).endswith("Enum") for base in node.bases):
                    members = [each.targets[0] for each in node.body if isinstance(each, ast.Assign)]
                    self.words[node.name] = [each.id for each in members if isinstance(each, ast.Name)]
            case _:
                pass
