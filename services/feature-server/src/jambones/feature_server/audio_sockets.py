"""The WebSockets of `listen`, to applications: aiohttp's client, no reconnection."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Self

import aiohttp
from yarl import URL

from jambones.common.bus.calls import AlertType
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.feature_server.verbs.listen_wire import SUBPROTOCOLS

CLOSE_LIMIT: Final = 1.0  # seconds for the far end's close frame
LARGEST: Final = 16 * 1024 * 1024
_KEEPALIVE: Final = 55  # seconds
_ALERTS: Final[dict[int, AlertType]] = {
    401: "webhook-auth-failure", 403: "webhook-auth-failure", 404: "webhook-url-notfound",
}  # fmt: skip


LOST: Final = 1006  # RFC 6455 section 7.4.1: no close frame came
_WHY: Final = {1000: "normal", 1001: "normal", 1005: "normal", LOST: "lost"}
Closed = Callable[[str], object]
"""Told `normal`, `error` or `lost` when the far end closed a socket."""


class ClientSocket:
    """One connection."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, closed: Closed) -> None:
        self._ws = ws
        self._closed = closed

    async def send(self, frame: str | bytes) -> None:
        """Raises ConnectionError when it is closed."""
        try:
            await (self._ws.send_str(frame) if isinstance(frame, str) else self._ws.send_bytes(frame))
        except (aiohttp.ClientError, RuntimeError) as exc:
            raise ConnectionError(str(exc)) from exc

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        async for message in self._ws:
            if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
                yield message.data
        self._closed(_WHY.get(self._ws.close_code or LOST, "error"))  # we read to the end, so it was not us


class ClientSockets:
    """The AudioSockets of this process. Make them with `ClientSockets.connecting`."""

    def __init__(
        self, session: aiohttp.ClientSession, subprotocols: tuple[str, ...], timeout: float, closed: Closed
    ) -> None:
        self._session, self._subprotocols, self._timeout, self._closed = session, subprotocols, timeout, closed

    @classmethod
    @asynccontextmanager
    async def connecting(
        cls,
        *,
        subprotocols: tuple[str, ...] = SUBPROTOCOLS,
        timeout: float = 10.0,
        closed: Closed = lambda why: None,
    ) -> AsyncIterator[Self]:
        """`timeout`: seconds for a connection and its handshake."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "jambones"},
        ) as session:
            yield cls(session, subprotocols, timeout, closed)

    @asynccontextmanager
    async def open(self, url: str, auth: tuple[str, str] | None) -> AsyncIterator[ClientSocket]:
        """Connected inside the block, closed with 1000 at its end. Raises VerbFailed."""
        ws = await self._connect(URL(url), auth)
        with suppress(OSError, AttributeError):
            raw = ws.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE)
        try:
            yield ClientSocket(ws, self._closed)
        finally:
            await ws.close()

    async def _connect(self, url: URL, auth: tuple[str, str] | None) -> aiohttp.ClientWebSocketResponse:
        shown = str(url.with_query(None).with_fragment(None).with_user(None))
        headers = {} if auth is None else {"Authorization": aiohttp.encode_basic_auth(*auth, encoding="utf-8")}
        try:
            async with asyncio.timeout(self._timeout):
                return await self._session.ws_connect(
                    url.with_fragment(None),
                    protocols=self._subprotocols,
                    headers=headers,
                    max_msg_size=LARGEST,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_LIMIT),
                )
        except aiohttp.WSServerHandshakeError as exc:
            alert = _ALERTS.get(exc.status, "webhook-connection-failure")
            message = f"{shown} answered {exc.status} to a WebSocket handshake"
            raise VerbFailed(alert, message, url=shown, status=exc.status) from exc
        except TimeoutError as exc:
            raise _failed(shown, f"no connection in {self._timeout:g} s") from exc
        except (aiohttp.ClientError, OSError, ValueError) as exc:
            raise _failed(shown, (str(exc) or type(exc).__name__)[:200]) from exc


def _failed(shown: str, why: str) -> VerbFailed:
    return VerbFailed("webhook-connection-failure", f"{shown} cannot be connected to: {why}", url=shown)
