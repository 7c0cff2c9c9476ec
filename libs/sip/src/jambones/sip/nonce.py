"""Nonces of digest authentication: RFC 7616 section 5.4. Made and judged without storing them."""

import base64
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum

_ERRORS = "surrogateescape"  # bytes that are not UTF-8 came in this way and go back the same


class NonceState(Enum):
    FRESH = "fresh"
    EXPIRED = "expired"
    FOREIGN = "foreign"  # not made with our secret for this realm and source, or garbled


@dataclass
class NonceIssuer:
    """Makes and judges nonces without storing them; only used (nonce, count) pairs are remembered.

    A nonce is base64url(seconds ‖ random ‖ HMAC-SHA256 over these, the realm and the source). Processes that share
    `secret` accept each other's nonces; each has its own replay window, bounded to `window` nonces.
    """

    secret: bytes = field(repr=False)
    lifetime: float = 300.0
    window: int = 20_000
    _used: OrderedDict[str, tuple[int, int]] = field(default_factory=OrderedDict, repr=False)

    def issue(self, now: float, realm: str, source: str = "") -> str:
        """A nonce valid for `lifetime` seconds from `now`; `source` binds it to a peer when not empty."""
        head = int(now).to_bytes(8, "big") + secrets.token_bytes(8)
        return base64.urlsafe_b64encode(head + self._seal(head, realm, source)).decode()

    def check(self, nonce: str, now: float, realm: str, source: str = "") -> NonceState:
        try:
            raw = base64.b64decode(nonce.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError:
            return NonceState.FOREIGN
        head, seal = raw[:16], raw[16:]
        if len(raw) != 32 or not hmac.compare_digest(seal, self._seal(head, realm, source)):
            return NonceState.FOREIGN
        age = now - int.from_bytes(head[:8], "big")
        # A sister's clock may run a little ahead of ours; a nonce from further in the future is no one's.
        return NonceState.FRESH if -60 <= age <= self.lifetime else NonceState.EXPIRED

    def spend(self, nonce: str, count: int | None) -> bool:
        """Mark a (nonce, count) as used; False if it was used before or lies 64 counts behind.

        Without qop there is no count: such a nonce serves once. Call it only after the response proved right, so that
        nobody without the password can use up counts or fill the window.
        """
        count = 1 if count is None else count
        highest, seen = self._used.pop(nonce, (0, 0))
        if count > highest:
            seen = ((seen << (count - highest)) | 1) & (2**64 - 1) if count - highest < 64 else 1
            fresh, highest = True, count
        else:
            bit = 1 << (highest - count) if highest - count < 64 else 0
            fresh = bool(bit) and not seen & bit and count > 0
            seen |= bit
        self._used[nonce] = highest, seen
        while len(self._used) > self.window:
            self._used.popitem(last=False)
        return fresh

    def _seal(self, head: bytes, realm: str, source: str) -> bytes:
        text = b"\0".join((head, realm.encode(errors=_ERRORS), source.encode(errors=_ERRORS)))
        return hmac.digest(self.secret, text, "sha256")[:16]
