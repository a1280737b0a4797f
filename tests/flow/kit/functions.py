"""The functions of some blueprints, by name. Knows no world."""

from collections.abc import Callable, Mapping
from types import ModuleType

import azure.functions as func
from azure.functions.decorators.function_app import Function

type Blueprints = Mapping[ModuleType, Callable[[], func.Blueprint]]
"""The files of functions/, and how the blueprint of each is made."""

_FILE_OF: dict[str, ModuleType] = {}
"""Where a function was found, by its name."""


class Functions:
    """A blueprint is made when one of its functions is called for: a world needs few, and making them all takes as long
    as ten requests."""

    def __init__(self, blueprints: Blueprints) -> None:
        self._blueprints = blueprints
        self._made: dict[str, Function] = {}

    def __getitem__(self, name: str) -> Function:
        """Raises KeyError."""
        if name not in self._made:
            home = _FILE_OF.get(name)
            for file in self._blueprints if home is None else [home]:
                self._make(file)
        return self._made[name]

    def _make(self, file: ModuleType) -> None:
        app = func.FunctionApp()
        app.register_functions(self._blueprints[file]())
        for function in app.get_functions():
            name = str(function.get_function_name())
            _FILE_OF[name] = file
            self._made[name] = function
