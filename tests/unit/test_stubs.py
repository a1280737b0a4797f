"""The dead letter of a document that is no event: it names the document, and no two documents share it."""

import json
from typing import Any

from shared.codec.stubs import stub_of
from shared.domain.letters import DeadLetter
from shared.domain.reasons import Reason


def a_stub(**document: Any) -> DeadLetter:
    return stub_of(document, reason=Reason.UNMAPPABLE, description="odd")


def test_it_names_the_document_by_its_id_and_its_partition() -> None:
    stub = a_stub(id="odd", paymentId="payment-1")

    assert json.loads(stub.body) == {"document_id": "odd", "payment_id": "payment-1"}


def test_documents_that_differ_in_anything_that_identifies_them_have_letters_of_their_own() -> None:
    one = {"id": "odd", "paymentId": "payment-1", "_rid": "r1"}
    others = [one | {"id": "other"}, one | {"paymentId": "payment-2"}, one | {"_rid": "r2"}]

    ids = [a_stub(**document).message_id for document in (one, *others)]

    assert len(set(ids)) == 4
    assert a_stub(**one, value="changed").message_id == ids[0], "the same document again is the same letter"
