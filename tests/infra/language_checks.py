"""Checks that the compiler would make and that check nothing about payments: names, parameters, module calls.

Quick, and there where no compiler is; test_bicep_compiler.py runs the real one.
"""

import re
from collections.abc import Iterator
from typing import Any

from tests.infra.bicep_reader import File
from tests.infra.bicep_values import LITERAL, regrouped
from tests.infra.product import Infra, Product


def every_name_is_declared(infra: Infra, _: Product) -> list[str]:
    """In expressions, loops and interpolated strings."""
    return [
        f"{name}: {used} is not declared"
        for name, file in infra.files.items()
        for used in sorted(_used(file) - set(file.names))
    ]


def every_name_is_used(infra: Infra, _: Product) -> list[str]:
    """A parameter or variable that nothing reads is a leftover."""
    faults = []
    for name, file in infra.files.items():
        declared = {*file.tree.get("parameters", {}), *file.tree.get("variables", {})}
        faults += [f"{name}: nothing uses {unused}" for unused in sorted(declared - _used(file))]
    return faults


def modules_are_called_as_declared(infra: Infra, _: Product) -> list[str]:
    """No unknown parameter, none missing, no file twice or never, no output that is not there."""
    main, faults = infra.files["main.bicep"], []
    called = main.modules()
    for symbol, body in called.items():
        parameters = infra.files[body["path"]].tree.get("parameters", {})
        needed = {name for name, node in parameters.items() if node["default"] is None}
        given = set(body.get("params", {}))
        faults += [f"{symbol}: no parameter {name}" for name in given - set(parameters)]
        faults += [f"{symbol}: {name} is missing" for name in needed - given]
    for symbol, output in re.findall(r"\b(\w+)!?\.outputs\.(\w+)", main.text):
        if symbol in called and output not in infra.files[called[symbol]["path"]].tree.get("outputs", {}):
            faults.append(f"{symbol}: no output {output}")
    paths = [body["path"] for body in called.values()]
    return faults + [
        f"{path}: called {paths.count(path)} times"
        for path in set(infra.files) - {"main.bicep"}
        if paths.count(path) != 1
    ]


def parameter_files_fit(infra: Infra, _: Product) -> list[str]:
    """What azd and the .bicepparam files set, main.bicep has; what it needs, they set."""
    parameters = infra.files["main.bicep"].tree["parameters"]
    needed = {name for name, node in parameters.items() if node["default"] is None}
    files = {
        "main.parameters.json": set(re.findall(r'"(\w+)": \{ "value"', infra.text("main.parameters.json"))),
        "dev.bicepparam": set(re.findall(r"(?m)^param (\w+) =", infra.text("dev.bicepparam"))),
        "prod.bicepparam": set(re.findall(r"(?m)^param (\w+) =", infra.text("prod.bicepparam"))),
    }
    faults = [f"{file}: no parameter {name}" for file, given in files.items() for name in given - set(parameters)]
    return faults + [f"{file}: {name} is missing" for file, given in files.items() for name in needed - given]


def azd_reads_each_value_by_its_own_name(infra: Infra, _: Product) -> list[str]:
    """What `azd env set API_AUTH` says is meant for apiAuth, and changes nothing else."""
    own = {"environmentName": "AZURE_ENV_NAME", "location": "AZURE_LOCATION"}
    read = re.findall(r'"(\w+)": \{ "value": \[?"\$\{(\w+)', infra.text("main.parameters.json"))
    return [
        f"main.parameters.json: {name} is read from {variable}"
        for name, variable in read
        if variable != own.get(name, re.sub(r"(?=[A-Z])", "_", name).upper())
    ]


CHECKS = (
    every_name_is_declared,
    every_name_is_used,
    modules_are_called_as_declared,
    parameter_files_fit,
    azd_reads_each_value_by_its_own_name,
)


def _used(file: File) -> set[str]:
    """Every name that an expression reads, but for the names of its own loops and lambdas."""
    parts = ("variables", "resources", "modules", "outputs")
    bodies = [node.get("value", node.get("config")) for part in parts for node in file.tree.get(part, {}).values()]
    defaults = [node["default"] for node in file.tree.get("parameters", {}).values()]
    return {name for body in [*bodies, *defaults] for name in _names(body, frozenset())}


def _names(node: Any, local: frozenset[str]) -> Iterator[str]:
    match node:
        case str():
            yield from (name for name in _in_text(node) if name not in local)
        case list():
            for item in node:
                yield from _names(item, local)
        case {"operator": {"operands": _} as operator}:
            operator = regrouped(operator)
            member = operator["type"] == "property_accessor"
            operands = {key: operand for key, operand in operator["operands"].items() if key != "func_name"}
            yield from _names(operands["operand_1"] if member else list(operands.values()), local)
        case {"function": {"type": _} as function}:
            yield from _names([value for value in function.get("parameters", {}).values() if value is not None], local)
        case {"type": "lambda_expression", "detail": {"var_1": name, "expression": inner}}:
            yield from _names(inner, local | {name})
        case {"loop_type": {"detail": detail}, "config": inner}:
            yield from _names(detail["array_name"], local)
            yield from _names(inner, local | {detail["item_name"], detail.get("index_name", "")})
        case dict():
            for key, value in node.items():
                yield from _names(f"{LITERAL}{key}", local)
                yield from _names(value, local)


def _in_text(text: str) -> list[str]:
    if not text.startswith(LITERAL):
        return [text]
    inside = re.findall(r"\$\{([^}]*)\}", text)
    return [name for part in inside for name in re.findall(r"(?<![\w.])([A-Za-z_]\w*)(?!\w*\()", part)]
