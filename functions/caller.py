"""Who calls, and what they may do: from a request to a Caller or a Refusal. Knows no route and no verb.

A key names a merchant. Behind Azure's built-in authentication the client principal names an application and its roles.
Where neither says who calls, only the development principal of a laptop is let in.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import azure.functions as func

from functions.principal import HEADER, Unreadable, principal_in


class Role(StrEnum):
    """What a caller may do: the app roles of the registration in Microsoft Entra ID."""

    CREATE = "Payments.Create"
    READ = "Payments.Read"
    REFUND = "Payments.Refund"
    OPERATIONS = "Operations"


OF_A_KEY = frozenset({Role.CREATE, Role.READ, Role.REFUND})
"""A key opens payments, and never operations: it names no person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """merchant_id: whose payments they make and see. name: for the record of what they do."""

    merchant_id: str
    name: str
    roles: frozenset[str]


NOBODY = Caller(merchant_id="", name="", roles=frozenset())
"""At a route that is open to all. No payment is this merchant's."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A code of problems.py. detail: for the caller; it repeats nothing that was sent."""

    code: str
    detail: str | None = None


_NO_KEY = Refusal("caller_unknown", "Send a function key, in x-functions-key or as ?code=.")
_NO_MERCHANT = Refusal("caller_unknown", "This key belongs to no merchant.")
_NO_PRINCIPAL = Refusal("caller_unknown", "Sign in: no client principal came with the request.")
_NO_OPERATOR = Refusal("caller_unknown", "Nobody can sign in as an operator here.")
_ODD_PRINCIPAL = Refusal("caller_unknown", "The client principal cannot be read, or names no application.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """How callers are known, as the settings say.

    merchants: by the SHA-256 of their key; empty: each key is that of merchant_id. The names *_by_entra say where the
    client principal is believed. development: who calls where nothing else says it; None but on a laptop. hosts: under
    which names the development principal may be asked, beside those of the loopback.
    """

    merchant_id: str
    merchants: Mapping[str, str]
    payments_by_entra: bool
    operations_by_entra: bool
    development: str | None
    hosts: frozenset[str]

    def caller(self, req: func.HttpRequest, *, needs: Role) -> Caller | Refusal:
        """Who calls, if they have the role."""
        found = self._known(req, is_operation=needs is Role.OPERATIONS)
        if isinstance(found, Refusal) or needs in found.roles:
            return found
        return Refusal("role_missing", f"This needs the role {needs}.")

    def _known(self, req: func.HttpRequest, *, is_operation: bool) -> Caller | Refusal:
        if not (self.payments_by_entra or self.operations_by_entra) and _claims_a_principal(req):
            return Refusal("principal_forged")
        if self.operations_by_entra if is_operation else self.payments_by_entra:
            return _of_principal(req)
        if not is_operation and (key := _offered_key(req)):
            return self._of_key(key)
        return self._developer() or (_NO_OPERATOR if is_operation else _NO_KEY)

    def _of_key(self, key: str) -> Caller | Refusal:
        """Whose key it is. The host has checked that it is one. The time of a look at digests tells nothing of it.

        Bytes that are no UTF-8 arrive here as lone surrogates. No key in the table can have them, so it is nobody's.
        """
        if not self.merchants:
            return Caller(merchant_id=self.merchant_id, name=self.merchant_id, roles=OF_A_KEY)
        merchant = self.merchants.get(hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest())
        return Caller(merchant_id=merchant, name=merchant, roles=OF_A_KEY) if merchant else _NO_MERCHANT

    def _developer(self) -> Caller | None:
        if self.development is None:
            return None
        return Caller(merchant_id=self.merchant_id, name=self.development, roles=frozenset(Role))


def _claims_a_principal(req: func.HttpRequest) -> bool:
    return any(name.lower().startswith(HEADER) for name in req.headers)


def _of_principal(req: func.HttpRequest) -> Caller | Refusal:
    if HEADER not in req.headers:
        return _NO_PRINCIPAL
    try:
        principal = principal_in(req.headers)
    except Unreadable:
        return _ODD_PRINCIPAL
    return Caller(merchant_id=principal.application, name=principal.name, roles=principal.roles)


def _offered_key(req: func.HttpRequest) -> str:
    """As the host looks for it: the header goes before the query, whose `code` may be in any letters.

    What was sent twice arrives here joined, while the host has looked at the first: nobody's key.
    """
    if key := req.headers.get("x-functions-key", ""):
        return str(key)
    return ",".join(value for name, value in req.params.items() if name.lower() == "code")
