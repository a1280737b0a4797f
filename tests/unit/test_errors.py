"""What follows a fault: parked is only what has a reason to be parked for, and everything else is tried again."""

from shared.codec.messages import Message, outgoing
from shared.domain.reasons import REASON_NAMED
from shared.errors import PaymentsError, Then
from shared.ports.topics import Rejected
from tests.builders import a_payment


def codes(then: Then, kind: type[PaymentsError] = PaymentsError) -> set[str]:
    below = {each.code for each in kind.__subclasses__() if each.then is then}
    return below.union(*(codes(then, each) for each in kind.__subclasses__()))


def test_a_fault_that_parks_names_its_reason() -> None:
    assert codes(Then.PARK) == {"unreadable"}
    assert codes(Then.PARK) <= REASON_NAMED.keys()


def test_whoever_was_overtaken_or_lost_his_place_looks_again() -> None:
    assert codes(Then.RELOAD) == {"stream_moved", "append_unknown", "letter_moved", "page_unknown"}


def test_what_the_broker_refuses_is_refused_for_good_unless_somebody_says_otherwise() -> None:
    (message,) = outgoing(a_payment().stored[0])
    assert isinstance(message, Message)

    assert Rejected(message, "too large").for_good
