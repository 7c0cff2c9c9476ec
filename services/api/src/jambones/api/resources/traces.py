"""SIP traces, captures and spans of calls: paths that clients ask for; 404 while no store is attached."""

from typing import Any

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.errors import absent
from jambones.api.operations import Resource
from jambones.common.db.tenant import Tenant

resource = Resource("Traces", "SIP traces of calls, where they are kept.")
NONE = "no trace of this call is kept"
PATHS = (
    ("{call_id}", "Show the SIP messages of a call, where they are kept", "Trace"),
    ("{call_id}/pcap", "Download the SIP messages of a call, where they are kept", "Capture"),
    ("{call_id}/{method}/pcap", "Download the SIP messages of a method, where they are kept", "MethodCapture"),
    ("trace/{trace_id}", "Show the spans of a call, where they are kept", "Spans"),
)


def _add(mount: str, word: str) -> None:
    async def nothing(ask: Ask) -> Any:
        guarded = guards.account_part(ask) if word == "" else guards.service_provider_part(ask)
        if not isinstance(guarded, Tenant):
            await guarded
        raise absent(NONE)

    for path, summary, noun in PATHS:
        resource.get(f"{mount}/RecentCalls/{path}", summary=summary, id=f"get{word}Call{noun}", returns=dict[str, Any])(
            nothing
        )


_add("/Accounts/{account_sid}", "")
_add("/ServiceProviders/{service_provider_sid}", "ServiceProvider")
