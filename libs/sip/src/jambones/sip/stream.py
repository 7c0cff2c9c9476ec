"""Cutting a byte stream into messages: RFC 3261 section 18.3, keep-alives of RFC 5626 section 3.5.1."""

import re

from jambones.sip.parser import MAX_STREAM_MESSAGE

_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:(?:[ \t]|\r\n[ \t])*(\d{1,9})[ \t]*(?=\r\n)", re.IGNORECASE)
_END = b"\r\n\r\n"


class FramingError(ValueError):
    """The stream lost its frame, for example no Content-Length: the connection is of no more use.

    ``messages`` are those that were whole before the damage.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.messages: list[bytes] = []


class StreamFramer:
    """Feed bytes, take whole messages. ``pings`` counts keep-alives (CRLFCRLF) that want a CRLF back."""

    def __init__(self, limit: int = MAX_STREAM_MESSAGE) -> None:
        self._buffer = bytearray()
        self._limit = limit
        self._scanned = 0
        self._wanted = 0  # length of the message at the front, once its header section is complete
        self.pings = 0

    @property
    def pending(self) -> bool:
        """Whether part of a message waits for its rest."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Messages completed by ``data``. Raises FramingError when the stream makes no sense or grows too large."""
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        while buffer:
            try:
                if not self._wanted and not self._find_end():
                    break
            except FramingError as error:
                error.messages = messages
                raise
            if len(buffer) < self._wanted:
                break
            messages.append(bytes(buffer[: self._wanted]))
            del buffer[: self._wanted]
            self._wanted = self._scanned = 0
        return messages

    def _find_end(self) -> bool:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):
            if buffer.startswith(_END):
                self.pings += 1
                del buffer[:4]
            elif len(buffer) > 2 and buffer[2:3] != b"\r":
                del buffer[:2]  # one CRLF is a pong, or left over between messages
            elif len(buffer) == 2:
                return False
            else:
                return False
        if not buffer or buffer == b"\r":
            return False
        if not 0x20 < buffer[0] < 0x7F:
            raise FramingError("not-sip")  # such as TLS on a plain port
        end = buffer.find(_END, max(0, self._scanned - 3))
        if end < 0:
            self._scanned = len(buffer)
            if len(buffer) > self._limit:
                raise FramingError("too-large")
            return False
        match = _LENGTH.search(buffer, 0, end + 2)
        if match is None:
            raise FramingError("no-content-length")
        self._wanted = end + 4 + int(match[1])
        if self._wanted > self._limit:
            raise FramingError("too-large")
        return True
