"""Each change that was made becomes an entry of the audit log: who, what, from where, which members; no values."""

import structlog

from jambones.api.ask import Ask
from jambones.common.db.audit_log import AuditLog
from jambones.common.db.tenant import PLATFORM
from jambones.common.errors import JambonesError

log = structlog.get_logger(__name__)
MOST_FIELDS = 50


async def note(ask: Ask, path: str, status: int) -> None:
    """Write the entry. The change is made already, so a failure here is logged and not answered."""
    fields = [str(name).replace("\0", "")[:64] for name in ask.raw][:MOST_FIELDS] if isinstance(ask.raw, dict) else []
    try:
        async with ask.transaction(PLATFORM) as tx:
            await AuditLog(tx).add(
                caller=ask.caller.name,
                account_sid=(ask.tenant.account_sid or ask.params.get("account_sid", "")[:36]) or None,
                service_provider_sid=ask.tenant.service_provider_sid if ask.caller.name != "nobody" else None,
                operation=ask.operation.operation_id,
                path=path[:512],
                status=status,
                address=ask.address[:64],
                fields=sorted(fields),
            )
    except JambonesError as exc:
        log.error("change not in the audit log", operation=ask.operation.operation_id, error=str(exc))
