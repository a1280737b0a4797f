"""Words that a merchant wrote for itself: they stand in the stream alone, and nowhere once they were erased."""

from collections.abc import Iterator

from tests.invariants.runs import Broken
from tests.invariants.world import WORDS, World


def what_was_erased_is_gone(world: World) -> Iterator[Broken]:
    """Of what stood there when an operator began, once they were told that it is erased."""
    for payment_id, stood in world.erased.items():
        for version, text in enumerate(world.store.texts(payment_id)[:stood], start=1):
            if WORDS in text:
                yield Broken("what_was_erased_is_gone", f"words stand in version {version} of {payment_id}")


def words_never_leave_the_stream(world: World) -> Iterator[Broken]:
    kept = [text for shelf in (world.letters, world.rows) for text, _ in shelf.texts.values()]
    for text in [*world.bus.bodies, *kept]:
        if WORDS in text:
            yield Broken("words_never_leave_the_stream", text)
