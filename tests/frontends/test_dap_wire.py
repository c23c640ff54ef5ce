"""The wire of the debug adapter: whatever bytes come, each message behind them is found, and nothing is raised."""

from __future__ import annotations

import io
import json
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralpdb.frontends.dap.wire import MAX_BODY, MAX_SKIPPED, Message, Refused, Sender, messages

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**60), 2**60),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=4,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=3)


def framed(message: Any, end: bytes = b"\r\n") -> bytes:
    body = json.dumps(message).encode()
    return b"Content-Length: %d%b%b%b" % (len(body), end, end, body)


def read(data: bytes) -> list[Message | Refused]:
    return list(messages(io.BytesIO(data)))


@given(st.lists(OBJECTS, max_size=3))
def test_what_is_sent_is_what_is_read(sent: list[Message]) -> None:
    stream = io.BytesIO()
    send = Sender(cast(BinaryIO, stream))
    for message in sent:
        send(message)
    assert read(stream.getvalue()) == [{"seq": i, **message} for i, message in enumerate(sent, 1)]


@given(st.binary())
def test_no_bytes_raise_anything(data: bytes) -> None:
    for each in read(data):
        assert isinstance(each, Refused | dict)


@given(st.binary(), OBJECTS)
def test_a_message_is_found_behind_lines_of_nonsense(noise: bytes, message: Message) -> None:
    noise = noise.replace(b"Content-Length", b"")
    assert read(noise + b"\n" + framed(message))[-1] == message


def test_nonsense_is_complained_about_once_however_long_it_is() -> None:
    found = read(b"what is this\n" * 10_000 + framed({"a": 1}) + b"and this\n" + framed({"a": 2}))
    assert [isinstance(each, Refused) for each in found] == [True, False, True, False]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not JSON"),
        (b"[1]", "no JSON object"),
        (b'{"a": NaN}', "NaN is no JSON"),
        (b'{"a": "\xff"}', "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_a_body_that_is_no_message_is_refused_and_the_next_one_is_read(body: bytes, reason: str) -> None:
    found = read(b"Content-Length: %d\r\n\r\n%b" % (len(body), body) + framed({"a": 1}))
    assert isinstance(found[0], Refused) and reason in found[0].reason
    assert found[1:] == [{"a": 1}]


@pytest.mark.parametrize("length", ["-1", "1e3", "x", "0x10", "1 2", str(MAX_SKIPPED + 1), "9" * 19, "9" * 4000, "٣"])
def test_a_length_that_is_none_is_refused_and_the_next_message_is_read(length: str) -> None:
    data = f"Content-Length: {length}\r\n\r\n".encode() + b'{"a": 0}'
    found = read(data + framed({"a": 1}))
    assert [each for each in found if not isinstance(each, Refused)] == [{"a": 1}]
    assert isinstance(found[0], Refused)


def test_a_message_that_is_too_long_is_skipped_without_being_held() -> None:
    read_at_once = 0

    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal read_at_once
            read_at_once = max(read_at_once, size or 0)
            return super().read(size)

    size = MAX_BODY + 1
    stream = Watched(b"Content-Length: %d\r\n\r\n%b" % (size, b"x" * size) + framed({"a": 1}))
    found = list(messages(stream))
    assert isinstance(found[0], Refused) and "too long" in found[0].reason
    assert found[1:] == [{"a": 1}]
    assert read_at_once <= 65_536


@given(OBJECTS, st.data())
def test_a_message_that_is_cut_off_is_the_end(message: Message, data: st.DataObject) -> None:
    whole = framed(message)
    assert read(whole[: data.draw(st.integers(0, len(whole) - 1))]) == []


@pytest.mark.parametrize("header", ["content-length:{}", "CONTENT-LENGTH :{}", "Content-Length:   {}  "])
def test_headers_are_read_as_generously_as_http_does(header: str) -> None:
    body = b'{"a": 1}'
    lines = f"Content-Type: x\r\n{header.format(len(body)).replace(' :', ':')}\r\nX-Other: y\r\n\r\n".encode()
    assert read(lines + body) == [{"a": 1}]
    assert read(framed({"a": 1}, b"\n")) == [{"a": 1}]


def test_a_client_that_is_gone_is_not_written_to() -> None:
    class Gone(io.BytesIO):
        def flush(self) -> None:
            raise BrokenPipeError

    send = Sender(cast(BinaryIO, Gone()))
    assert not send.gone
    send({"a": 1})
    send({"a": 2})
    assert send.gone
