"""Who may import whom: the table, and nothing but the table. Also that modules say what they are for, and sizes."""

import ast
import re
import sys
from collections.abc import Collection, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
STDLIB = frozenset(sys.stdlib_module_names)

DOMAIN = ("shared.domain", "shared.errors")
MAP = (*DOMAIN, "shared.flow")
CODEC = (*MAP, "shared.codec")
PORTS = (*CODEC, "shared.ports")
INSIDE = (*PORTS, "shared.signals", "shared.services")
TABLE: dict[str, tuple[str, ...]] = {
    # the rules: no clock, no JSON, no outside
    "shared.domain": ("shared.domain",),
    "shared.errors": (),
    "shared.signals": (),
    "shared.flow": ("shared.domain",),
    # how things are written: no service, no SDK
    "shared.codec": CODEC,
    # what is needed from outside: no SDK, no verb
    "shared.ports": PORTS,
    "shared.services": PORTS,
    # one move of a payment: no broker, no verb
    "shared.steps": (*INSIDE, "shared.steps"),
    # each verb knows the steps and itself, and no other verb
    "shared.verbs": (*INSIDE, "shared.steps"),
    # one SDK each, and no other adapter
    "shared.adapters.cosmos": (*PORTS, "shared.adapters.cosmos", "azure.cosmos", "azure.core"),
    "shared.adapters.servicebus": (*PORTS, "shared.adapters.servicebus", "azure.servicebus", "azure.core", "certifi"),
    "shared.adapters.provider": (*PORTS, "shared.adapters.provider", "aiohttp", "standardwebhooks"),
    "shared.adapters.provider.words": PORTS,
    "shared.adapters.merchant": (*PORTS, "shared.adapters.merchant", "aiohttp", "standardwebhooks"),
    "shared.adapters.stripe": (*PORTS, "shared.adapters.stripe", "aiohttp"),
    "shared.adapters.stripe.amounts": (),
    "shared.adapters.stripe.forms": (*PORTS, "shared.adapters.stripe.amounts"),
    "shared.adapters.stripe.words": (*PORTS, "shared.adapters.stripe.forms"),
    "shared.adapters.telemetry": (*PORTS, "shared.signals", "opentelemetry"),
    "shared.adapters.exporters": ("opentelemetry", "azure.monitor"),
    "shared.adapters.lines": ("opentelemetry",),
    # put together
    "shared.callers": (),
    "shared.settings": ("pydantic", "pydantic_settings", "shared.callers", "shared.domain"),
    "shared.startup": ("shared.services", "shared.settings", "shared.wiring"),
    "shared.wiring": (*INSIDE, "shared.settings", "shared.adapters", "aiohttp", "azure", "pydantic"),
    # what wakes us: no rule, no adapter, no setting
    "functions": (
        *INSIDE,
        "functions",
        "shared.verbs",
        "azure.functions",
        "pydantic",
        "pydantic_core",
        "pydantic_extra_types",
    ),
    "function_app": ("azure.functions", "functions", "shared.settings", "shared.startup"),
    # Azure on a laptop: each stand-in knows itself, the base and its libraries; nothing of it knows what ships
    "local.base": ("local.base",),
    "local.azure.cosmos": ("local.azure.cosmos", "local.base", "mmh3", "uvicorn"),
    "local.azure.servicebus": ("local.azure.servicebus", "local.base", "aiohttp", "proton"),
    "local.azure.host": ("local.azure.host", "local.base", "aiohttp", "azure", "azure_functions_runtime", "certifi"),
    "local.provider": ("local.provider", "local.base", "aiohttp", "standardwebhooks"),
    "local.stripe": ("local.stripe", "local.base", "aiohttp"),
    "local.stripe.server": ("local.stripe", "local.provider", "local.base", "aiohttp"),  # the merchant beside it
    "local": ("local", "aiohttp", "terminal"),
    "local.gameday.poison": ("azure.servicebus",),
    "local.signing": ("local", "standardwebhooks"),
    # how both command lines write what others have sent
    "terminal": ("terminal",),
    # the contracts are made of what ships, which knows nothing of them
    "contracts": ("contracts", "functions", "function_app", "shared", "pydantic", "openapi_pydantic", "jsonschema_rs"),
}
"""Each room, and what it may import beside the standard library. The longest row that fits counts."""


def shipped() -> list[Path]:
    return [ROOT / "function_app.py", *(ROOT / "functions").rglob("*.py"), *(ROOT / "shared").rglob("*.py")]


def embedded() -> list[Path]:
    return [*(ROOT / "local").rglob("*.py"), *(ROOT / "contracts").rglob("*.py"), *(ROOT / "terminal").rglob("*.py")]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            module = node.module or ""
            # `from shared import codec` imports shared.codec; `from azure.functions import X` imports azure.functions
            yield from (
                f"{module}.{alias.name}" if module in ("shared", "shared.adapters") else module for alias in node.names
            )


def within(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(f"{allowed}.")


def allowed_for(module: str) -> tuple[str, ...] | None:
    rows = [row for row in TABLE if within(module, row)]
    return TABLE[max(rows, key=len)] if rows else None


def faults(module: str, imported: list[str]) -> list[str]:
    allowed = allowed_for(module)
    if allowed is None:
        return [f"{module} stands in no row of the table"] if imported else []
    return [
        f"{module} imports {name}"
        for name in imported
        if name.split(".")[0] not in STDLIB and not any(within(name, row) for row in allowed)
    ]


@pytest.mark.parametrize("path", [*shipped(), *embedded()], ids=module_of)
def test_a_module_imports_only_what_its_row_allows(path: Path) -> None:
    assert faults(module_of(path), list(imports_of(path))) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("shared.domain.payment", "shared.ports"),
        ("shared.verbs.accept", "azure.cosmos.aio"),
        ("shared.adapters.cosmos", "shared.adapters.servicebus"),
        ("shared.steps.create", "shared.verbs.advance"),
        ("shared.verbs.sweep", "shared.verbs.recovery.replay"),
        ("shared.verbs.recovery.replay", "shared.verbs.recovery.keep"),
        ("shared.codec.messages", "shared.ports.topics"),
        ("functions.accept", "shared.wiring"),
        ("functions.contract", "contracts.api"),
        ("contracts.api", "tests.builders"),
        ("functions.accept", "local.azure.cosmos.server"),
        ("local.azure.cosmos.server", "local.azure.servicebus.store"),
        ("local.azure.host.server", "local.supervisor"),
        ("local.base.serving", "local.ports"),
        ("local.provider.store", "local.azure.cosmos.store"),
        ("local.supervisor", "shared.settings"),
        ("local.pay", "ops.output"),
        ("terminal.money", "shared.domain.money"),
        ("function_app", "shared.verbs.accept"),
        ("shared.somewhere.new", "azure.cosmos"),
    ],
)
def test_the_table_would_catch_it(module: str, name: str) -> None:
    assert faults(module, [name])


def needed_by(path: Path, known: Collection[str]) -> set[str]:
    """The known modules that this one imports, wherever in it."""
    needed: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            needed |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = (f"{node.module}.{alias.name}" for alias in node.names)
            needed |= {part if part in known else node.module or "" for part in parts}
    return needed & set(known)


def test_no_modules_need_each_other() -> None:
    paths = {module_of(path): path for path in [*shipped(), *embedded()]}

    circles = TopologicalSorter({name: needed_by(path, paths) for name, path in paths.items()})

    circles.prepare()  # raises CycleError, which names them


@pytest.mark.parametrize("path", [p for p in [*shipped(), *embedded()] if p.stat().st_size], ids=module_of)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), "no module docstring"


BROAD = {
    "functions.edge.edge.guarded": "makes an exception of what is none, which the host would not hear of",
    "functions.failures.told": "tells of it, and raises it again",
    "functions.route.on_request.answer": "answers what was told of with a problem document; the host's would be empty",
    "shared.verbs.publish.publish": "parks: one odd document must not stop the feed",
    "shared.verbs.advance._attempt": "parks at the end: what nobody foresaw is retried, and asks first",
    "shared.steps.outcome._give_up_telling": "tries later: a paid payment must not hang on its merchant",
    "shared.steps.telling.keep": "logs: what only shows what was done must not undo it",
    "shared.verbs.sweep._sweep_one": "logs: one payment that cannot be swept must not stop the others",
    "shared.verbs.recovery.keep._as_the_stream_tells": "in doubt a letter is loud: it matters more than what is known",
    "shared.verbs.recovery.keep.keep": "the recorder's edge: a dead letter must not be lost",
    "shared.wiring.build": "closes what is open, and raises it again",
}
"""The functions of what ships that may catch whatever comes, and why."""

_EVERYTHING = frozenset({"Exception", "BaseException"})


def broad_excepts(module: str, text: str) -> Iterator[str]:
    """The innermost function around each `except` or `suppress` of everything."""

    def of(node: ast.AST, name: str) -> Iterator[str]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{name}.{node.name}"
        caught = node.type or ast.Name("Exception") if isinstance(node, ast.ExceptHandler) else None
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            caught = ast.Tuple(node.args)
        if caught and any(isinstance(each, ast.Name) and each.id in _EVERYTHING for each in ast.walk(caught)):
            yield name
        for child in ast.iter_child_nodes(node):
            yield from of(child, name)

    return of(ast.parse(text), module)


def test_only_few_functions_catch_whatever_comes() -> None:
    found = [name for path in shipped() for name in broad_excepts(module_of(path), path.read_text())]

    assert sorted(found) == sorted(BROAD), "narrow it to the faults that are foreseen, or give its reason in BROAD"


@pytest.mark.parametrize(
    "caught",
    [
        "try: ...\n    except: ...",
        "try: ...\n    except Exception: ...",
        "try: ...\n    except (OSError, BaseException) as exc: ...",
        "with contextlib.suppress(Exception): ...",
    ],
)
def test_a_broad_except_would_be_seen(caught: str) -> None:
    assert list(broad_excepts("shared.verbs.query", f"def ask():\n    {caught}")) == ["shared.verbs.query.ask"]


def test_a_narrow_except_is_no_broad_one() -> None:
    assert list(broad_excepts("m", "def ask():\n    try: ...\n    except (OSError, StoreBusy): ...")) == []


def python_files() -> list[Path]:
    folders = ("functions", "shared", "contracts", "local", "ops", "terminal", "infra", "examples", "tests")
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def test_no_file_and_no_function_outgrows_the_house() -> None:
    too_long = []
    for path in python_files():
        text = path.read_text()
        limit = 400 if path.name == "state.py" or "tests" in path.parts else 300
        if text.count("\n") > limit:
            too_long.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                if length > 40 and not contains_functions(node):
                    too_long.append(f"{path.relative_to(ROOT)}: {node.name} has {length} lines")

    assert too_long == []


def contains_functions(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A blueprint is a list of functions in one function; each of them is measured on its own."""
    return any(isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) for n in ast.walk(node) if n is not node)


def test_the_domain_reads_no_clock_and_makes_no_ids() -> None:
    forbidden = re.compile(r"datetime\.now|utcnow|time\.time|uuid4|random\.")

    guilty = [path.name for path in (ROOT / "shared" / "domain").rglob("*.py") if forbidden.search(path.read_text())]

    assert guilty == []


def test_only_settings_reads_the_environment() -> None:
    reading = re.compile(r"os\.environ|os\.getenv|getenv\(")

    guilty = [module_of(path) for path in shipped() if reading.search(path.read_text())]

    assert guilty == []
