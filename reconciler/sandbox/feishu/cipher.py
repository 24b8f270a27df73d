"""How Feishu encrypts and signs what it pushes to a request URL (AES-256-CBC, SHA-256)."""

from __future__ import annotations

import base64
import hashlib
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7


def encrypt(content: bytes, encrypt_key: str, *, iv: bytes | None = None) -> str:
    """`content` as the value of `encrypt`: base64 of a random 16-byte IV and the cipher text."""
    iv = iv if iv is not None else os.urandom(16)
    padder = PKCS7(128).padder()
    padded = padder.update(content) + padder.finalize()
    encryptor = Cipher(algorithms.AES(_key(encrypt_key)), modes.CBC(iv)).encryptor()
    return base64.b64encode(iv + encryptor.update(padded) + encryptor.finalize()).decode()


def decrypt(text: str, encrypt_key: str) -> bytes:
    """The inverse of `encrypt`; raises `ValueError` when text or key are wrong."""
    content = base64.b64decode(text, validate=True)
    decryptor = Cipher(algorithms.AES(_key(encrypt_key)), modes.CBC(content[:16])).decryptor()
    padded = decryptor.update(content[16:]) + decryptor.finalize()
    unpadder = PKCS7(128).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def signature(*, timestamp: str, nonce: str, encrypt_key: str, body: bytes) -> str:
    """The value of `X-Lark-Signature` for a request with this raw body."""
    return hashlib.sha256((timestamp + nonce + encrypt_key).encode() + body).hexdigest()


def _key(encrypt_key: str) -> bytes:
    return hashlib.sha256(encrypt_key.encode()).digest()
