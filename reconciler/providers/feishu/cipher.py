"""The callback's encryption and signature: AES-256-CBC under the SHA-256 of the encrypt key, and a keyed digest of the raw body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from reconciler.errors import ForbiddenError
from reconciler.secret import Secret

_BLOCK = 16


def decrypt(text: str, key: Secret) -> bytes:
    """Return what Feishu encrypted: Base64 of a 16-byte IV and the cipher text. Raises ForbiddenError when the key does not fit."""
    try:
        sealed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _wrong("it is not Base64") from error
    if len(sealed) < 2 * _BLOCK or len(sealed) % _BLOCK:
        raise _wrong("its length does not fit the cipher")
    decryptor = Cipher(algorithms.AES256(_aes_key(key)), modes.CBC(sealed[:_BLOCK])).decryptor()
    padded = decryptor.update(sealed[_BLOCK:]) + decryptor.finalize()
    unpadder = PKCS7(8 * _BLOCK).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError as error:
        raise _wrong("the encrypt key does not fit") from error


def signature(*, timestamp: str, nonce: str, key: Secret, body: bytes) -> str:
    """The value of `X-Lark-Signature` for a raw body: hex SHA-256 over timestamp, nonce, encrypt key and body."""
    digest = hashlib.sha256((timestamp + nonce + key.reveal()).encode(errors="surrogatepass"))
    digest.update(body)
    return digest.hexdigest()


def is_equal(left: str, right: str) -> bool:
    """Compare two texts in constant time."""
    return hmac.compare_digest(left.encode(errors="surrogatepass"), right.encode(errors="surrogatepass"))


def _aes_key(key: Secret) -> bytes:
    return hashlib.sha256(key.reveal().encode()).digest()


def _wrong(why: str) -> ForbiddenError:
    return ForbiddenError(
        "an encrypted callback cannot be read",
        why=why,
        next_step="compare feishu.events.encryptKey with the app's Encrypt Key in the developer console",
    )
