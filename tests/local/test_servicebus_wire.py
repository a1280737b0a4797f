"""The codec, the sections, the frames read along, the SASL exchange: bytes in, bytes out."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.azure.servicebus.addresses import Address, parse
from local.azure.servicebus.entities import Body, Entry, MessageState, Queue, Topic
from local.azure.servicebus.frames import BATCH_FORMAT, FrameWatch
from local.azure.servicebus.sasl import Sasl
from local.azure.servicebus.sections import batch_members, envelope, render, split
from local.azure.servicebus.values import (
    Array,
    Described,
    Int,
    Malformed,
    Symbol,
    Timestamp,
    UInt,
    decode,
    encode,
    encode_list,
    encode_map,
    end_of,
    items_of,
)
from tests.local.servicebus_support import message

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(max_size=300),
    st.binary(max_size=300),
    st.uuids(),
    st.integers(0, 2**40).map(Timestamp),
    st.integers(0, 2**32 - 1).map(UInt),
    st.integers(-(2**31), 2**31 - 1).map(Int),
    st.text("abc:-", max_size=20).map(Symbol),
)
KEYS = st.one_of(st.text(max_size=20), st.integers(0, 99))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_encoded_is_decoded_to_the_same(value: object) -> None:
    octets = encode(value)

    assert decode(octets) == (value, len(octets))
    assert end_of(b"\x40" + octets + b"\x40", 1) == len(octets) + 1


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_be_malformed(octets: bytes) -> None:
    for read in (decode, split, envelope, batch_members):
        try:
            read(octets)
        except Malformed:
            continue


@pytest.mark.parametrize("octets", [bytes(200_000), b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40"])
def test_bytes_made_to_cost_much_are_malformed(octets: bytes) -> None:
    with pytest.raises(Malformed):
        decode(octets)


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_message_that_ends_too_early_is_malformed(cut: int) -> None:
    with pytest.raises(Malformed):
        split(message()[:-cut])


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"\x56\x01", True),
        (b"\x60\x01\x00", 256),
        (b"\x54\xff", -1),
        (b"\x45", []),
        (b"\x82" + b"\x3f\xf8" + bytes(6), 1.5),
        (b"\xe0\x04\x02\x55\x01\x02", [1, 2]),
        (b"\x00\x53\x77\xa1\x01x", Described(0x77, "x")),
    ],
)
def test_encodings_that_only_others_use_are_read(octets: bytes, value: object) -> None:
    assert decode(octets) == (value, len(octets))


def test_arrays_of_numbers_and_tokens_are_written_and_read() -> None:
    tokens = [UUID(int=1), UUID(int=2)]

    assert decode(encode(Array(tokens, 0x98)))[0] == tokens
    assert decode(encode(Array([5, -6], 0x81)))[0] == [5, -6]


def _entry(payload: bytes, **settings: object) -> Entry:
    topic = Topic("t", None, None, None)
    entry = Entry(1, Queue("t", topic), 7, Body(1, payload, envelope(payload)), enqueued_ms=1_000)
    for name, value in settings.items():
        setattr(entry, name, value)
    return entry


def test_a_delivered_message_keeps_the_senders_bytes_and_gets_the_brokers_annotations() -> None:
    decimal = b"\x74\x00\x00\x00\x01"
    ours = encode_map(
        [encode(Symbol("x-opt-partition-key")), decimal, encode(Symbol("x-opt-sequence-number")), b"\x40"]
    )
    payload = b"\x00\x53\x72" + ours + message("m", application={"a": Int(1)})

    out = split(render(_entry(payload, lock_token=UUID(int=9), locked_until_ms=5, delivery_count=2)))

    annotations = items_of(out.annotations, 0)
    assert annotations[:2] == [encode(Symbol("x-opt-partition-key")), decimal]
    assert annotations.count(encode(Symbol("x-opt-sequence-number"))) == 1
    assert (out.properties, out.application, out.body) == (
        split(payload).properties,
        split(payload).application,
        split(payload).body,
    )
    assert items_of(out.header, 0)[4] == encode(UInt(2))


def test_a_dead_message_tells_why_in_place_of_an_older_reason() -> None:
    payload = message(application={"DeadLetterReason": "old", "kept": 1})

    out = render(_entry(payload, reason="new", description="why", state=MessageState.ACTIVE))

    told = envelope(out).application
    assert told == {"deadletterreason": "new", "deadlettererrordescription": "why", "kept": 1}


def test_who_peeks_learns_nothing_of_the_lock() -> None:
    peeked = render(_entry(message(), lock_token=UUID(int=9), locked_until_ms=5), peeked=True)

    assert UUID(int=9).bytes not in peeked
    assert b"x-opt-locked-until" not in peeked


def test_without_a_ttl_the_absolute_expiry_counts() -> None:
    fields = [encode("m"), *[b"\x40"] * 7, encode(Timestamp(5_000)), encode(Timestamp(2_000))]

    assert envelope(b"\x00\x53\x73" + encode_list(fields)).ttl_ms == 3_000


def _frame(performative: int, fields: list[bytes], *, payload: bytes = b"") -> bytes:
    content = b"\x02\x00\x00\x00" + bytes((0, 0x53, performative)) + encode_list(fields) + payload
    return (len(content) + 4).to_bytes(4) + content


def _attach(name: str, handle: int) -> bytes:
    return _frame(0x12, [encode(name), encode(UInt(handle)), encode(value=False)])


def _transfer(handle: int, message_format: int, *, more: bool = False, aborted: bool = False) -> bytes:
    flags = [encode(value=False), encode(more), b"\x40", b"\x40", b"\x40", encode(aborted)]
    return _frame(
        0x14, [encode(UInt(handle)), b"\x43", b"\xa0\x01x", encode(UInt(message_format)), *flags], payload=b"payload"
    )


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_format_of_each_message_is_read_however_the_bytes_come(size: int) -> None:
    stream = b"AMQP\x00\x01\x00\x00" + _attach("a", 0) + _attach("b", 1)
    stream += _transfer(0, BATCH_FORMAT, more=True) + _transfer(1, 0) + _transfer(0, 0) + _transfer(0, 0)
    watch = FrameWatch()

    for at in range(0, len(stream), size):
        watch.feed(stream[at : at + size])

    assert [watch.take("a"), watch.take("b"), watch.take("a"), watch.take("a")] == [BATCH_FORMAT, 0, 0, 0]


def test_an_aborted_transfer_ends_its_message() -> None:
    watch = FrameWatch()

    watch.feed(b"AMQP\x00\x01\x00\x00" + _attach("a", 0) + _transfer(0, 5, more=True))
    watch.feed(_transfer(0, 5, more=True, aborted=True) + _transfer(0, BATCH_FORMAT))

    assert [watch.take("a"), watch.take("a")] == [5, BATCH_FORMAT]


def test_sasl_takes_any_mechanism_and_hands_on_what_follows() -> None:
    sasl = Sasl()
    init = _frame(0x41, [encode(Symbol("ANONYMOUS"))])

    greeting, early = sasl.feed(b"AMQP\x03\x01\x00\x00")
    outcome, rest = sasl.feed(init + b"AMQP\x00\x01\x00\x00")

    assert greeting.startswith(b"AMQP\x03\x01\x00\x00")
    assert b"MSSBCBS" in greeting
    assert (early, rest, sasl.done) == (b"", b"AMQP\x00\x01\x00\x00", True)
    assert outcome[8:11] == b"\x00\x53\x44"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("amqps://127.0.0.1:5672/Orders", Address("Orders")),
        ("orders/subscriptions/ship", Address("orders/Subscriptions/ship")),
        (
            "amqps://h/orders/Subscriptions/ship/$deadletterqueue",
            Address("orders/Subscriptions/ship/$DeadLetterQueue"),
        ),
        ("orders/$management", Address("orders", is_management=True)),
        ("$cbs", Address("", is_cbs=True)),
        (
            "o/Subscriptions/s/$Transfer/$DeadLetterQueue",
            Address("o/Subscriptions/s/$Transfer/$DeadLetterQueue", is_transfer_dead=True),
        ),
    ],
)
def test_addresses_are_read_in_every_spelling(text: str, address: Address) -> None:
    assert parse(text).entity.lower() == address.entity.lower()
    assert (parse(text).is_cbs, parse(text).is_management) == (address.is_cbs, address.is_management)
    assert parse(text).is_transfer_dead == address.is_transfer_dead


def test_a_time_that_no_file_holds_is_cut_to_the_last_that_it_does() -> None:
    latest = b"\x80" + b"\xff" * 8
    annotations = encode_map([encode(Symbol("x-opt-scheduled-enqueue-time")), latest])
    header = encode_list([b"\x40", b"\x40", latest])

    read = envelope(b"\x00\x53\x70" + header + b"\x00\x53\x72" + annotations + message("m1"))

    assert read.scheduled_ms == read.ttl_ms == 253_402_300_799_999


def test_an_array_without_a_count_is_malformed() -> None:
    with pytest.raises(Malformed):
        decode(b"\xe0\x00")
