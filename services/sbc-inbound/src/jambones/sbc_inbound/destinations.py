"""What a device may dial: from its permissions and the user it calls to an application, or a script made for the call.

Pure, with reasons. The order: an application, a queue or a conference by name; the application that the verdict on the
device names; the account's application for devices; another registered user of the realm. Else 480.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jambones.common.bus.registrar import Authenticated
from jambones.sbc.decision import Decision, Reasons, Refusal
from jambones.sbc.tenants import Account
from jambones.sbc_inbound.tables import Application, Tables

NO_APPLICATION = "no configured application"
MAX_NAME = 128

Script = dict[str, Any]
"""Either {"verbs": […]}, or {"call_hook": …, "call_status_hook": …}: what the feature server runs."""


@dataclass(frozen=True, slots=True)
class DeviceRoute:
    """Where a device's call goes."""

    account: Account
    user: str
    """user@realm, as authenticated."""
    did: str
    """The user part that was dialled."""
    application: Application | None = None
    script: Script | None = None
    """Runs instead of the application, which then only lends its speech settings."""


def destination(
    tables: Tables,
    account: Account,
    device: Authenticated,
    dialled: str,
    registered: Callable[[str], bool],
    *,
    applied: Sequence[str] = (),
    device_app_first: bool = False,
    user_calling: bool = True,
) -> Decision[DeviceRoute | Refusal]:
    """Where the call of an authenticated device goes.

    `registered` tells whether a user of the account's realm is. `applied`: application sids that the request already
    carries; meeting one again is a loop. `device_app_first`: names of applications, queues and conferences are not
    looked at where a verdict or the account names an application (as the reference platform does it).
    """
    reasons = Reasons()
    user = device.user or ""
    if len(dialled) > MAX_NAME:
        return reasons.refused("dialled user", _none(account), "too long")
    fixed = _named_application(tables, account, device, reasons)
    if fixed is None or not device_app_first:
        for rule in (_application, _queue, _conference):
            found = rule(tables, account, device, dialled, reasons)
            if found is not None:
                return _unless_loop(reasons, DeviceRoute(account, user, dialled, *found), applied)
    if fixed is not None:
        return _unless_loop(reasons, DeviceRoute(account, user, dialled, *fixed), applied)
    if not user_calling or not device.allow_direct_user_calling:
        reasons.missed("registered user", "not permitted")
    elif dialled and registered(dialled):
        name = f"{dialled}@{account.sip_realm}"
        caller = user.partition("@")[0]
        dial = {"verb": "dial", "callerId": caller, "answerOnBridge": True, "target": [{"type": "user", "name": name}]}
        result = DeviceRoute(account, user, dialled, None, {"verbs": [dial]})
        return reasons.matched("registered user", "", result)
    else:
        reasons.missed("registered user", "nobody of that name is registered")
    return reasons.refused("application", _none(account))


Found = tuple[Application | None, Script | None]


def _application(
    tables: Tables, account: Account, device: Authenticated, dialled: str, reasons: Reasons
) -> Found | None:
    if not dialled.startswith("app-"):
        return None
    if not device.allow_direct_app_calling:
        reasons.missed("application by name", "not permitted")
        return None
    application = _of_account(tables, account, dialled.removeprefix("app-"))
    if application is None:
        reasons.missed("application by name", "the account has none of this sid")
        return None
    reasons.passed("application by name", application.name)
    return application, None


def _queue(tables: Tables, account: Account, device: Authenticated, dialled: str, reasons: Reasons) -> Found | None:
    name = dialled.removeprefix("queue-")
    if name == dialled or not name:
        return None
    if not device.allow_direct_queue_calling:
        reasons.missed("queue by name", "not permitted")
        return None
    reasons.passed("queue by name")
    return None, {"verbs": [{"verb": "dequeue", "name": name}]}


def _conference(
    tables: Tables, account: Account, device: Authenticated, dialled: str, reasons: Reasons
) -> Found | None:
    name = dialled.removeprefix("conference-")
    if name == dialled or not name:
        return None
    if not device.allow_direct_app_calling:
        reasons.missed("conference by name", "not permitted")
        return None
    reasons.passed("conference by name")
    return None, {"verbs": [{"verb": "conference", "name": name}]}


def _named_application(tables: Tables, account: Account, device: Authenticated, reasons: Reasons) -> Found | None:
    """The application of all that a device dials: named by the verdict on it, else the account's."""
    own = _of_account(tables, account, account.device_calling_application_sid)
    if device.application_sid is not None:
        named = _of_account(tables, account, device.application_sid)
        if named is not None:
            reasons.passed("application of the device", named.name)
            return named, None
        reasons.missed("application of the device", "the account has none of this sid")
    if device.call_hook is not None:
        hooks = {"call_hook": _hook(device.call_hook), "call_status_hook": _hook(device.call_status_hook)}
        reasons.passed("hook of the device")
        return own, {name: value for name, value in hooks.items() if value is not None}
    if own is not None:
        reasons.passed("device calling application", own.name)
        return own, None
    reasons.missed("device calling application")
    return None


def _hook(text: str | None) -> Any:
    """A hook as the registrar gives it: a URL, or an object as JSON."""
    return json.loads(text) if text is not None and text.startswith("{") else text


def _of_account(tables: Tables, account: Account, application_sid: str | None) -> Application | None:
    """The application, if it may serve this account: its own, or one of the service provider's."""
    application = tables.applications.get(application_sid or "")
    if application is None or application.account_sid not in (None, account.account_sid):
        return None
    return application


def _unless_loop(reasons: Reasons, route: DeviceRoute, applied: Sequence[str]) -> Decision[DeviceRoute | Refusal]:
    if route.script is None and route.application is not None and route.application.application_sid in applied:
        loop = Refusal(482, "loop", "Loop Detected", x_reason="Loop Detected", account_sid=route.account.account_sid)
        return reasons.refused("loop", loop)
    return reasons.matched("application", route.application.name if route.application else "made for the call", route)


def _none(account: Account) -> Refusal:
    return Refusal(480, "no application", x_reason=NO_APPLICATION, account_sid=account.account_sid)
