"""The service's refusals: status, code, sub-status and message as the real service words them.

Knows no protocol beyond these numbers and decides nothing: the rules raise them, the wire writes them.
Wording taken from answers of the real service that users quote in public bug reports, and from the REST reference.
"""

from typing import Final

PRECONDITION: Final = "Operation cannot be performed because one of the specified precondition is not met."


class CosmosError(Exception):
    """A refusal with everything an answer needs."""

    def __init__(
        self, status: int, code: str, *, message: str, substatus: int = 0, retry_after_ms: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.substatus = substatus
        self.retry_after_ms = retry_after_ms


def not_implemented(what: str) -> CosmosError:
    """Ours, not the service's: named, so that nobody takes a gap for a rule."""
    return CosmosError(501, "NotImplemented", message=f"not implemented in the local Cosmos DB: {what}")


def query_not_implemented(what: str) -> CosmosError:
    """A query outside the subset. 400, because the SDKs repeat a read that got a 5xx."""
    return CosmosError(400, "BadRequest", message=f"not implemented in the local Cosmos DB: {what} in a query")


def bad_request(message: str, *, substatus: int = 0) -> CosmosError:
    return CosmosError(400, "BadRequest", message=message, substatus=substatus)


def syntax_error(near: str) -> CosmosError:
    where = f"incorrect syntax near '{near}'" if near else "unexpected end of the query"
    return CosmosError(400, "BadRequest", message=f"Syntax error, {where}.")


def nested_too_deep() -> CosmosError:
    return bad_request("The request is nested too deep: it needs fewer brackets inside one another.")


def unauthorized(payload: str) -> CosmosError:
    return CosmosError(
        401,
        "Unauthorized",
        message="The input authorization token can't serve the request. The wrong key is being used or the expected "
        "payload is not built as per the protocol. For more info: https://aka.ms/cosmosdb-tsg-unauthorized. "
        f"Server used the following payload to sign: '{payload}'",
    )


def no_authorization() -> CosmosError:
    return CosmosError(
        401, "Unauthorized", message="Required Header authorization is missing. Ensure a valid Authorization token."
    )


def not_found() -> CosmosError:
    message = "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found"
    return CosmosError(404, "NotFound", message=message)


def owner_not_found() -> CosmosError:
    """The database or container around the wanted thing is not there."""
    return CosmosError(404, "NotFound", message="Owner resource does not exist", substatus=1003)


def conflict() -> CosmosError:
    return CosmosError(409, "Conflict", message="Resource with specified id or name already exists.")


def precondition_failed() -> CosmosError:
    return CosmosError(412, "PreconditionFailed", message=PRECONDITION)


def too_large() -> CosmosError:
    return CosmosError(413, "RequestEntityTooLarge", message="Request size is too large")


def range_gone() -> CosmosError:
    """A partition key range id that this container does not have: clients read the ranges again."""
    return CosmosError(
        410, "Gone", message="The requested resource is no longer available at the server.", substatus=1002
    )


def stale_container() -> CosmosError:
    """The client means a container of this name that has been deleted since: it looks the name up again."""
    message = "Collection rid in the request header does not match the current collection."
    return CosmosError(400, "BadRequest", message=message, substatus=1024)


def unavailable() -> CosmosError:
    message = "The service is currently unavailable: the commit failed, nothing was written."
    return CosmosError(503, "ServiceUnavailable", message=message)
