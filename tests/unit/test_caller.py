"""Who is let in: keys that name merchants, principals that Azure vouches for, and nobody else."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import azure.functions as func
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.caller import OF_A_KEY, Caller, Doors, Refusal, Role
from tests.flow.kit.doors import LOCAL, SIGNED_IN, WITH_KEYS, principal

KEYS = {hashlib.sha256(b"key-1").hexdigest(): "merchant-1", hashlib.sha256(b"key-2").hexdigest(): "merchant-2"}
SHARED = replace(WITH_KEYS, merchants=KEYS)
"""Several merchants, each with a key of their own."""


def asking(headers: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None) -> func.HttpRequest:
    return func.HttpRequest("GET", "/api/payments/x", headers=dict(headers or {}), params=dict(params or {}), body=b"")


def known(doors: Doors, *, needs: Role = Role.READ, **sent: Any) -> Caller | Refusal:
    return doors.caller(asking(**sent), needs=needs)


def code(found: Caller | Refusal) -> str:
    assert isinstance(found, Refusal), found
    return found.code


def merchant(found: Caller | Refusal) -> str:
    assert isinstance(found, Caller), found
    return found.merchant_id


def stated(document: object) -> dict[str, str]:
    """The header with any content."""
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return {"x-ms-client-principal": base64.b64encode(raw).decode()}


# -- keys


def test_without_a_table_every_key_is_the_merchants() -> None:
    assert merchant(known(WITH_KEYS, headers={"x-functions-key": "any"})) == "merchant-1"


@pytest.mark.parametrize(("key", "whose"), [("key-1", "merchant-1"), ("key-2", "merchant-2")])
def test_with_a_table_a_key_is_whose_it_says(key: str, whose: str) -> None:
    assert merchant(known(SHARED, headers={"X-Functions-Key": key})) == whose
    assert merchant(known(SHARED, params={"code": key})) == whose
    assert merchant(known(SHARED, params={"Code": key})) == whose, "the host takes it in any letters"


@pytest.mark.parametrize(
    "key", ["key-3", "KEY-1", " key-1", "key-1,key-2", "\udcff\udcfe", "\ud800", "key-1\udcff", *KEYS]
)
def test_a_key_that_is_in_no_table_opens_nothing(key: str) -> None:
    """Such as the host's master key, which opens every door of the host; the digest itself; and what is no text."""
    assert code(known(SHARED, headers={"x-functions-key": key})) == "caller_unknown"


def test_the_header_goes_before_the_query_as_at_the_host() -> None:
    found = known(SHARED, headers={"x-functions-key": "key-1"}, params={"code": "key-2"})

    assert merchant(found) == "merchant-1"


def test_two_keys_in_the_query_are_nobodys() -> None:
    assert code(known(SHARED, params={"code": "key-1", "CODE": "key-2"})) == "caller_unknown"


def test_no_key_is_nobody() -> None:
    assert code(known(WITH_KEYS)) == code(known(SHARED)) == "caller_unknown"


def test_a_key_may_pay_read_and_refund_and_never_operate() -> None:
    found = known(WITH_KEYS, headers={"x-functions-key": "k"})

    assert isinstance(found, Caller)
    assert found.roles == OF_A_KEY == {Role.CREATE, Role.READ, Role.REFUND}
    assert code(known(WITH_KEYS, needs=Role.OPERATIONS, headers={"x-functions-key": "k"})) == "caller_unknown"


# -- the principal that Azure vouches for


def test_the_merchant_is_the_application_that_calls() -> None:
    found = known(SIGNED_IN, headers=principal(Role.READ, application="shop", oid="who-1"))

    assert found == Caller(merchant_id="shop", name="who-1", roles=frozenset({Role.READ}))


def test_tokens_of_the_first_version_call_the_application_appid() -> None:
    claims = [{"typ": "appid", "val": "shop"}, {"typ": "roles", "val": "Payments.Read"}]

    assert merchant(known(SIGNED_IN, headers=stated({"claims": claims}))) == "shop"


def test_the_platforms_own_names_of_claims_are_understood() -> None:
    claims = [
        {"typ": "azp", "val": "shop"},
        {"typ": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role", "val": "Payments.Read"},
        {"typ": "http://schemas.microsoft.com/identity/claims/objectidentifier", "val": "who-1"},
    ]

    found = known(SIGNED_IN, headers=stated({"claims": claims}))

    assert found == Caller(merchant_id="shop", name="who-1", roles=frozenset({"Payments.Read"}))


def test_who_signs_in_with_a_browser_has_an_id_token_that_names_its_audience_alone() -> None:
    """As the platform passes on what Entra ID puts into one: neither azp nor appid."""
    claims = [
        {"typ": "aud", "val": "the-page"},
        {"typ": "iss", "val": "https://login.microsoftonline.com/t/v2.0"},
        {"typ": "http://schemas.microsoft.com/identity/claims/objectidentifier", "val": "who-1"},
        {"typ": "preferred_username", "val": "ada@example.org"},
        {"typ": "roles", "val": "Operations"},
    ]
    headers = {**stated({"claims": claims}), "x-ms-client-principal-name": "ada@example.org"}

    found = known(SIGNED_IN, needs=Role.OPERATIONS, headers=headers)

    assert found == Caller(merchant_id="the-page", name="ada@example.org", roles=frozenset({"Operations"}))


def test_the_audience_is_never_taken_for_the_application_that_calls() -> None:
    claims = [
        {"typ": "aud", "val": "api://the-page"},
        {"typ": "azp", "val": "shop"},
        {"typ": "roles", "val": "Payments.Read"},
    ]

    assert merchant(known(SIGNED_IN, headers=stated({"claims": claims}))) == "shop"


@pytest.mark.parametrize(
    ("name", "said"), [("ada@example.org", "ada@example.org"), ("", "who-1"), ("a" * 129, "who-1"), ("a\x00b", "who-1")]
)
def test_the_record_names_the_person_or_what_identifies_them(name: str, said: str) -> None:
    found = known(SIGNED_IN, needs=Role.OPERATIONS, headers=principal(Role.OPERATIONS, name=name, oid="who-1"))

    assert isinstance(found, Caller)
    assert found.name == said


@pytest.mark.parametrize("needs", list(Role))
def test_each_role_opens_its_own_door_and_no_other(needs: Role) -> None:
    others = [role for role in Role if role is not needs]

    assert isinstance(known(SIGNED_IN, needs=needs, headers=principal(needs)), Caller)
    refused = known(SIGNED_IN, needs=needs, headers=principal(*others))
    assert refused == Refusal("role_missing", f"This needs the role {needs}.")


def test_a_key_is_no_stand_in_for_a_principal() -> None:
    assert code(known(SIGNED_IN, headers={"x-functions-key": "k"})) == "caller_unknown"


ODD = [
    b"",
    b"\xff\xfe",
    b"[]",
    b"null",
    b'"claims"',
    b"[" * 100_000,
    b'{"claims": null}',
    b'{"claims": {"azp": "shop"}}',
    b'{"claims": ["azp"]}',
    b'{"claims": [{"typ": "azp"}]}',
    b'{"claims": [{"typ": "azp", "val": 1}]}',
    b'{"claims": [{"typ": ["azp"], "val": "shop"}]}',
    b'{"claims": []}',
    b'{"claims": [{"typ": "roles", "val": "Payments.Read"}]}',
    b'{"claims": [{"typ": "aud", "val": "a"}, {"typ": "aud", "val": "b"}, {"typ": "roles", "val": "Payments.Read"}]}',
    b'{"claims": [{"typ": "aud", "val": "a"}, {"typ": "azp", "val": ""}, {"typ": "roles", "val": "Payments.Read"}]}',
    b'{"claims": [{"typ": "azp", "val": ""}, {"typ": "roles", "val": "Payments.Read"}]}',
    b'{"claims": [{"typ": "azp", "val": "a\\nb"}, {"typ": "roles", "val": "Payments.Read"}]}',
    b'{"claims": [{"typ": "azp", "val": "shop"}, {"typ": "azp", "val": "other"}]}',
    b'{"claims": [{"typ": "azp", "val": "shop"}, {"typ": "appid", "val": "other"}]}',
    b'{"claims": [{"typ": "azp", "val": "' + b"a" * 65 + b'"}]}',
]


@pytest.mark.parametrize("content", ODD, ids=lambda content: repr(content[:60]))
def test_a_principal_that_cannot_be_read_is_nobody(content: bytes) -> None:
    assert code(known(SIGNED_IN, headers=stated(content))) == "caller_unknown"


@given(st.text(max_size=80))
def test_any_text_in_the_header_is_refused_and_never_fails(text: str) -> None:
    assert code(known(SIGNED_IN, headers={"x-ms-client-principal": text})) == "caller_unknown"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
)


@given(st.lists(st.dictionaries(st.sampled_from(["typ", "val", "x"]), json_values, max_size=3), max_size=3))
def test_any_claims_are_refused_or_read_and_never_fail(claims: list[dict[str, Any]]) -> None:
    assert code(known(SIGNED_IN, headers=stated({"claims": claims}))) in ("caller_unknown", "role_missing")


# -- a principal where nobody vouches for it


FORGED = [
    principal(*Role),
    {"X-MS-CLIENT-PRINCIPAL": "e30="},
    {"x-ms-client-principal-name": "ada@example.org"},
    {"x-ms-client-principal-id": "who-1"},
    {"x-ms-client-principal-idp": "aad"},
]


@pytest.mark.parametrize("headers", FORGED, ids=lambda headers: next(iter(headers)))
@pytest.mark.parametrize("needs", [Role.CREATE, Role.OPERATIONS])
@pytest.mark.parametrize("development", [None, "developer"])
def test_where_nobody_signs_in_a_principal_is_forged(
    headers: dict[str, str], needs: Role, development: str | None
) -> None:
    doors = replace(LOCAL, development=development)

    assert code(known(doors, needs=needs, headers={"x-functions-key": "k", **headers})) == "principal_forged"


def test_where_operators_sign_in_a_key_counts_and_a_principal_beside_it_does_not() -> None:
    """The platform adds one for whoever shows a token, on the paths too where it asks for none."""
    found = known(SHARED, headers={"x-functions-key": "key-1", **principal(*Role, application="merchant-2")})

    assert found == Caller(merchant_id="merchant-1", name="merchant-1", roles=OF_A_KEY)


def test_where_only_merchants_sign_in_a_principal_makes_no_operator() -> None:
    doors = replace(SIGNED_IN, operations_by_entra=False)

    assert code(known(doors, needs=Role.OPERATIONS, headers=principal(*Role))) == "caller_unknown"


# -- a laptop


@pytest.mark.parametrize("needs", list(Role))
def test_on_a_laptop_the_development_principal_may_do_everything(needs: Role) -> None:
    assert known(LOCAL, needs=needs) == Caller(merchant_id="merchant-1", name="developer", roles=frozenset(Role))


def test_a_key_counts_on_a_laptop_too() -> None:
    doors = replace(LOCAL, merchants=KEYS)

    assert merchant(known(doors, headers={"x-functions-key": "key-2"})) == "merchant-2"
    assert code(known(doors, headers={"x-functions-key": "key-3"})) == "caller_unknown"


@pytest.mark.parametrize("headers", [{}, {"x-functions-key": "key-1"}])
def test_where_nobody_signs_in_only_the_development_principal_operates(headers: dict[str, str]) -> None:
    """Whatever key comes along."""
    found = known(LOCAL, needs=Role.OPERATIONS, headers=headers)

    assert isinstance(found, Caller)
    assert found.name == "developer"
    assert code(known(replace(LOCAL, development=None), needs=Role.OPERATIONS, headers=headers)) == "caller_unknown"


@pytest.mark.parametrize("secret", ["key-3-s3cret"])
def test_no_refusal_repeats_what_was_sent(secret: str) -> None:
    refusals = [
        known(SHARED, headers={"x-functions-key": secret}),
        known(SIGNED_IN, headers={"x-ms-client-principal": secret}),
        known(SIGNED_IN, headers=principal(secret, application=secret)),
        known(LOCAL, headers={"x-ms-client-principal-name": secret}),
    ]

    assert secret not in str(refusals)
