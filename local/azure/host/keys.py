"""The keys that callers bring. Must not know a route."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that callers must bring. Without `required` nobody is asked, as with `func start`."""

    required: bool = False
    function_key: str = ""
    admin_key: str = ""

    def open(self, auth_level: str, offered: str) -> bool:
        if not self.required or auth_level == "ANONYMOUS":
            return True
        accepted = [self.admin_key] if auth_level == "ADMIN" else [self.function_key, self.admin_key]
        sent = offered.encode(errors="surrogatepass")  # what is no UTF-8 arrives as lone surrogates, and is no key
        return any(key and hmac.compare_digest(key.encode(), sent) for key in accepted)


def offered_key(headers: Mapping[str, str], query: Mapping[str, str]) -> str:
    """The header wins, also an empty one; the query's `code` in any case of its letters."""
    if "x-functions-key" in headers:
        return headers["x-functions-key"]
    return next((value for name, value in query.items() if name.casefold() == "code"), "")
