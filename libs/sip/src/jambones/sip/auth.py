"""Answering digest challenges as a client: RFC 3261 section 22.2. When to try again, and with which header."""

import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from jambones.sip.message import Request, Response

if TYPE_CHECKING:
    from jambones.sip.digest import Credentials

_REALM = re.compile(r'realm\s*=\s*"((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_STALE = re.compile(r'stale\s*=\s*"?true', re.IGNORECASE)
_MAX_TRIES = 4


class Authenticator:
    """Credentials of one leg or registration, with the nonce counts they used.

    A challenge is answered once; again only when it says that the nonce was stale, or names another realm.
    """

    def __init__(self, credentials: "Credentials") -> None:
        self._credentials = credentials
        self._nonce_counts: MutableMapping[str, int] = {}

    def answer(self, request: Request, challenge: Response, tried: set[str]) -> tuple[str, str] | None:
        """The header row that answers a 401 or 407, or None when trying again is of no use.

        ``tried`` is of the request at hand: the realms that its earlier tries answered.
        """
        from jambones.sip.digest import authorize

        asking, answering = (
            ("WWW-Authenticate", "Authorization")
            if challenge.status == 401
            else ("Proxy-Authenticate", "Proxy-Authorization")
        )
        rows = challenge.headers.get_all(asking)
        if not rows or len(tried) >= _MAX_TRIES:
            return None
        realms = {match[1] for row in rows if (match := _REALM.search(row))}
        if realms <= tried and not any(_STALE.search(row) for row in rows):
            return None
        try:
            value = authorize(
                rows,
                request.method,
                str(request.uri),
                self._credentials,
                body=request.body,
                nonce_counts=self._nonce_counts,
            )
        except ValueError:
            return None  # no algorithm we know
        # A stale nonce may be renewed once more; the extra mark keeps a broken server from asking for ever.
        tried |= realms if not realms <= tried else {f"stale:{len(tried)}"}
        return answering, value


def is_challenge(response: Response) -> bool:
    return response.status in {401, 407}
