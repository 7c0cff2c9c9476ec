"""What the audit log is told of a request: who asks for what, from where.

The database writes the entries of changed rows in the transaction that changes them; a request that changed no row (a
call hung up, a session ended) gets an entry here.
"""

import structlog

from jambones.api.ask import Ask
from jambones.common.db.audit_log import AuditLog
from jambones.common.errors import JambonesError

log = structlog.get_logger(__name__)
MOST_FIELDS = 50


async def note(ask: Ask, status: int) -> None:
    """Write the entry of a request that changed no row. It is done already, so a failure here is only logged."""
    if ask.audit is None:
        return
    fields = [str(name).replace("\0", "")[:64] for name in ask.raw][:MOST_FIELDS] if isinstance(ask.raw, dict) else []
    try:
        async with ask.parts.db.single() as tx:
            await AuditLog(tx).add(
                ask.audit,
                account_sid=(ask.audit.caller_account_sid or ask.params.get("account_sid", "").lower()[:36]) or None,
                service_provider_sid=ask.audit.caller_service_provider_sid,
                status=status,
                fields=sorted(fields),
            )
    except JambonesError as exc:
        log.error("request not in the audit log", operation=ask.operation.operation_id, error=str(exc))
