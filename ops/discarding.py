"""Discard one dead letter, or say what would happen. Knows no rule."""

from argparse import Namespace

from ops.client import Api, Fault
from ops.discarding_many import asked_for, discard_all, word_of
from ops.letters import filters
from ops.output import say, show_json


async def discard(api: Api, options: Namespace) -> int:
    """1 when any may not be discarded now, or a dry run would do something.

    Raises Fault for options that do not go together, NotNow for a no.
    """
    if options.all == bool(options.letter_id):
        raise Fault("name one dead letter, or use --all, with filters to select some")
    if options.all:
        return await discard_all(api, options)
    if filters(options):
        raise Fault("filters go with --all: leave them out for one dead letter")
    answer = await asked_for(api, options.letter_id, reason=options.reason, dry_run=options.dry_run)
    if options.json:
        show_json({**answer, "dry_run": options.dry_run})
    else:
        say(f"{word_of(answer, is_dry=options.dry_run)}: {answer['why']}")
    is_to_do = options.dry_run and answer["comes_to"] != "nothing"
    return 0 if answer["discarded"] and not is_to_do else 1
