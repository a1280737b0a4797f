"""Each route of the app stands in the tables by which the other tests ask them all."""

from contracts.operation import OF_BODIES
from contracts.operations import OPERATIONS
from tests.conftest import Declared
from tests.flow.test_callers import CHANGES, NEEDED
from tests.flow.test_operators_bodies import CHANGES as ASKED


def test_every_route_is_in_the_table(declared_functions: dict[str, Declared]) -> None:
    routes = {name: each.trigger for name, each in declared_functions.items() if each.trigger["type"] == "httpTrigger"}

    assert set(routes) == set(NEEDED)
    assert {name for name, trigger in routes.items() if [m.value for m in trigger["methods"]] != ["GET"]} == {*CHANGES}


def test_every_function_that_changes_something_is_among_those_that_are_asked_here() -> None:
    changing = {name for name, operation in OPERATIONS.items() if set(OF_BODIES) <= set(operation.problems)}

    assert changing - {"hear_provider"} == {name for name, _ in ASKED}, "the provider's address is the provider's"
