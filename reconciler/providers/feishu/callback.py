"""Feishu's HTTP callback, without any web framework: headers and raw body in, what to answer out.

Order: size → decryption → token → challenge → signature → event. De-duplication and the acknowledgement are the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.errors import ReconcilerError, RefusedError
from reconciler.providers.feishu.cipher import decrypt, is_equal, signature
from reconciler.providers.feishu.events import FeishuEvent, envelope_token, load_json_object, read_event
from reconciler.secret import Secret

MAX_BODY = 1_000_000
"""Bytes of a callback body that are read at all."""

_CHALLENGE = re.compile(r"[\x20-\x7e]{1,512}")


@dataclass(frozen=True, slots=True)
class Challenge:
    """Feishu checks the address: answer 200 with `body` within a second."""

    text: str

    @property
    def body(self) -> dict[str, str]:
        """The JSON to answer with."""
        return {"challenge": self.text}


@dataclass(frozen=True, slots=True)
class Delivery:
    """An authentic event: answer 200 at once, then work."""

    event: FeishuEvent


@dataclass(frozen=True, slots=True)
class Rejected:
    """Not authentic or not readable: answer `status`, do nothing. `reason` is for the log and holds nothing of the body."""

    status: int
    reason: str


CallbackOutcome = Challenge | Delivery | Rejected


class CallbackReader:
    """Reads callbacks of one app. At least one of encrypt key and verification token must be given.

    With an encrypt key every body must be encrypted, and every body but the address check signed.
    """

    def __init__(self, *, encrypt_key: Secret | None, verification_token: Secret | None) -> None:
        if not encrypt_key and not verification_token:
            raise RefusedError(
                "Feishu's callback would accept events from anyone",
                next_step="declare feishu.events.encryptKey or feishu.events.verificationToken",
            )
        self._key = encrypt_key
        self._token = verification_token

    def read(self, headers: Mapping[str, str], body: bytes) -> CallbackOutcome:
        """Judge one request. Never raises, whatever the bytes are."""
        if len(body) > MAX_BODY:
            return Rejected(413, "the body is too large")
        try:
            envelope = self._open(body)
        except ReconcilerError as error:
            return Rejected(400, str(error))
        if self._token and not is_equal(envelope_token(envelope), self._token.reveal()):
            return Rejected(401, "the verification token is not ours")
        if envelope.get("type") == "url_verification":
            return _challenge(envelope)
        if self._key and not self._is_signed(headers, body, self._key):
            return Rejected(401, "the signature is missing or wrong")
        event = read_event(envelope)
        return Delivery(event) if event.type else Rejected(400, "the body names no event type")

    def _open(self, body: bytes) -> Mapping[str, object]:
        envelope = load_json_object(body)
        sealed = envelope.get("encrypt")
        if not self._key:
            if isinstance(sealed, str):
                raise RefusedError("the callback is encrypted, and no encrypt key is declared")
            return envelope
        if not isinstance(sealed, str):
            raise RefusedError("the callback is not encrypted, and an encrypt key is declared")
        return load_json_object(decrypt(sealed, self._key))

    @staticmethod
    def _is_signed(headers: Mapping[str, str], body: bytes, key: Secret) -> bool:
        lower = {name.lower(): value for name, value in headers.items()}
        given = lower.get("x-lark-signature", "")
        expected = signature(
            timestamp=lower.get("x-lark-request-timestamp", ""),
            nonce=lower.get("x-lark-request-nonce", ""),
            key=key,
            body=body,
        )
        return is_equal(given, expected)


def _challenge(envelope: Mapping[str, object]) -> CallbackOutcome:
    text = envelope.get("challenge")
    if isinstance(text, str) and _CHALLENGE.fullmatch(text):
        return Challenge(text)
    return Rejected(400, "the address check holds no usable challenge")
