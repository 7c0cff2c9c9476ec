"""The HTTP client of hooks: one pool for the process, retries as the URL asks, answers no larger than sense allows."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final, Literal, Self
from urllib.parse import parse_qs

import aiohttp
import structlog
from yarl import URL

from jambones.common import hooks
from jambones.common.bus.calls import AlertType
from jambones.common.clock import now_ms
from jambones.common.errors import JambonesError
from jambones.common.metrics import Metrics

log = structlog.get_logger(__name__)

SUCCESS: Final = frozenset({200, 202, 204})
WAITS: Final = (0.5, 1.0, 2.0, 4.0, 6.0)  # seconds before each retry
MOST_BYTES: Final = 1024 * 1024
PER_HOST: Final = 200
Method = Literal["GET", "POST"]


class WebhookFailed(JambonesError):
    """No usable answer. `alert` is the type of the alert for the tenant; `status` the HTTP status, if there was one."""

    sip_status = 480
    http_status = 502
    reason = "webhook failed"

    def __init__(self, alert: AlertType, message: str, *, url: str, status: int | None = None, kind: str = "") -> None:
        super().__init__(message, url=url, **({} if status is None else {"status": status}))
        self.alert = alert
        self.status = status
        self.kind = kind


@dataclass(frozen=True)
class Policy:
    """When to try again: from the URL's fragment, `#rc=3&rp=ct,5xx`, which never goes over the wire."""

    retries: int = 0
    on: frozenset[str] = frozenset({"ct"})

    @classmethod
    def of(cls, url: URL) -> "Policy":
        """What cannot be read is left at its default."""
        return _policy(url.fragment)

    def covers(self, failure: WebhookFailed) -> bool:
        return "all" in self.on or failure.kind in self.on


@lru_cache(maxsize=256)
def _policy(fragment: str) -> Policy:
    fields = parse_qs(fragment)
    count = (fields.get("rc") or [""])[-1]
    kinds = [kind.strip().lower() for value in fields.get("rp", []) for kind in value.split(",")]
    known = frozenset(kinds) & {"ct", "rt", "4xx", "5xx", "all"}
    return Policy(min(5, int(count)) if count.isdecimal() and len(count) < 4 else 0, known or frozenset({"ct"}))


class WebhookClient:
    """Make one a process with `WebhookClient.open`."""

    def __init__(self, session: aiohttp.ClientSession, timeout: float, agent: str, metrics: Metrics) -> None:
        self._session = session
        self._timeout = timeout
        self._agent = agent
        self._seconds = metrics.histogram("jambones_hook_seconds")
        self._failures = metrics.counter("jambones_hook_failures_total")

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, timeout: float = 10.0, agent: str = "jambones", metrics: Metrics | None = None
    ) -> AsyncIterator[Self]:
        """`timeout`: seconds to the response's headers, and again to its end."""
        # A host that does not answer can fill only its own share of the pool.
        connector = aiohttp.TCPConnector(limit=0, limit_per_host=PER_HOST, keepalive_timeout=60)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers={"User-Agent", "Accept"},
            trace_configs=[_connections()],
        ) as session:
            yield cls(session, timeout, agent, metrics or Metrics(process=False))

    async def ask(
        self,
        url: str,
        payload: Mapping[str, Any],
        *,
        method: Method = "POST",
        secret: str | None = None,
        auth: tuple[str, str] | None = None,
        kind: str = "verb:hook",
    ) -> Any:
        """Send a hook; the JSON of the answer, None when it has none. Raises WebhookFailed after the last try.

        `secret` signs the request; `auth` is (user, password); `kind` labels the metrics.
        """
        target = URL(url)
        policy = Policy.of(target)
        attempt = 0
        while True:
            try:
                return await self._once(target.with_fragment(None), payload, method, secret, auth, kind)
            except WebhookFailed as failure:
                self._failures.labels(failure.kind or "body").inc()
                if attempt >= policy.retries or not policy.covers(failure):
                    raise
            await asyncio.sleep(WAITS[attempt])
            attempt += 1

    async def _once(
        self,
        url: URL,
        payload: Mapping[str, Any],
        method: Method,
        secret: str | None,
        auth: tuple[str, str] | None,
        kind: str,
    ) -> Any:
        headers = {"User-Agent": self._agent, "Accept": "application/json"}
        body: bytes | None = None
        signed = b"{}"
        if method == "POST":
            body = signed = hooks.encode(payload)
            headers["Content-Type"] = "application/json"
        else:
            url = url.update_query(hooks.scalars(payload))
        if auth is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()  # RFC 7617
        if secret:
            headers["Jambonz-Signature"] = hooks.sign(secret, signed, now_ms() // 1000)
        shown = _shown(url)
        loop, connected = asyncio.get_running_loop(), asyncio.Event()
        started, status = loop.time(), "none"
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._session.request(
                    method,
                    url,
                    data=body,
                    headers=headers,
                    allow_redirects=False,
                    trace_request_ctx=connected,
                )
            async with response:
                status = str(response.status)
                return await self._read(response, shown)
        except TimeoutError as exc:
            what, kind = ("answer", "rt") if connected.is_set() else ("connection", "ct")
            raise WebhookFailed(
                "webhook-connection-failure", f"no {what} from {shown} in {self._timeout:g} s", url=shown, kind=kind
            ) from exc
        except aiohttp.ClientConnectionError as exc:
            raise WebhookFailed(
                "webhook-connection-failure", f"cannot connect to {shown}: {_why(exc)}", url=shown, kind="ct"
            ) from exc
        except (aiohttp.ClientError, ValueError) as exc:
            raise WebhookFailed("webhook-failure", f"bad answer from {shown}: {_why(exc)}", url=shown) from exc
        finally:
            seconds = loop.time() - started
            self._seconds.labels(kind, "http", status[:1] + "xx" if status != "none" else status).observe(seconds)
            log.debug("hook", kind=kind, method=method, url=shown, status=status, seconds=round(seconds, 3))

    async def _read(self, response: aiohttp.ClientResponse, shown: str) -> Any:
        status = response.status
        if status not in SUCCESS:
            raise WebhookFailed(
                _alert_for(status), f"{shown} answered {status}", url=shown, status=status, kind=f"{status // 100}xx"
            )
        if status == 204 or "application/json" not in (response.headers.get("Content-Type") or "").lower():
            return None
        chunks: list[bytes] = []
        size = 0
        async with asyncio.timeout(self._timeout):
            async for chunk in response.content.iter_any():
                size += len(chunk)
                if size > MOST_BYTES:
                    response.close()
                    raise WebhookFailed(
                        "invalid-app-payload", f"the answer of {shown} is longer than {MOST_BYTES} bytes", url=shown
                    )
                chunks.append(chunk)
        text = b"".join(chunks)
        if not text.strip():
            return None
        try:
            return json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError) as exc:
            raise WebhookFailed("invalid-app-payload", f"the answer of {shown} is not JSON", url=shown) from exc


def _connections() -> aiohttp.TraceConfig:
    """Sets the event of a request once it has a connection: a time-out means something else then."""

    async def on_connected(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
        context.trace_request_ctx.set()

    config = aiohttp.TraceConfig()
    config.on_connection_create_end.append(on_connected)
    config.on_connection_reuseconn.append(on_connected)
    return config


def _shown(url: URL) -> str:
    """The URL without what may be secret in it."""
    return str(url.with_query(None).with_user(None)) if url.raw_query_string or url.raw_user else str(url)


def _alert_for(status: int) -> AlertType:
    if status == 404:
        return "webhook-url-notfound"
    return "webhook-auth-failure" if status in {401, 403} else "webhook-failure"


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _why(exc: Exception) -> str:
    os_error = getattr(exc, "os_error", None)
    return (getattr(os_error, "strerror", None) or str(exc) or type(exc).__name__)[:200]
