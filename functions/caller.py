"""Who calls an operators' function: a name for the record. The one place to change when roles exist. Knows no verb."""

from collections.abc import Callable

import azure.functions as func

EASY_AUTH = "easy-auth"
PRINCIPAL = "x-ms-client-principal-name"


def caller(ops_caller: str) -> Callable[[func.HttpRequest], str]:
    """A fixed name (the holder of the admin key, or the developer), or the name that Entra ID vouches for.

    The header is read only behind the platform's authentication, which overwrites what a client sends.
    """

    def name(req: func.HttpRequest) -> str:
        if ops_caller == EASY_AUTH:
            return str(req.headers.get(PRINCIPAL, "unknown"))
        return ops_caller

    return name
