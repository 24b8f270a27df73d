"""The long connection's frame: protobuf (proto2) message `pbbp2.Frame`, written and read without protobuf.

Encoding gives the same bytes as the official SDK; decoding takes any bytes and either returns a frame or raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from reconciler.errors import UnavailableError

CONTROL = 0
"""`Frame.method` of pings and pongs."""

DATA = 1
"""`Frame.method` of events and callbacks."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_UINT64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `log` is LogID, `seq` SeqID; headers keep their order and may repeat."""

    seq: int = 0
    log: int = 0
    service: int = 0
    method: int = CONTROL
    headers: tuple[tuple[str, str], ...] = ()
    payload_encoding: str | None = None
    payload_type: str | None = None
    payload: bytes | None = None
    log_new: str | None = None

    def header(self, key: str, default: str = "") -> str:
        """The first header of that name."""
        return next((value for name, value in self.headers if name == key), default)

    def answered(self, payload: bytes, *headers: tuple[str, str]) -> Frame:
        """This frame as its own acknowledgement: same ids and headers, another payload, further headers added."""
        return replace(self, headers=(*self.headers, *headers), payload=payload)


def encode_frame(frame: Frame) -> bytes:
    """Return the frame's bytes, fields in the order of their numbers."""
    parts = [
        _varint(number << 3 | _VARINT) + _varint(value)
        for number, value in ((1, frame.seq), (2, frame.log), (3, frame.service), (4, frame.method))
    ]
    parts += [_sized(5, _sized(1, key.encode()) + _sized(2, value.encode())) for key, value in frame.headers]
    for number, text in ((6, frame.payload_encoding), (7, frame.payload_type)):
        if text is not None:
            parts.append(_sized(number, text.encode()))
    if frame.payload is not None:
        parts.append(_sized(8, frame.payload))
    if frame.log_new is not None:
        parts.append(_sized(9, frame.log_new.encode()))
    return b"".join(parts)


def decode_frame(raw: bytes) -> Frame:
    """Read a frame; unknown fields are skipped. Raises UnavailableError for bytes that are no frame."""
    numbers: dict[int, int] = {}
    texts: dict[int, str] = {}
    payload: bytes | None = None
    headers: list[tuple[str, str]] = []
    for number, value in _fields(raw):
        match number, value:
            case ((1 | 2 | 3 | 4), int()):
                numbers[number] = value
            case 5, bytes():
                headers.append(_header(value))
            case ((6 | 7 | 9), bytes()):
                texts[number] = _text(value)
            case 8, bytes():
                payload = value
            case n, _ if n <= 9:
                raise _malformed(f"field {n} has the wrong type")
            case _:
                pass
    return Frame(
        seq=numbers.get(1, 0),
        log=numbers.get(2, 0),
        service=_int32(numbers.get(3, 0)),
        method=_int32(numbers.get(4, 0)),
        headers=tuple(headers),
        payload_encoding=texts.get(6),
        payload_type=texts.get(7),
        payload=payload,
        log_new=texts.get(9),
    )


def _malformed(why: str) -> UnavailableError:
    return UnavailableError("a frame of Feishu's long connection cannot be read", why=why)


def _varint(value: int) -> bytes:
    value &= _UINT64  # a negative int32 is sign-extended to 64 bits
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _sized(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _read_varint(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(raw):
            raise _malformed("it ends inside a number")
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & _UINT64, at
    raise _malformed("a number is longer than ten bytes")


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(raw):
        key, at = _read_varint(raw, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise _malformed("field number zero")
        if kind == _VARINT:
            value, at = _read_varint(raw, at)
            yield number, value
            continue
        size, at = {_BYTES: _read_varint, _FIXED64: _eight, _FIXED32: _four}.get(kind, _unknown_kind)(raw, at)
        if at + size > len(raw):
            raise _malformed("it ends inside a field")
        if kind == _BYTES:
            yield number, bytes(raw[at : at + size])
        elif number <= 9:
            raise _malformed(f"field {number} has the wrong type")
        at += size


def _eight(_raw: bytes, at: int) -> tuple[int, int]:
    return 8, at


def _four(_raw: bytes, at: int) -> tuple[int, int]:
    return 4, at


def _unknown_kind(_raw: bytes, _at: int) -> tuple[int, int]:
    raise _malformed("unknown wire type")


def _header(raw: bytes) -> tuple[str, str]:
    parts = {number: value for number, value in _fields(raw) if isinstance(value, bytes)}
    return _text(parts.get(1, b"")), _text(parts.get(2, b""))


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise _malformed("a text is not UTF-8") from error


def _int32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - ((value >> 31) << 32)
