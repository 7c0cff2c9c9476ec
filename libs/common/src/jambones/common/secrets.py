"""Secrets at rest: AES-256-GCM under a ring of keys, so that keys can be changed while old values stay readable.

A sealed value is text, "j1.<key id>.<base64url of nonce and ciphertext>". The place it is stored in
("clients.password") is authenticated with it: a value moved to another column does not open.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from jambones.common.errors import JambonesError

_VERSION = "j1"
_NONCE_BYTES = 12  # what NIST SP 800-38D recommends for GCM


class SecretUnreadable(JambonesError):
    """A sealed value whose key is not in the ring, or which was changed or moved."""

    reason = "secret unreadable"


class KeyRing:
    """The first key seals; every key opens."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys`: at least one, 32 bytes each."""
        if not keys:
            raise ValueError("no encryption key")
        self._ciphers = {_key_id(key): AESGCM(key) for key in keys}
        self._newest = _key_id(keys[0])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Keys between commas, newest first: 32 bytes in base64 or hexadecimal, or 16 characters or more."""
        return cls([_read_key(part.strip()) for part in text.split(",") if part.strip()])

    @staticmethod
    def generate() -> str:
        """A fresh random key as text."""
        return base64.b64encode(os.urandom(32)).decode()

    def seal(self, plain: str, place: str) -> str:
        """Encrypt `plain` for `place` ("table.column")."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, plain.encode(), place.encode())
        return f"{_VERSION}.{self._newest}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, place: str) -> str:
        """Decrypt; raises SecretUnreadable."""
        try:
            version, key_id, text = sealed.split(".")
            raw = base64.urlsafe_b64decode(text)
            cipher = self._ciphers[key_id]
            if version != _VERSION:
                raise ValueError(version)
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
        except (ValueError, KeyError, binascii.Error, InvalidTag) as exc:
            raise SecretUnreadable(place=place) from exc

    def stale(self, sealed: str) -> bool:
        """Whether a value should be sealed again because a newer key exists."""
        return not sealed.startswith(self.newest_prefix)

    @property
    def newest_prefix(self) -> str:
        """How values begin that the first key sealed."""
        return f"{_VERSION}.{self._newest}."


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"jambones key id" + key).hexdigest()[:8]


def _read_key(text: str) -> bytes:
    for decode in (bytes.fromhex, lambda value: base64.b64decode(value, validate=True)):
        try:
            key = decode(text)
        except ValueError:
            continue
        if len(key) == 32:
            return key
    if len(text) < 16:
        raise ValueError("an encryption key is 32 bytes in base64 or hexadecimal, or 16 characters or more")
    return hashlib.sha256(text.encode()).digest()
