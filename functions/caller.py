"""Who calls an operators' function. The one seam for it: until roles exist, a name for the record is all there is."""

from collections.abc import Callable

import azure.functions as func

EASY_AUTH = "easy-auth"
PRINCIPAL = "x-ms-client-principal-name"


def caller(ops_caller: str) -> Callable[[func.HttpRequest], str]:
    """A fixed name (the holder of the admin key, or the developer), or the name that Entra ID vouches for.

    The header is read only where the platform's authentication stands in front: it overwrites what a client sends.
    """

    def name(req: func.HttpRequest) -> str:
        if ops_caller == EASY_AUTH:
            return str(req.headers.get(PRINCIPAL, "unknown"))
        return ops_caller

    return name
