"""The payments: a list of the newest, one that went well the second time, and one that is being tried again."""

from typing import Any

from tests.browser.scenes.shop import CURRENCY, MERCHANT, Json, at, payment_id


def row_of(
    name: str, amount: int, *, began_s: float, moved_s: float, status: str, waits: str = "no", **changes: Any
) -> Json:
    owes = {"initiated": "create", "created": "settle", "settled": "notify"}.get(status)
    settled = status in {"settled", "completed"}
    return {
        "id": payment_id(name),
        "merchant_month": f"2026-11:{MERCHANT}",
        "position": f"{at(began_s)} {payment_id(name)}",
        "schemaVersion": 1,
        "merchant_id": MERCHANT,
        "version": {"initiated": 1, "created": 2, "settled": 3, "failed": 2}.get(status, 4),
        "status": status,
        "owes": owes,
        "amount_minor": amount,
        "currency": CURRENCY,
        "reference": name,
        "settled": settled,
        "refunded_minor": 0,
        "disputed_minor": 0,
        "initiated_at": at(began_s),
        "moved_at": at(moved_s),
        "broken": [owes] if waits == "parked" else [],
        "charged_twice": False,
        "captured_late": False,
        "waits": waits,
        "swept_at": None,
        "active_at": at(moved_s),
        **changes,
    }


def payments() -> Json:
    rows = [
        row_of("order-20466", 3400, began_s=0.4, moved_s=0.4, status="initiated"),
        row_of("order-20465", 1250, began_s=1.1, moved_s=0.3, status="created"),
        row_of("order-20464", 8990, began_s=2.3, moved_s=0.9, status="settled"),
        row_of("order-20463", 2500, began_s=4, moved_s=2.8, status="completed"),
        row_of("order-20462", 119900, began_s=6, moved_s=5.2, status="failed"),
        row_of("order-20461", 4550, began_s=9, moved_s=7.8, status="completed"),
        row_of("order-20460", 4990, began_s=47.2, moved_s=12.2, status="completed", version=7, refunded_minor=1500),
        row_of("order-20459", 8900, began_s=49, moved_s=48, status="initiated", waits="parked"),
        row_of("order-20458", 1999, began_s=52, moved_s=45, status="voided"),
        row_of("order-20446", 1250, began_s=340, moved_s=340, status="initiated"),
        row_of("order-20441", 3400, began_s=462, moved_s=274, status="initiated", waits="parked"),
        row_of("order-20440", 6150, began_s=480, moved_s=290, status="created", waits="parked"),
    ]
    return {"payments": rows, "next_page": "next", "as_of": at(0)}


# --- one payment: its capture was not answered, was asked about, and came; later a part of it was given back

BOOKS = payment_id("order-20460")
REFUND = payment_id("refund of order-20460")
_TRACE, _LATER_TRACE = "8b536d2163d43cda05fbf3bdf82ebd30", "5a5551d0b2e080be37ab648235f59665"
BEGAN_S = 47.2
"""Ago. The rest of its moments as well."""
CREATED_S, SETTLED_S, COMPLETED_S, ASKED_S, REFUNDED_S, TOLD_S = 46.9, 35.6, 35.1, 14.0, 12.8, 12.2
SHOP = "https://shop.example/payments"


def payment() -> Json:
    return {
        "payment_id": BOOKS,
        "version": 7,
        "status": "completed",
        "merchant_id": MERCHANT,
        "amount_minor": 4990,
        "currency": CURRENCY,
        "reference": "order-20460",
        "notification_url": SHOP,
        "initiated_at": at(BEGAN_S),
        "expires_at": at(BEGAN_S - 86400),
        "created": {"at": at(CREATED_S), "provider_payment_id": "pp_942c0442"},
        "settled": {"at": at(SETTLED_S), "capture_id": "cap_3b7f51fc"},
        "completed": {"at": at(COMPLETED_S), "notification": "delivered"},
        "refunds": [
            {
                "refund_id": REFUND,
                "amount_minor": 1500,
                "status": "refunded",
                "requested_at": at(ASKED_S),
                "refunded": {"at": at(REFUNDED_S), "provider_refund_id": "re_de981fd7"},
            }
        ],
        "description": "Two books",
        "metadata": {"cart": "7"},
        "ledger": {
            "authorised_minor": 4990,
            "captured_minor": 4990,
            "refunded_minor": 1500,
            "refunding_minor": 0,
            "disputed_minor": 0,
            "net_minor": 3490,
        },
    }


def events() -> Json:
    began = {
        "payment_id": BOOKS,
        "merchant_id": MERCHANT,
        "amount_minor": 4990,
        "currency": CURRENCY,
        "payment_method": "pm_ok",
        "reference": "order-20460",
        "expires_at": at(BEGAN_S - 86400),
        "description": "Two books",
        "metadata": {"cart": "7"},
        "notification_url": SHOP,
    }
    refund = {"refund_id": REFUND, "amount_minor": 1500, "reason_given": "one of two books"}
    back = {"refund_id": REFUND, "provider_refund_id": "re_de981fd7"}
    told = [
        _event(1, "initiated", BEGAN_S, began, trace_id=_TRACE),
        _event(2, "created", CREATED_S, {"provider_payment_id": "pp_942c0442"}, by=f"{BOOKS}:1", attempt=1),
        _event(3, "settled", SETTLED_S, {"capture_id": "cap_3b7f51fc"}, by=f"{BOOKS}:2:settle:1", attempt=2),
        _event(4, "completed", COMPLETED_S, {"notification": "delivered"}, by=f"{BOOKS}:3", attempt=1),
        _event(5, "refund_requested", ASKED_S, refund, by="merchant", trace_id=_LATER_TRACE),
        _event(6, "refunded", REFUNDED_S, back, by=f"{BOOKS}:5", attempt=1, trace_id=_LATER_TRACE),
        _event(7, "merchant_told", TOLD_S, {"event_id": f"{BOOKS}:6"}, by=f"{BOOKS}:6", attempt=1),
    ]
    return {"payment_id": BOOKS, "events": told}


def _event(version: int, name: str, ago_s: float, data: Json, *, by: str | None = None, **others: Any) -> Json:
    cause = {"caused_by": by} if by else {}
    return {"version": version, "type": f"payment.{name}", "occurred_at": at(ago_s), "data": data, **cause, **others}


def notifications() -> Json:
    return {
        "payment_id": BOOKS,
        "notifications": [
            _notice("notify", "settled", SETTLED_S, told_s=COMPLETED_S, took_ms=41),
            _notice("6", "refunded", REFUNDED_S, told_s=TOLD_S, took_ms=38),
        ],
    }


def _notice(name: str, word: str, ago_s: float, *, told_s: float, took_ms: int) -> Json:
    own, kind = f"{BOOKS}:{name}", f"regispay.payment.{word}.v1"
    tried = {
        "at": at(told_s),
        "attempt": 1,
        "by": "step",
        "url": SHOP,
        "status_code": 204,
        "duration_ms": took_ms,
        "headers": {"webhook-id": own, "webhook-timestamp": "1796034207", "webhook-signature": "v1,bsnl67wqv8U="},
        "body": "{}",
    }
    return {
        "notification_id": own,
        "type": kind,
        "state": "delivered",
        "occurred_at": at(ago_s),
        "told_at": at(told_s),
        "attempts": [tried],
    }


# --- one that is being tried again

HELD_UP = payment_id("order-20446")


def held_up() -> Json:
    began_s = 340
    return {
        "payment_id": HELD_UP,
        "version": 1,
        "status": "initiated",
        "merchant_id": MERCHANT,
        "amount_minor": 1250,
        "currency": CURRENCY,
        "reference": "order-20446",
        "payment_method": "pm_ok",
        "initiated_at": at(began_s),
        "expires_at": at(began_s - 86400),
        "description": None,
        "metadata": {},
        "ledger": dict.fromkeys(payment()["ledger"], 0),
        "waiting": [{"step": "create", "since": at(began_s), "state": "retrying"}],
    }


def events_held_up() -> Json:
    began = {
        "payment_id": HELD_UP,
        "merchant_id": MERCHANT,
        "amount_minor": 1250,
        "currency": CURRENCY,
        "payment_method": "pm_ok",
        "reference": "order-20446",
        "expires_at": at(340 - 86400),
        "description": None,
        "metadata": {},
        "notification_url": None,
    }
    return {"payment_id": HELD_UP, "events": [_event(1, "initiated", 340, began, trace_id=_TRACE)]}
