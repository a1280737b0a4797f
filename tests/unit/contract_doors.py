"""Changes of who is let in by the present contract, and of how a key is shown."""

from typing import Any

from tests.unit.contract_changes import API, LIST, Change, changed, operation, renamed, webhook

type Json = dict[str, Any]

HEALTH = "/api/health"

SHUT: dict[str, tuple[Change, str, str]] = {
    "a key is asked for": (
        lambda d: operation(d, HEALTH).update(security=[{"FunctionKey": []}]),
        f"GET {HEALTH}: no key opens it no more",
        f"GET {HEALTH}: open to no key where it was shut",
    ),
    "a key is asked for everywhere": (
        lambda d: (operation(d, HEALTH).pop("security"), d.update(security=[{"FunctionKey": []}])),
        f"GET {HEALTH}: no key opens it no more",
        f"GET {HEALTH}: open to no key where it was shut",
    ),
    "a key opens no more": (
        lambda d: operation(d)["security"].pop(),
        "POST /api/payments: FunctionKeyInQuery opens it no more",
        "POST /api/payments: open to FunctionKeyInQuery where it was shut",
    ),
    "two keys are asked for": (
        lambda d: operation(d)["security"][0].update({"Entra": []}),
        "POST /api/payments: FunctionKey opens it no more",
        "POST /api/payments: open to FunctionKey where it was shut",
    ),
    "a token has to hold more": (
        lambda d: operation(d, LIST)["security"][0]["Entra"].append("Operations.Second"),
        f"GET {LIST}: Entra (Operations) opens it no more",
        f"GET {LIST}: open to Entra (Operations) where it was shut",
    ),
    "a role is needed": (
        lambda d: operation(d, HEALTH).update({"x-role": "Operations"}),
        f"GET {HEALTH}: needs the role Operations where none was needed",
        f"GET {HEALTH}: open to callers without a role where Operations was needed",
    ),
}
"""What is said of it, and what of the same undone: that opens a door."""

MOVED: dict[str, tuple[Change, str, str]] = {
    "another role": (
        lambda d: operation(d).update({"x-role": "Payments.Read"}),
        "POST /api/payments: needs the role Payments.Read where it was Payments.Create",
        "POST /api/payments: open to the role Payments.Read where Payments.Create was needed",
    ),
    "another key": (
        lambda d: renamed(operation(d)["security"][1], "FunctionKeyInQuery", "Entra"),
        "POST /api/payments: FunctionKeyInQuery opens it no more",
        "POST /api/payments: open to Entra where it was shut",
    ),
    "another token": (
        lambda d: operation(d, LIST).update(security=[{"Entra": ["Payments.Read"]}]),
        f"GET {LIST}: Entra (Operations) opens it no more",
        f"GET {LIST}: open to Entra (Payments.Read) where it was shut",
    ),
}
"""Shut to some and open to others: what is said of each."""


def scheme(document: Json, name: str) -> Any:
    return document["components"]["securitySchemes"][name]


def code_flow(document: Json) -> Any:
    return scheme(document, "SignIn")["flows"]["authorizationCode"]


def _sign_in(document: Json) -> None:
    """Ways to show who one is that the API does not have."""
    where = {"authorizationUrl": "https://a.example", "tokenUrl": "https://t.example"}
    flows = {
        "authorizationCode": {**where, "scopes": {"pay": "Pay.", "read": "Read."}},
        "clientCredentials": {"tokenUrl": "https://t.example", "scopes": {}},
    }
    document["components"]["securitySchemes"]["SignIn"] = {"type": "oauth2", "flows": flows}
    webhook(document)["security"] = [{"SignIn": ["pay"]}]


SIGN_IN = changed(API, _sign_in)

OF_KEYS: dict[str, tuple[Change, str]] = {
    "a scheme is gone": (
        lambda d: d["components"]["securitySchemes"].pop("Entra"),
        "security scheme Entra: taken away",
    ),
    "no scheme is left": (
        lambda d: d["components"].pop("securitySchemes"),
        "security scheme FunctionKey: taken away",
    ),
    "a scheme is of another type": (
        lambda d: scheme(d, "Entra").update(type="mutualTLS"),
        "security scheme Entra: type mutualTLS where it was http",
    ),
    "a token is shown in another way": (
        lambda d: scheme(d, "Entra").update(scheme="basic"),
        "security scheme Entra: scheme basic where it was bearer",
    ),
    "a key has another name": (
        lambda d: scheme(d, "FunctionKey").update(name="x-key"),
        "security scheme FunctionKey: name x-key where it was x-functions-key",
    ),
    "a key is elsewhere": (
        lambda d: scheme(d, "FunctionKey").update({"in": "cookie"}),
        "security scheme FunctionKey: in cookie where it was header",
    ),
    "a token is got elsewhere": (
        lambda d: code_flow(d).update(tokenUrl="https://other.example"),
        "security scheme SignIn flows authorizationCode: tokenUrl https://other.example where it was https://t.example",
    ),
    "a flow is gone": (
        lambda d: scheme(d, "SignIn")["flows"].pop("clientCredentials"),
        "security scheme SignIn flows: no clientCredentials any more",
    ),
    "a scope is gone": (
        lambda d: code_flow(d)["scopes"].pop("read"),
        "security scheme SignIn flows authorizationCode scopes: no read any more",
    ),
    "a webhook comes without its key": (
        lambda d: webhook(d).update(security=[]),
        "webhook payment_settled: sent with no key where it was SignIn (pay)",
    ),
    "a webhook comes with another key": (
        lambda d: webhook(d).update(security=[{"FunctionKey": []}]),
        "webhook payment_settled: sent with FunctionKey where it was SignIn (pay)",
    ),
}
"""Breaks of SIGN_IN, with what is said."""

WELCOME_OF_KEYS: dict[str, Change] = {
    "a new scheme": lambda d: d["components"]["securitySchemes"].update(Second={"type": "mutualTLS"}),
    "a new flow": lambda d: scheme(d, "SignIn")["flows"].update(password={"tokenUrl": "https://t.example"}),
    "a new scope": lambda d: code_flow(d)["scopes"].update(refund="Refund."),
    "other words about a scope": lambda d: code_flow(d)["scopes"].update(read="Look."),
    "other words about a scheme": lambda d: scheme(d, "Entra").update(description="A token."),
    "a webhook comes with a second key": lambda d: webhook(d)["security"][0].update({"FunctionKey": []}),
}

KEYS_BOTH_WAYS = {
    "a scheme is of another type",
    "a token is shown in another way",
    "a key has another name",
    "a key is elsewhere",
    "a token is got elsewhere",
    "a webhook comes with another key",
}
"""As contract_changes.BOTH_WAYS."""
