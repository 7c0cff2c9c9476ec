"""Asking the REST API. Plain HTTP from the standard library: a command starts fast and ends soon."""

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

from jambones.cli.config import Profile

TIMEOUT = 30.0
SILENCE = 60.0
"""Seconds without a byte after which a stream is given up; the API sends a comment every 15."""


class ApiError(Exception):
    """The API refused, or did not answer; `status` is 0 then."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """One API, one token."""

    def __init__(self, profile: Profile) -> None:
        if urlsplit(profile.url).scheme not in ("http", "https"):
            raise ApiError(0, f"not an address of an API: {profile.url}")
        self._url = profile.url.rstrip("/")
        self._token = profile.token

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        return self.ask("GET", path, query=query)

    def ask(self, method: str, path: str, body: Any = None, *, query: Mapping[str, Any] | None = None) -> Any:
        """The JSON of the answer; None when it has none. Raises ApiError."""
        # Sent again by hand after a lost answer, a POST would be another request: this one is done once.
        headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
        for attempt in (1, 2):
            try:
                with self._open(method, path, body, query, headers, TIMEOUT) as answer:
                    data = answer.read()
                    return json.loads(data) if data.strip() else None
            except ApiError as exc:
                if exc.status or attempt == 2 or method not in ("GET", "POST"):
                    raise
            except (HTTPException, OSError) as exc:
                if attempt == 2 or method not in ("GET", "POST"):
                    raise ApiError(0, f"no answer: {exc}") from exc
            except ValueError as exc:
                raise ApiError(0, "the answer is not JSON: is this the address of the API?") from exc
        raise AssertionError

    def events(self, path: str, query: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Server-sent events: their kind and data, until the stream ends. Raises ApiError."""
        with self._open("GET", path, None, query, {"Accept": "text/event-stream"}, SILENCE) as answer:
            kind = ""
            try:
                for raw in answer:
                    line = raw.decode().rstrip("\r\n")
                    if line.startswith("event: "):
                        kind = line[7:]
                    elif line.startswith("data: "):
                        yield kind, json.loads(line[6:])
            except (HTTPException, OSError) as exc:
                raise ApiError(0, f"the stream broke: {exc}") from exc

    def _open(
        self,
        method: str,
        path: str,
        body: Any,
        query: Mapping[str, Any] | None,
        headers: dict[str, str],
        timeout: float,
    ) -> HTTPResponse:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = self._url + path + ("?" + urlencode(given) if given else "")
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Accept": "application/json", "User-Agent": "jambones-cli", **headers}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if data is not None:
            headers["Content-Type"] = "application/json"
        request = Request(url, data=data, headers=headers, method=method)  # noqa: S310 - http and https only, see above
        try:
            return urlopen(request, timeout=timeout)  # type: ignore[no-any-return]  # noqa: S310
        except HTTPError as exc:
            with exc:
                raise ApiError(exc.code, _message(exc)) from exc
        except URLError as exc:
            raise ApiError(0, f"no answer from {self._url}: {exc.reason}") from exc


def _message(exc: HTTPError) -> str:
    try:
        text = exc.read(65536).decode()
    except (OSError, HTTPException, ValueError):
        return str(exc.reason)
    try:
        return str(json.loads(text)["msg"])
    except (ValueError, KeyError, TypeError):
        return f"{text.strip()[:200] or exc.reason}{': log in with `jambones login`' if exc.code == 401 else ''}"
