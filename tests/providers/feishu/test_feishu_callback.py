"""The HTTP callback: what is authentic passes, everything else is refused without reading further."""

from __future__ import annotations

import base64
import hashlib
import json
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import ForbiddenError, RefusedError
from reconciler.providers.feishu.callback import MAX_BODY, CallbackReader, Challenge, Delivery, Rejected
from reconciler.providers.feishu.cipher import decrypt, signature
from reconciler.secret import Secret

KEY, TOKEN = Secret("ek-1"), Secret("vt-1")
EVENT = {
    "ts": "1779595201.7171419",
    "uuid": "bc447199585340d1f3728d26b1c0297a",
    "token": "vt-1",
    "type": "event_callback",
    "event": {
        "app_id": "cli_x",
        "type": "approval_instance",
        "approval_code": "6CDB",
        "instance_code": "AEE5",
        "status": "APPROVED",
        "uuid": "1c2d",
    },
}


def encrypted(plain: bytes, key: str = "ek-1", iv: bytes = bytes(range(16))) -> str:
    pad = 16 - len(plain) % 16
    encryptor = Cipher(algorithms.AES256(hashlib.sha256(key.encode()).digest()), modes.CBC(iv)).encryptor()
    sealed = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
    return base64.b64encode(iv + sealed).decode()


def sealed_body(value: object, key: str = "ek-1") -> bytes:
    return json.dumps({"encrypt": encrypted(json.dumps(value).encode(), key)}).encode()


def signed(body: bytes, key: Secret = KEY) -> dict[str, str]:
    return {
        "X-Lark-Request-Timestamp": "1700000000",
        "X-Lark-Request-Nonce": "nonce1",
        "X-Lark-Signature": signature(timestamp="1700000000", nonce="nonce1", key=key, body=body),
    }


SEALED = CallbackReader(encrypt_key=KEY, verification_token=TOKEN)
PLAIN = CallbackReader(encrypt_key=None, verification_token=TOKEN)


def test_the_published_vectors_hold() -> None:
    assert decrypt("P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=", Secret("test key")) == b"hello world"
    challenge = b'{"challenge":"c1","token":"vt-1","type":"url_verification"}'
    text = (
        "AAECAwQFBgcICQoLDA0ODzW40QqXApbwsljQi+KlvH2EYsDau7davwxZz9NXHubn1rfNO/0nOePrbrVLgQQBFVzzqGkVAgbR+omPWy8CFTU="
    )
    assert decrypt(text, KEY) == challenge
    assert (
        signature(timestamp="1700000000", nonce="nonce1", key=KEY, body=b'{"encrypt":"AAEC"}')
        == "8fd1f5c6743f879c2dcf29f7dafee579fd0cdb19f5702ba73d7bc4be87475469"
    )


def test_a_signed_encrypted_event_is_delivered() -> None:
    body = sealed_body(EVENT)
    outcome = SEALED.read(signed(body), body)
    assert isinstance(outcome, Delivery)
    event = outcome.event
    assert (event.type, event.instance_code, event.uuid, event.event_id) == (
        "approval_instance",
        "AEE5",
        "1c2d",
        "bc447199585340d1f3728d26b1c0297a",
    )


def test_header_names_are_found_in_any_case() -> None:
    body = sealed_body(EVENT)
    lower = {name.lower(): value for name, value in signed(body).items()}
    assert isinstance(SEALED.read(lower, body), Delivery)


def test_the_address_check_needs_no_signature() -> None:
    body = sealed_body({"challenge": "c1", "token": "vt-1", "type": "url_verification"})
    outcome = SEALED.read({}, body)
    assert isinstance(outcome, Challenge)
    assert outcome.body == {"challenge": "c1"}


def test_the_address_check_needs_the_token() -> None:
    body = json.dumps({"challenge": "c1", "token": "other", "type": "url_verification"}).encode()
    assert PLAIN.read({}, body) == Rejected(401, "the verification token is not ours")


def test_a_second_version_event_is_delivered() -> None:
    event = {
        "schema": "2.0",
        "header": {"event_id": "b53e", "event_type": "approval.approval.updated_v4", "token": "vt-1"},
        "event": {"object": {"approval_code": "6CDB", "timestamp": 1779595201}},
    }
    outcome = PLAIN.read({}, json.dumps(event).encode())
    assert isinstance(outcome, Delivery)
    assert (outcome.event.type, outcome.event.approval_code, outcome.event.event_id) == (
        "approval.approval.updated_v4",
        "6CDB",
        "b53e",
    )


def test_an_unknown_type_is_delivered_to_be_acknowledged() -> None:
    event = {**EVENT, "event": {"type": "contact_changed"}}
    outcome = PLAIN.read({}, json.dumps(event).encode())
    assert isinstance(outcome, Delivery)
    assert outcome.event.type == "contact_changed"


def body_of(change: str) -> tuple[dict[str, str], bytes]:
    body = sealed_body(EVENT)
    headers = signed(body)
    match change:
        case "no signature":
            return {}, body
        case "signature of another body":
            return signed(body + b" "), body
        case "signature by another key":
            return signed(body, Secret("ek-2")), body
        case "encrypted by another key":
            other = sealed_body(EVENT, "ek-2")
            return signed(other), other
        case "not encrypted":
            plain = json.dumps(EVENT).encode()
            return signed(plain), plain
        case "another token":
            other = sealed_body({**EVENT, "token": "x"})
            return signed(other), other
        case "no token":
            other = sealed_body({key: value for key, value in EVENT.items() if key != "token"})
            return signed(other), other
        case "not base64":
            other = b'{"encrypt": "***"}'
            return signed(other), other
        case "too large":
            other = b"x" * (MAX_BODY + 1)
            return signed(other), other
        case _:
            return headers, change.encode()


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("no signature", 401),
        ("signature of another body", 401),
        ("signature by another key", 401),
        ("encrypted by another key", 400),
        ("not encrypted", 400),
        ("another token", 401),
        ("no token", 401),
        ("not base64", 400),
        ("too large", 413),
        ("", 400),
        ("[]", 400),
        ("null", 400),
        ("[" * 100_000, 400),
        ('{"encrypt": 5}', 400),
    ],
)
def test_what_is_not_authentic_is_refused(change: str, status: int) -> None:
    headers, body = body_of(change)
    outcome = SEALED.read(headers, body)
    assert isinstance(outcome, Rejected)
    assert outcome.status == status
    assert "vt-1" not in outcome.reason
    assert "ek-1" not in outcome.reason


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: json.dumps({"token": text}).encode()))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    assert isinstance(PLAIN.read({}, body), Rejected)
    assert isinstance(SEALED.read({}, body), Rejected)


@pytest.mark.parametrize("challenge", [5, "", "x" * 513, "a\nb", None])
def test_a_strange_challenge_is_not_echoed(challenge: object) -> None:
    body = json.dumps({"challenge": challenge, "token": "vt-1", "type": "url_verification"}).encode()
    assert isinstance(PLAIN.read({}, body), Rejected)


def test_a_callback_that_anyone_could_call_is_refused_at_the_start() -> None:
    with pytest.raises(RefusedError, match="anyone"):
        CallbackReader(encrypt_key=None, verification_token=None)


@given(st.binary(min_size=1, max_size=100))
def test_a_wrong_key_is_a_named_error_or_garbage_but_never_the_text(plain: bytes) -> None:
    with suppress(ForbiddenError):
        assert decrypt(encrypted(plain, "right"), Secret("wrong")) != plain
