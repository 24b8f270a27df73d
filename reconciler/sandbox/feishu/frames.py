"""The long connection's frame (`pbbp2.Frame`, proto2), written and read without protobuf."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

CONTROL = 0
DATA = 1

_MASK = (1 << 64) - 1


class BadFrameError(ValueError):
    """These bytes are not a frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One binary message of the long connection; `method` is `CONTROL` or `DATA`."""

    seq_id: int = 0
    log_id: int = 0
    service: int = 0
    method: int = CONTROL
    headers: tuple[tuple[str, str], ...] = field(default=())
    payload_encoding: str | None = None
    payload_type: str | None = None
    payload: bytes | None = None
    log_id_new: str | None = None

    def header(self, key: str, default: str = "") -> str:
        """The first header of that name."""
        return next((value for name, value in self.headers if name == key), default)


def encode(frame: Frame) -> bytes:
    """The frame's bytes, fields in ascending order as protobuf writes them."""
    numbers = ((1, frame.seq_id), (2, frame.log_id), (3, frame.service), (4, frame.method))
    out = bytearray(b"".join(_varint(number << 3) + _varint(value) for number, value in numbers))
    for key, value in frame.headers:
        out += _chunk(5, _chunk(1, key.encode()) + _chunk(2, value.encode()))
    for number, text in ((6, frame.payload_encoding), (7, frame.payload_type)):
        if text is not None:
            out += _chunk(number, text.encode())
    if frame.payload is not None:
        out += _chunk(8, frame.payload)
    if frame.log_id_new is not None:
        out += _chunk(9, frame.log_id_new.encode())
    return bytes(out)


def decode(content: bytes) -> Frame:
    """Read a frame; unknown fields are skipped. Raises `BadFrameError` for anything that is not one."""
    numbers: dict[int, int] = {}
    chunks: dict[int, bytes] = {}
    headers: list[tuple[str, str]] = []
    for number, value in _fields(content):
        if isinstance(value, int):
            numbers[number] = value
        elif number == 5:
            headers.append(_header(value))
        else:
            chunks[number] = value
    if missing := {1, 2, 3, 4} - numbers.keys():
        raise BadFrameError(f"required field {min(missing)} is missing")
    return Frame(
        seq_id=numbers[1],
        log_id=numbers[2],
        service=_int32(numbers[3]),
        method=_int32(numbers[4]),
        headers=tuple(headers),
        payload_encoding=_text(chunks.get(6)),
        payload_type=_text(chunks.get(7)),
        payload=chunks.get(8),
        log_id_new=_text(chunks.get(9)),
    )


def _header(content: bytes) -> tuple[str, str]:
    parts = {number: value for number, value in _fields(content) if isinstance(value, bytes)}
    key, value = _text(parts.get(1)), _text(parts.get(2))
    if key is None or value is None:
        raise BadFrameError("a header lacks its key or value")
    return key, value


def _varint(number: int) -> bytes:
    rest = number & _MASK
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _chunk(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(content):
        key, at = _read_varint(content, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            value, at = _read_varint(content, at)
            yield number, value
        elif wire_type == 2:
            length, at = _read_varint(content, at)
            if at + length > len(content):
                raise BadFrameError("the frame ends inside a field")
            yield number, content[at : at + length]
            at += length
        elif wire_type in (1, 5):
            at += 8 if wire_type == 1 else 4
        else:
            raise BadFrameError(f"unknown wire type {wire_type}")


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(content) or shift > 63:
            raise BadFrameError("the frame ends inside a number")
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value & _MASK, at


def _int32(number: int) -> int:
    low = number & 0xFFFFFFFF
    return low - ((low >> 31) << 32)


def _text(content: bytes | None) -> str | None:
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BadFrameError("a text field is not UTF-8") from error
