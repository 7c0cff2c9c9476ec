"""TLS over memory (RFC 5246, RFC 8446; identity of servers by RFC 5922): certificates that are read again, and a layer.

A layer per connection instead of asyncio's own TLS: connections are counted before their handshake costs anything, each
takes the newest certificate, and ten thousand idle ones do not hold a quarter of a megabyte each.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from typing import Literal

log = getLogger(__name__)

_CHECK = 1.0  # seconds between looks at the files
_CHUNK = 65_536
_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """``cert`` (a PEM chain) and ``key`` are needed to listen on tls or wss; as a client they are shown when asked for.

    ``verify``: a server we connect to must prove its name with a certificate that the system's authorities, or those in
    ``ca``, vouch for. Switch it off in private networks only.
    """

    cert: Path | None = None
    key: Path | None = None
    min_version: Literal["1.2", "1.3"] = "1.2"
    verify: bool = True
    ca: Path | None = None


class TlsError(Exception):
    """The handshake failed or the peer broke the protocol. ``reason`` is a short constant text."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TlsContexts:
    """The contexts for both directions, made again when the files change. Raises OSError (ssl.SSLError) at first."""

    def __init__(self, settings: TlsSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._seen = self._fingerprint()
        self._checked = clock()
        self._server = self._make_server()
        self._client: ssl.SSLContext | None = None  # reading the system's authorities takes a while: when first needed

    @property
    def can_listen(self) -> bool:
        return self._settings.cert is not None

    @property
    def verify(self) -> bool:
        return self._settings.verify

    def server(self) -> "TlsLayer":
        """For a connection that came."""
        self._refresh()
        return TlsLayer(self._server, server_side=True)

    def client(self, name: str) -> "TlsLayer":
        """For a connection to the server called ``name``."""
        self._refresh()
        if self._client is None:
            self._client = self._make_client()
        return TlsLayer(self._client, server_side=False, name=name)

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._checked < _CHECK:
            return
        self._checked = now
        seen = self._fingerprint()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._server = self._make_server()
            self._client = None
        except OSError as error:  # such as a key that is written before its certificate: the next change is tried again
            log.warning("the new certificate cannot be used yet", extra={"reason": type(error).__name__})
        else:
            log.info("the certificate was read again")

    def _fingerprint(self) -> tuple[object, ...]:
        marks: list[object] = []
        for path in (self._settings.cert, self._settings.key, self._settings.ca):
            with suppress(OSError):
                if path is not None:
                    stat = path.stat()
                    marks.append((stat.st_mtime_ns, stat.st_size, stat.st_ino))
        return tuple(marks)

    def _make_server(self) -> ssl.SSLContext:
        return self._with_ours(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    def _make_client(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self._settings.ca)
        if not self._settings.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            return self._with_ours(context)
        except OSError:
            return context  # in the middle of a change: few servers ask for our certificate

    def _with_ours(self, context: ssl.SSLContext) -> ssl.SSLContext:
        settings = self._settings
        context.minimum_version = _VERSIONS[settings.min_version]
        context.options |= ssl.OP_NO_RENEGOTIATION
        if settings.cert is not None:
            # An empty password: a key that wants one is an error, not a question on the terminal.
            context.load_cert_chain(settings.cert, settings.key, password="")
        return context


class TlsLayer:
    """One connection's TLS: encrypted bytes in, plain ones out, and the other way round."""

    __slots__ = ("_in", "_object", "_out", "established", "name")

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, name: str | None = None) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_side=server_side, server_hostname=name)
        self.name = name
        self.established = False

    def start(self) -> None:
        """A client speaks first."""
        self._handshake()

    def receive(self, data: bytes) -> bytes | None:
        """Plain bytes in ``data``; None when the peer ended the session. Raises TlsError; ``output`` has the alert."""
        self._in.write(data)
        if not self.established:
            self._handshake()
            if not self.established:
                return b""
        plain = b""
        try:
            while chunk := self._object.read(_CHUNK):
                plain += chunk
        except ssl.SSLWantReadError:
            return plain
        except ssl.SSLZeroReturnError:
            pass
        except ssl.SSLError as error:
            raise TlsError("tls") from error
        return plain or None  # the end, which is told again when more data follow

    def send(self, data: bytes) -> None:
        with suppress(ssl.SSLError):  # the peer ended the session: the connection is about to follow
            self._object.write(data)

    def output(self) -> bytes:
        """Encrypted bytes to put on the wire."""
        return self._out.read()

    def close(self) -> None:
        """Say that no more comes."""
        if self.established:
            with suppress(ssl.SSLError):
                self._object.unwrap()

    def _handshake(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLCertVerificationError as error:
            raise TlsError("tls-certificate") from error
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise TlsError("tls-handshake") from error
        self.established = True
