"""The letters: what that outage left behind, one that is grave, and what no provider is to blame for."""

import json

from tests.browser.scenes.payments import row_of
from tests.browser.scenes.shop import CURRENCY, MERCHANT, Json, at, payment_id

BUSY = "busy after 6 attempts: answered 503 unavailable"
WRONG = "the other side refuses the call as wrong: 400 invalid_payment_method"

LETTERS = (
    # name, step, reason, severity, ago in seconds, amount, description
    ("order-20418", "settle", "charged_not_recorded", "high", 705, 24900, "store_busy after 6 attempts: 429"),
    ("order-20433", "create", "retries_exhausted", "normal", 330, 4990, BUSY),
    ("order-20434", "create", "retries_exhausted", "normal", 322, 12900, BUSY),
    ("order-20436", "create", "retries_exhausted", "normal", 301, 1250, BUSY),
    ("order-20441", "create", "retries_exhausted", "normal", 274, 3400, BUSY),
    ("order-20397", "create", "our_fault", "normal", 2400, 2000, WRONG),
    ("order-20459", "create", "our_fault", "normal", 48, 8900, WRONG),
    ("order-20440", "settle", "retries_exhausted", "normal", 290, 6150, BUSY),
    ("order-20112", "notify", "notification_undelivered", "low", 6840, 7200, "busy after 10 attempts: answered 502"),
    ("order-20115", "notify", "notification_undelivered", "low", 6780, 1999, "busy after 10 attempts: answered 502"),
)
STARTED_BY = {"create": ("initiated", 1), "settle": ("created", 2), "notify": ("settled", 3)}


def _letter(row: tuple[str, str, str, str, int, int, str]) -> Json:
    name, step, reason, severity, ago_s, amount, description = row
    started, version = STARTED_BY[step]
    event = f"{payment_id(name)}:{version}"
    return {
        "id": payment_id(f"letter of {name}"),
        "status": "open",
        "as_of": 0,
        "step": step,
        "source": f"payment-{started}/{step}",
        "reason": reason,
        "description": description,
        "severity": severity,
        "payment_id": payment_id(name),
        "event_id": event,
        "cause": event,
        "recorded_at": at(ago_s),
        "merchant_id": MERCHANT,
        "reference": name,
        "amount_minor": amount,
        "currency": CURRENCY,
    }


def letters() -> Json:
    return {"dead_letters": [_letter(row) for row in LETTERS], "next_page": None, "as_of": at(0)}


NO_LETTERS: Json = {"dead_letters": [], "next_page": None, "as_of": at(0)}


def groups() -> Json:
    found: dict[tuple[str, str, str], list[Json]] = {}
    for each in letters()["dead_letters"]:
        found.setdefault((each["step"], each["reason"], each["severity"]), []).append(each)
    told = [
        {
            "step": step,
            "reason": reason,
            "severity": severity,
            "letters": len(own),
            "oldest_at": min(each["recorded_at"] for each in own),
            "newest_at": max(each["recorded_at"] for each in own),
            "payments": len(own),
            "worth": [{"currency": CURRENCY, "amount_minor": sum(each["amount_minor"] for each in own)}],
        }
        for (step, reason, severity), own in found.items()
    ]
    return {"groups": told, "open": len(LETTERS), "payments": len(LETTERS), "of_no_payment": 0, "as_of": at(0)}


WOULD = {
    "our_fault": ("left_out", "it would be refused again: name the reason our_fault to replay it"),
    "charged_not_recorded": ("replayed", "the yes that it holds is recorded first; nothing is sent after it"),
}
STATUS = {"create": "initiated", "settle": "created", "notify": "completed"}


def replayed() -> Json:
    """What a replay of all would do."""
    return {
        "dry_run": True,
        "results": [{"letter_id": each["id"], **_would(each)} for each in letters()["dead_letters"]],
        "next_page": None,
    }


def _would(letter: Json) -> Json:
    status, step = STATUS[letter["step"]], letter["step"]
    usual = ("replayed", f"the payment is {status} and {step} is left to do")
    verdict, why = WOULD.get(letter["reason"], usual)
    return {"verdict": verdict, "why": why, "cause": None}


def letter() -> Json:
    """The second one, whole."""
    row = LETTERS[1]
    told, waits_s = _letter(row), [0, 2, 7, 19, 55, 190]
    began_s = row[4] + 191
    tries = [{"at": at(began_s - wait), "code": "busy", "answer": "answered 503 unavailable"} for wait in waits_s[:-1]]
    return {
        **told,
        "message": {
            "message_id": f"{told['cause']}:create:5",
            "subject": "payment.initiated",
            "body": _cloud_event(told, began_s=began_s),
            "attempt": 5,
            "delivery_count": 1,
            "answered": False,
            "tries": [*tries, {"at": at(row[4] + 1), "code": "retries_exhausted", "answer": BUSY}],
        },
        "history": [
            {"at": at(row[4]), "action": "parked", "by": "recorder", "note": f"retries_exhausted, of {told['cause']}"}
        ],
        "payment": row_of("order-20433", 4990, began_s=began_s, moved_s=row[4], status="initiated", waits="parked"),
        "replay_would": {"letter_id": told["id"], **_would(told)},
    }


def _cloud_event(told: Json, *, began_s: int) -> str:
    payment = {key: told[key] for key in ("payment_id", "merchant_id", "amount_minor", "currency", "reference")}
    return json.dumps(
        {
            "specversion": "1.0",
            "id": told["cause"],
            "type": "regispay.payment.initiated.v1",
            "source": "/regis-pay",
            "subject": told["payment_id"],
            "time": at(began_s),
            "datacontenttype": "application/json",
            "data": {**payment, "version": 1, "status": "initiated"},
        },
        separators=(",", ":"),
    )
