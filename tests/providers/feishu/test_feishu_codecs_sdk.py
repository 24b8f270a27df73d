"""The client's frame codec, cipher and signature against the official SDK's, byte for byte."""

from __future__ import annotations

import base64
import hashlib
import random
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from reconciler.errors import ForbiddenError, UnavailableError
from reconciler.providers.feishu.cipher import decrypt
from reconciler.providers.feishu.frames import Frame, decode_frame, encode_frame
from reconciler.secret import Secret

pytestmark = [pytest.mark.sdk, pytest.mark.slow]

LETTERS = "ab Z09-_é中\u200f😀"


def random_text(source: random.Random) -> str:
    return "".join(source.choice(LETTERS) for _ in range(source.choice([0, 1, 5, 130])))


def random_frame(source: random.Random) -> Frame:
    def maybe(value: str) -> str | None:
        return value if source.random() < 0.5 else None

    return Frame(
        seq=source.choice([0, 1, 127, 128, 2**63, 2**64 - 1, source.getrandbits(64)]),
        log=source.getrandbits(source.choice([1, 32, 64])),
        service=source.choice([0, -1, 2**31 - 1, -(2**31), 33554678]),
        method=source.choice([0, 1, -1, 7]),
        headers=tuple((random_text(source), random_text(source)) for _ in range(source.randrange(7))),
        payload_encoding=maybe(random_text(source)),
        payload_type=maybe(random_text(source)),
        payload=source.randbytes(source.choice([0, 1, 128, 20_000])) if source.random() < 0.7 else None,
        log_new=maybe(random_text(source)),
    )


def test_five_thousand_random_frames_are_the_same_bytes() -> None:
    from lark_oapi.ws.pb.pbbp2_pb2 import Frame as Theirs

    source = random.Random(20261125)
    for _ in range(5000):
        ours = random_frame(source)
        theirs = Theirs()
        theirs.SeqID, theirs.LogID, theirs.service, theirs.method = ours.seq, ours.log, ours.service, ours.method
        for key, value in ours.headers:
            theirs.headers.add(key=key, value=value)
        for name in ("payload_encoding", "payload_type", "payload"):
            if getattr(ours, name) is not None:
                setattr(theirs, name, getattr(ours, name))
        if ours.log_new is not None:
            theirs.LogIDNew = ours.log_new
        raw = theirs.SerializeToString()
        assert encode_frame(ours) == raw
        assert decode_frame(raw) == ours


def test_what_we_read_of_damaged_frames_the_sdk_reads_alike() -> None:
    from lark_oapi.ws.pb.google.protobuf.message import DecodeError
    from lark_oapi.ws.pb.pbbp2_pb2 import Frame as Theirs

    source = random.Random(7)
    both = 0
    for _ in range(5000):
        raw = bytearray(encode_frame(random_frame(source)))
        if len(raw) > 600:
            continue
        raw[source.randrange(len(raw))] = source.randrange(256)
        with suppress(UnavailableError, DecodeError, UnicodeDecodeError):
            ours = decode_frame(bytes(raw))
            theirs = Theirs()
            theirs.ParseFromString(bytes(raw))
            assert (ours.seq, ours.log, ours.service, ours.method) == (
                theirs.SeqID,
                theirs.LogID,
                theirs.service,
                theirs.method,
            )
            assert ours.headers == tuple((header.key, header.value) for header in theirs.headers)
            assert (ours.payload or b"") == theirs.payload
            both += 1
    assert both > 500


def sealed(source: random.Random, key: str, plain: bytes) -> str:
    iv = source.randbytes(16)
    pad = 16 - len(plain) % 16
    encryptor = Cipher(algorithms.AES256(hashlib.sha256(key.encode()).digest()), modes.CBC(iv)).encryptor()
    return base64.b64encode(iv + encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()).decode()


def test_three_thousand_random_texts_are_decrypted_alike() -> None:
    from lark_oapi.core.utils import AESCipher

    source = random.Random(11)
    for _ in range(3000):
        key = random_text(source)
        plain = random_text(source).encode() * source.choice([1, 3])
        text = sealed(source, key, plain)
        assert decrypt(text, Secret(key)) == plain
        assert AESCipher(key).decrypt_str(text).encode() == plain


def test_three_thousand_damaged_texts_are_refused_alike() -> None:
    from lark_oapi.core.utils import AESCipher

    source = random.Random(13)
    accepted = 0
    for _ in range(3000):
        content = source.randbytes(source.choice([0, 15, 16, 31, 32, 33, 48]))
        try:
            theirs = AESCipher("key").decrypt(content)
        except ValueError:
            theirs = None
        try:
            ours = decrypt(base64.b64encode(content).decode(), Secret("key"))
        except ForbiddenError:
            ours = None
        assert ours == theirs
        accepted += ours is not None
    assert accepted > 0
