"""Webhooks inside other resources: reading them, showing them, storing them."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field
from yarl import URL

from jambones.api.errors import bad
from jambones.api.wire import Input, SidOrNone, Upper, no_empty
from jambones.common.db.database import Transaction
from jambones.common.db.tenant import Tenant
from jambones.common.db.webhooks import Webhook, Webhooks

SCHEMES = ("http", "https", "ws", "wss")
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\.?|\[?[0-9A-Fa-f:.]+\]?")
_ANY_HOST = re.compile(rf"[A-Za-z0-9_-]{{1,63}}(?:\.[A-Za-z0-9_-]{{1,63}})*\.?|{_HOST.pattern}")
"""Names of hosts in private networks may have underscores."""


class Hook(Input):
    """Where to ask or tell."""

    webhook_sid: SidOrNone = None
    url: str | None = Field(None, max_length=1024)
    method: Annotated[Annotated[Literal["GET", "POST"], Upper] | None, BeforeValidator(no_empty)] = None
    username: str | None = Field(None, max_length=255)
    password: str | None = Field(None, max_length=255)

    DEFAULTS: ClassVar[dict[str, Any]] = {"method": "POST"}

    @property
    def empty(self) -> bool:
        return not self.url and not self.webhook_sid


def check_url(name: str, url: str | None, *, any_host: bool = False) -> None:
    """Raises Refused unless `url` is one that the platform can ask; `any_host`: its host may have underscores."""
    if not url:
        raise bad(f"{name} URL is invalid")
    if url != url.strip():
        raise bad(f"{name} URL contains leading/trailing whitespace")
    if any(char.isspace() or ord(char) < 32 for char in url):
        raise bad(f"{name} URL is invalid")
    try:
        parsed = URL(url)
        host, scheme = parsed.raw_host, parsed.scheme
        _ = parsed.port
    except ValueError:
        raise bad(f"{name} URL is invalid") from None
    if scheme.lower() not in SCHEMES:
        raise bad(f"{name} URL has missing or invalid protocol {scheme}")
    if not host or not (_ANY_HOST if any_host else _HOST).fullmatch(host):
        raise bad(f"{name} URL has invalid hostname {host or ''}")


def shown(hook: Webhook | None, *, with_sid: bool) -> dict[str, Any] | None:
    """A hook as it goes out: applications show its sid, accounts do not."""
    if hook is None:
        return None
    password = hook.password.reveal() if hook.password is not None else None
    values = {"url": hook.url, "method": hook.method, "username": hook.username, "password": password}
    return {"webhook_sid": hook.webhook_sid, **values} if with_sid else values


async def store(
    tx: Transaction, name: str, given: Hook | None, stored: str | None, owner: Tenant, *, any_host: bool = True
) -> str | None:
    """Make, change or clear the hook of a column; returns its sid. A hook that is there is changed in place.

    `given` that names another `webhook_sid` than `stored` is refused: it is somebody else's.
    """
    hooks = Webhooks(tx)
    if given is None or (not given.url and (given.webhook_sid is None or "url" in given.model_fields_set)):
        return None
    if given.webhook_sid is not None and given.webhook_sid != stored:
        raise bad(f"{name}: unknown webhook_sid")
    values = given.given(but=("webhook_sid",))
    if stored is not None:
        if "url" in values:
            check_url(name, given.url, any_host=any_host)
        await hooks.update(stored, values)
        return stored
    check_url(name, given.url, any_host=any_host)
    owned = {"account_sid": owner.account_sid, "service_provider_sid": owner.service_provider_sid}
    return (await hooks.add({**values, **owned})).webhook_sid
