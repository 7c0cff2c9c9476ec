"""The body of a new call: checked, and filled in from the application it names."""

from typing import Any

from jambones.api.ask import Ask
from jambones.api.call_changes import hook_of
from jambones.api.errors import bad
from jambones.api.operations import UUID
from jambones.common.db.accounts import Account
from jambones.common.db.applications import Applications
from jambones.common.db.webhooks import Webhook, Webhooks

SPEECH = (
    "speech_synthesis_vendor", "speech_synthesis_language", "speech_synthesis_voice", "speech_recognizer_vendor",
    "speech_recognizer_language",
)  # fmt: skip
LABELS = ("speech_synthesis_label", "speech_recognizer_label")
TARGETS = {"phone": "number", "teams": "number", "user": "name", "sip": "sipUri"}
INTEGERS = {"timeout": (1, 600), "timeLimit": (1, 86400)}
OBJECTS = ("headers", "tag", "amd")
EMPTY = (*INTEGERS, *OBJECTS, "call_hook", "call_status_hook", "application_sid", "callerName", "fromHost", "trunk")
"""What a form left empty, as null, 0 or empty text, is not given."""


async def prepared(ask: Ask, account: Account, body: dict[str, Any]) -> dict[str, Any]:
    """What the feature server is asked to do. Raises Refused (400)."""
    caller = body.get("from")
    if not isinstance(caller, str) or not 1 <= len(caller) <= 256:
        raise bad("missing from parameter")
    body = {name: value for name, value in body.items() if value or name not in EMPTY}
    call = body | {"account_sid": account.account_sid, "to": _target(body, account)}
    _check_options(body)
    if "application_sid" in body:
        call |= await _from_application(ask, account, body)
    else:
        missing = [name for name in SPEECH if not isinstance(body.get(name), str) or not body[name]]
        if not body.get("call_hook") and body.get("app_json") is None:
            raise bad("either call_hook or application_sid required")
        if missing:
            raise bad(f"either application_sid or set of {', '.join(SPEECH)} required")
        if body.get("call_hook"):
            call["call_hook"] = hook_of("call_hook", body["call_hook"])
        if body.get("call_status_hook"):
            call["call_status_hook"] = hook_of("call_status_hook", body["call_status_hook"])
    return call


def _target(body: dict[str, Any], account: Account) -> dict[str, Any]:
    to = body.get("to")
    if not isinstance(to, dict):
        raise bad("missing or invalid to property: must be an object")
    member = TARGETS.get(to["type"]) if isinstance(to.get("type"), str) else None
    if member is None:
        raise bad("missing or invalid to property: type must be phone, user, sip or teams")
    value = to.get(member)
    if not isinstance(value, str) or not 1 <= len(value) <= 512 or any(char.isspace() for char in value):
        raise bad(f"missing or invalid to property: {member}")
    if to.get("headers") is not None and not isinstance(to["headers"], dict):
        raise bad("missing or invalid to property: headers")
    target = dict(to)
    if to["type"] == "user" and "@" not in value:
        if not account.sip_realm:
            raise bad("no sip realm configured for account")
        target["name"] = f"{value}@{account.sip_realm}"
    if to["type"] == "sip" and not value.lower().startswith(("sip:", "sips:")):
        raise bad("missing or invalid to property: sipUri")
    if isinstance(body.get("trunk"), str) and to["type"] == "phone":
        target.setdefault("trunk", body["trunk"])
    return target


def _check_options(body: dict[str, Any]) -> None:
    for name, (low, high) in INTEGERS.items():
        value = body.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high):
            raise bad(f"invalid {name}")
    for name in OBJECTS:
        if body.get(name) is not None and not isinstance(body[name], dict):
            raise bad(f"invalid {name}")


async def _from_application(ask: Ask, account: Account, body: dict[str, Any]) -> dict[str, Any]:
    """Hooks, script and speech of the application; they win over the body, but for the labels of credentials."""
    sid = body["application_sid"]
    unknown = bad(f"application_sid not found {str(sid)[:36]}")
    if not isinstance(sid, str) or not UUID.fullmatch(sid):
        raise unknown
    async with ask.reading(account.tenant) as tx:
        row = await Applications(tx).get(sid)
        if row is None or row.account_sid != account.account_sid:
            raise unknown
        found = await Webhooks(tx).some(row.hook_sids)
    values = {name: getattr(row, name) for name in SPEECH} | {"app_json": row.app_json}
    values |= {name: body.get(name) or getattr(row, name) for name in LABELS}
    for name in ("call_hook", "call_status_hook"):
        values[name] = _plain(found.get(getattr(row, f"{name}_sid") or ""))
    return values


def _plain(hook: Webhook | None) -> dict[str, Any] | None:
    if hook is None:
        return None
    password = hook.password.reveal() if hook.password is not None else None
    return {"url": hook.url, "method": hook.method, "username": hook.username, "password": password}
