"""The registration hook: the account's own server judges a device's credentials; no password comes our way.

What is sent are the digest's fields as the device sent them; what comes back is a verdict.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from jambones.common.bus.calls import AlertType
from jambones.common.db.cache import AccountConfig
from jambones.common.verbs.hook import Hook
from jambones.common.webhook import WebhookClient, WebhookFailed
from jambones.sbc.headers import OF_THE_LEG, is_private
from jambones.sip.digest import Authorization
from jambones.sip.grammar import is_token, is_unsafe

NEVER = frozenset({"content-encoding", "mime-version", "min-expires", "expires"})
AT_ONCE = 50
"""Requests to one account's hook that may wait for its answer; the registrar serves 200 questions at once."""
BLOCK = 900  # seconds, where the hook says only that it wants one


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request whose credentials are to be judged."""

    realm: str
    method: str
    request_uri: str
    transport: str
    host: str
    port: int
    authorization: str | None
    headers: tuple[tuple[str, str], ...]
    aor_user: str | None = None
    """The user of the address of record that a REGISTER is about."""
    expires: int | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """The hook let the device in."""

    expires: int | None = None
    application_sid: str | None = None
    call_hook: str | None = None
    call_status_hook: str | None = None
    allow_direct_app_calling: bool | None = None
    allow_direct_queue_calling: bool | None = None
    allow_direct_user_calling: bool | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """It did not, or did not answer. `counts`: somebody gave wrong credentials."""

    status: int
    cause: str
    x_reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    counts: bool = False
    block: int | None = None
    """Seconds to block the source, 0 is for ever."""
    alert: tuple[AlertType, str] | None = None


def request_of(attempt: Attempt, auth: Authorization, *, with_headers: bool) -> dict[str, Any]:
    """The body, or the query, of the hook's request."""
    fields: dict[str, Any] = {
        "source_address": attempt.host,
        "source_port": attempt.port,
        "method": attempt.method,
        "expires": attempt.expires,
        "scheme": "digest",
        "username": auth.username,
        "realm": auth.realm,
        "nonce": auth.nonce,
        "uri": auth.uri,
        "algorithm": auth.algorithm,
        "response": auth.response,
        "qop": auth.qop,
        "nc": auth.nc,
        "cnonce": auth.cnonce,
        "opaque": auth.opaque,
    }
    if with_headers:
        headers: dict[str, str] = {}
        for name, value in attempt.headers:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        fields["headers"] = headers
    return {name: value for name, value in fields.items() if value is not None}


def verdict_of(answer: Any) -> Granted | Denied:
    """What the hook's JSON means; anything that is not a clear "ok" is a no."""
    if not isinstance(answer, dict) or not isinstance(answer.get("status"), str):
        problem = "the registration hook's answer has no status"
        return Denied(
            403, "hook answered nothing usable", "Invalid credentials", alert=("invalid-app-payload", problem)
        )
    if answer["status"].strip().lower() == "ok":
        return Granted(
            expires=_number(answer.get("expires")),
            application_sid=_text(answer.get("application_sid")),
            call_hook=_hook(answer.get("call_hook")),
            call_status_hook=_hook(answer.get("call_status_hook")),
            allow_direct_app_calling=_flag(answer.get("allow_direct_app_calling")),
            allow_direct_queue_calling=_flag(answer.get("allow_direct_queue_calling")),
            allow_direct_user_calling=_flag(answer.get("allow_direct_user_calling")),
        )
    said = _text(answer.get("msg")) or _text(answer.get("message")) or "Invalid credentials"
    blacklist = answer.get("blacklist")
    block = BLOCK if blacklist is True else None if blacklist is False else _number(blacklist)
    return Denied(
        403, "refused by the hook", _one_line(said), tuple(_headers(answer.get("headers"))), counts=True, block=block
    )


def failure_of(failed: WebhookFailed) -> Denied:
    """The hook answered with an error, or not at all."""
    status = failed.status
    if failed.alert == "webhook-connection-failure":
        return Denied(503, "hook does not answer", "Registration hook does not answer", (("Retry-After", "5"),),
                      alert=(failed.alert, failed.message))  # fmt: skip
    if status is None:
        return Denied(500, "hook answered nothing usable", alert=(failed.alert, failed.message))
    # 401 and 407 would be challenges without one.
    sip = status if 400 <= status < 700 and status not in {401, 407} else 403
    return Denied(sip, "hook answered an error", headers=(("Retry-After", "5"),) if sip == 503 else (),
                  alert=("webhook-failure", failed.message))  # fmt: skip


class RegistrationHooks:
    """Asks the hooks of accounts."""

    def __init__(self, client: WebhookClient) -> None:
        self._client = client
        self._asking: Counter[str] = Counter()

    async def ask(self, account: AccountConfig, attempt: Attempt, auth: Authorization) -> Granted | Denied:
        """The account's verdict. It must have a registration hook."""
        hook = account.registration_hook
        assert hook is not None
        if hook.method == "GET" and attempt.method == "REGISTER" and not _same_user(auth.username, attempt.aor_user):
            # A GET does not carry the headers: the hook could not see that one user registers as another.
            return Denied(403, "user name is not that of the address", "Invalid credentials", counts=True)
        account_sid = account.account.account_sid
        if self._asking[account_sid] >= AT_ONCE:
            # A slow hook holds up its own account's devices, not those of others.
            return Denied(503, "hook has many requests waiting", headers=(("Retry-After", "5"),))
        password = hook.password.reveal() if hook.password is not None else ""
        self._asking[account_sid] += 1
        try:
            answer = await self._client.ask(
                hook.url,
                request_of(attempt, auth, with_headers=hook.method == "POST"),
                method=hook.method,
                secret=account.account.webhook_secret.reveal(),
                auth=(hook.username, password) if hook.username else None,
                kind="registration",
            )
        except WebhookFailed as exc:
            return failure_of(exc)
        finally:
            self._asking[account_sid] -= 1
            if not self._asking[account_sid]:
                del self._asking[account_sid]
        return verdict_of(answer)


def _same_user(username: str, user: str | None) -> bool:
    return user is None or username.lower() == user.lower()


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 2**31 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _flag(value: object) -> bool | None:
    return bool(value) if isinstance(value, bool | int) else None


def _hook(value: object) -> str | None:
    """A URL, or a hook object as the JSON of our own model; unreadable ones are none."""
    try:
        if isinstance(value, dict) and isinstance(value.get("url"), str):
            return Hook.model_validate(value).model_dump_json(exclude_none=True)
        return value.strip() if isinstance(value, str) and value.strip() else None
    except ValueError:
        return None


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)[:200]


def _headers(given: object) -> Iterable[tuple[str, str]]:
    """Headers that the hook adds to the refusal: none of the message's own, and no second line in a value."""
    for name, value in given.items() if isinstance(given, dict) else ():
        text = str(value)
        low = str(name).lower()
        if low in OF_THE_LEG - {"retry-after", "date"} or low in NEVER or is_private(low):
            continue
        if is_token(str(name)) and not is_unsafe(text) and len(text) <= 1024:
            yield str(name), text
