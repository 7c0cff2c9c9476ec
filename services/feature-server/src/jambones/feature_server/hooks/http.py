"""An application that is asked over HTTP: one request a hook."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

from yarl import URL

from jambones.common.verbs.hook import Hook
from jambones.common.verbs.parse import Note, ScriptError, parse_script
from jambones.common.webhook import WebhookClient, WebhookFailed
from jambones.feature_server.calls.collaborators import HookFailed, HookKind, Verbs
from jambones.feature_server.calls.info import Payload


class HttpHooks:
    """The Hooks of one call. `first` is the application's call hook; relative hooks belong to its origin."""

    stays_open = False

    def __init__(
        self,
        client: WebhookClient,
        first: Hook,
        *,
        secret: str | None = None,
        noted: Callable[[Sequence[Note]], None] = lambda notes: None,
    ) -> None:
        """`noted` is told of properties that nobody knows, the first time that the call's answers hold any."""
        self._client = client
        self._first = first
        try:
            self._base = URL(first.url)
        except ValueError:
            self._base = URL()  # asking it fails, and says so to the tenant
        self._secret = secret
        self._noted: Callable[[Sequence[Note]], None] | None = noted
        self._auth = (first.username, first.password or "") if first.username else None

    @property
    def base(self) -> str:
        """The URL that relative hooks belong to."""
        return str(self._base)

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password of relative hooks."""
        return self._auth

    async def open(self, payload: Payload) -> Verbs:
        """The first hook of the call; an answer without verbs is a failure here. Raises HookFailed."""
        verbs = await self.ask("session:new", self._first, payload)
        if not verbs:
            raise HookFailed("invalid-app-payload", "the application answered no verbs", url=_shown(self._base))
        return verbs

    async def ask(self, kind: HookKind, hook: Hook, payload: Payload) -> Verbs:
        answer, url = await self._send(kind, hook, payload)
        if not isinstance(answer, list):
            if answer is None or isinstance(answer, dict):
                return ()
            raise HookFailed("invalid-app-payload", f"{url} answered neither verbs nor an object", url=url)
        try:
            script = parse_script(answer)
        except ScriptError as exc:
            raise HookFailed("invalid-app-payload", str(exc), url=url) from exc
        if script.notes and self._noted is not None:
            noted, self._noted = self._noted, None
            noted(script.notes)
        return script.verbs

    async def tell(self, kind: HookKind, hook: Hook, payload: Payload) -> None:
        await self._send(kind, hook, payload)

    def rebase(self, hook: Hook) -> None:
        url = URL(hook.url)
        if url.is_absolute():
            self._base = url

    def emit(self, kind: str, payload: Payload) -> None:
        """Nothing: nobody listens."""

    def share(self) -> "HttpHooks":
        return copy.copy(self)

    async def close(self) -> None:
        """Nothing is held for one call."""

    async def _send(self, kind: HookKind, hook: Hook, payload: Payload) -> tuple[Any, str]:
        url = self._absolute(hook.url)
        shown = _shown(url)
        if url.scheme not in {"http", "https"} or not url.host:
            raise HookFailed("webhook-failure", f"{shown} is not an HTTP URL", url=shown)
        auth = (hook.username, hook.password or "") if hook.username else self._auth
        try:
            answer = await self._client.ask(
                str(url), payload, method=hook.method, secret=self._secret, auth=auth, kind=kind
            )
        except WebhookFailed as exc:
            raise HookFailed(exc.alert, exc.message, **exc.data) from exc
        return answer, shown

    def _absolute(self, text: str) -> URL:
        try:
            url = URL(text)
        except ValueError as exc:
            raise HookFailed("webhook-failure", "a hook's URL cannot be read") from exc
        if url.is_absolute():
            return url
        if not self._base.is_absolute():
            raise HookFailed("webhook-failure", f"{_shown(url)} is relative, and so is the application's call hook")
        origin = self._base.origin()
        return origin.join(URL("/" + text.lstrip("/")))


def _shown(url: URL) -> str:
    """A URL without what may be secret in it."""
    return str(url.with_query(None).with_fragment(None).with_user(None)) if url.is_absolute() else str(url)
