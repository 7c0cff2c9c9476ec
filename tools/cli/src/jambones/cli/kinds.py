"""The kinds of things that files describe: where the API keeps them, and what they are called by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Kind:
    """`name` is what files say, `path` the collection, `key` the sid's member, `called` the member with the name."""

    name: str
    plural: str
    path: str
    key: str
    called: str = "name"
    references: Mapping[str, str] = field(default_factory=dict)
    """Members of files that name another thing: kind of that thing → the member that takes its sid."""
    within: str | None = None
    """The kind it lives in: its names are unique there only, and the list is asked for by its sid."""
    columns: tuple[str, ...] = ()
    """What a table shows besides the name and the sid."""


# In the order of dependency: what comes later may refer to what comes before.
KINDS: tuple[Kind, ...] = (
    Kind("service_provider", "service_providers", "/ServiceProviders", "service_provider_sid"),
    Kind(
        "account", "accounts", "/Accounts", "account_sid", references={"service_provider": "service_provider_sid"},
        columns=("sip_realm", "is_active"),
    ),
    Kind(
        "application", "applications", "/Applications", "application_sid", references={"account": "account_sid"},
        columns=("call_hook",),
    ),
    Kind(
        "carrier", "carriers", "/VoipCarriers", "voip_carrier_sid",
        references={"account": "account_sid", "application": "application_sid"}, columns=("trunk_type", "is_active"),
    ),
    Kind(
        "gateway", "gateways", "/SipGateways", "sip_gateway_sid", called="ipv4",
        references={"carrier": "voip_carrier_sid"}, within="carrier", columns=("port", "inbound", "outbound"),
    ),
    Kind(
        "number", "numbers", "/PhoneNumbers", "phone_number_sid", called="number",
        references={"account": "account_sid", "carrier": "voip_carrier_sid", "application": "application_sid"},
        columns=("voip_carrier_sid", "application_sid"),
    ),
    Kind(
        "client", "clients", "/Clients", "client_sid", called="username", references={"account": "account_sid"},
        columns=("is_active",),
    ),
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in KINDS} | {kind.plural: kind for kind in KINDS}
_SHOWN = re.compile(r"(.{0,6}?)X+", re.DOTALL)


def comparable_name(kind: Kind, name: str) -> str:
    """Names as they are compared: numbers are stored without a leading plus."""
    return name.removeprefix("+") if kind.name == "number" else name


def same(wanted: Any, actual: Any) -> bool:
    """Whether what the API shows is what a file wants; members that the file leaves out do not matter."""
    if isinstance(wanted, Mapping):
        return isinstance(actual, Mapping) and all(same(value, actual.get(name)) for name, value in wanted.items())
    if isinstance(wanted, bool) or isinstance(actual, bool):
        return str(wanted).lower() in _flag(actual)
    if wanted in (None, "") and actual in (None, ""):
        return True
    if isinstance(wanted, str) and isinstance(actual, str):
        return wanted == actual or _hidden(wanted, actual)
    return bool(wanted == actual) or (actual is not None and wanted is not None and str(wanted) == str(actual))


def _flag(value: Any) -> tuple[str, ...]:
    if value in (None, ""):
        return ("false",)  # what is not set is not on
    return ("true",) if value in (True, 1, "1", "true") else ("false",) if value in (False, 0, "0", "false") else ()


def _hidden(wanted: str, actual: str) -> bool:
    """A secret is shown as its beginning and X: as far as one can see it is the same."""
    match = _SHOWN.fullmatch(actual)
    return match is not None and len(actual) == len(wanted) and wanted.startswith(match[1])
