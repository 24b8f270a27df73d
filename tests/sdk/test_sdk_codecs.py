"""Our frame codec and cipher against the official SDK's, byte for byte."""

from __future__ import annotations

import random

import pytest

from reconciler.sandbox.feishu.cipher import decrypt, encrypt, signature
from reconciler.sandbox.feishu.frames import Frame, decode, encode

pytestmark = [pytest.mark.sdk, pytest.mark.slow]

CHALLENGE = b'{"challenge":"c1","token":"vt-1","type":"url_verification"}'


def random_frame(source: random.Random) -> Frame:
    text = lambda: "".join(source.choice("aZ0é中🙂 ") for _ in range(source.randrange(8)))  # noqa: E731
    maybe = lambda make: make() if source.random() < 0.5 else None  # noqa: E731
    return Frame(
        seq_id=source.getrandbits(source.choice([1, 7, 8, 32, 64])),
        log_id=source.getrandbits(source.choice([1, 63, 64])),
        service=source.randrange(-(2**31), 2**31),
        method=source.choice([0, 1]),
        headers=tuple((text(), text()) for _ in range(source.randrange(5))),
        payload_encoding=maybe(text),
        payload_type=maybe(text),
        payload=maybe(lambda: source.randbytes(source.choice([0, 1, 127, 128, 5000]))),
        log_id_new=maybe(text),
    )


def test_three_thousand_random_frames_equal_the_sdks(sdk):
    from lark_oapi.ws.pb.pbbp2_pb2 import Frame as Theirs

    source = random.Random(20260524)
    for _ in range(3000):
        ours = random_frame(source)
        theirs = Theirs(SeqID=ours.seq_id, LogID=ours.log_id, service=ours.service, method=ours.method)
        for key, value in ours.headers:
            theirs.headers.add(key=key, value=value)
        for name, value in (
            ("payload_encoding", ours.payload_encoding),
            ("payload_type", ours.payload_type),
            ("payload", ours.payload),
            ("LogIDNew", ours.log_id_new),
        ):
            if value is not None:
                setattr(theirs, name, value)
        content = theirs.SerializeToString()
        assert encode(ours) == content
        assert decode(content) == ours


def test_the_sdk_reads_what_we_encrypt_and_sign(sdk):
    from lark_oapi.core.utils import AESCipher

    source = random.Random(7)
    for _ in range(200):
        content = "".join(source.choice("aé中🙂\n") for _ in range(source.randrange(80)))
        assert AESCipher("test key").decrypt_str(encrypt(content.encode(), "test key")) == content


def test_the_published_vectors_hold():
    assert decrypt("P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=", "test key") == b"hello world"
    assert encrypt(CHALLENGE, "ek-1", iv=bytes(range(16))) == (
        "AAECAwQFBgcICQoLDA0ODzW40QqXApbwsljQi+KlvH2EYsDau7davwxZz9NXHubn1rfNO/0nOePrbrVLgQQBFVzzqGkVAgbR+omPWy8CFTU="
    )
    assert (
        signature(timestamp="1700000000", nonce="nonce1", encrypt_key="ek-1", body=b'{"encrypt":"AAEC"}')
        == "8fd1f5c6743f879c2dcf29f7dafee579fd0cdb19f5702ba73d7bc4be87475469"
    )
