"""What clients that are made from a document call an operation by: its id and its tags. Knows no schema.

A generator makes a function of the id and a class of each tag: with others the code of a caller finds it no more.
"""

from collections.abc import Iterator

from contracts.within import Said


def renamed(was: Said, now: Said, *, where: str) -> Iterator[str]:
    """Of one operation, or of one webhook."""
    if now.schema["operationId"] != was.schema["operationId"]:
        yield f"{where}: called {now.schema['operationId']} where it was {was.schema['operationId']}"
    for tag in was.schema.get("tags", ()):
        if tag not in now.schema.get("tags", ()):
            yield f"{where}: not tagged {tag} any more"
