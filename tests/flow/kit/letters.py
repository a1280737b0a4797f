"""Many dead letters at once, without what it takes to die. Knows no HTTP and no verb."""

from collections.abc import Iterable

from local.azure.cosmos.keys import partition_key
from local.azure.cosmos.state import Kind, Operation
from shared import flow
from shared.codec.letters import letter_to_json
from shared.domain.letters import LetterRecord
from tests.flow.kit.backends import Backends


def fill_box(backends: Backends, letters: Iterable[LetterRecord]) -> None:
    """Written by the rules of the service, which runs in this process, and not by a request for each."""
    cosmos = backends.cosmos.cosmos
    box = cosmos.catalogue.container(flow.DATABASE, flow.DEAD_LETTERS)
    for letter in letters:
        written = Operation(Kind.CREATE, document=letter_to_json(letter))
        cosmos._items.apply(box, partition_key(letter.letter_id), operation=written)
