"""What the operator of the platform does not leave to accounts: carriers by setting, and how much of each thing."""

from typing import Any

from jambones.api.ask import Ask
from jambones.api.errors import bad, guarded
from jambones.common.db.applications import Applications
from jambones.common.db.phone_numbers import PhoneNumbers
from jambones.common.db.repository import Repository, Where
from jambones.common.db.sip_gateways import SipGateways
from jambones.common.db.voip_carriers import VoipCarriers

CARRIERS = frozenset(
    {
        "createVoipCarrier", "updateVoipCarrier", "deleteVoipCarrier", "createAccountVoipCarrier",
        "updateAccountVoipCarrier", "deleteAccountVoipCarrier", "copyPredefinedCarrier", "createSipGateway",
        "updateSipGateway", "deleteSipGateway", "createPhoneNumber", "updatePhoneNumber", "deletePhoneNumber",
    }
)  # fmt: skip
"""Operations that JAMBONES_ADMIN_CARRIER takes from accounts."""
COUNTED: dict[str, tuple[type[Repository[Any]], int]] = {
    "createApplication": (Applications, 50),
    "createAccountApplication": (Applications, 50),
    "createVoipCarrier": (VoipCarriers, 10),
    "createSipGateway": (SipGateways, 150),
    "createPhoneNumber": (PhoneNumbers, 200),
}
"""How many an account may have with JAMBONES_COUNT_LIMITS."""


async def check(ask: Ask) -> None:
    """Raises Refused for what the operator does not let an account do."""
    if ask.caller.scope != "account" or ask.caller.name == "nobody":
        return
    settings, operation = ask.parts.settings, ask.operation.operation_id
    if settings.admin_carrier and operation in CARRIERS:
        raise bad("insufficient privileges")
    if not settings.count_limits or operation not in COUNTED:
        return
    repository, most = COUNTED[operation]
    async with ask.reading() as tx:
        where = Where()
        repository(tx).owned(where, ask.tenant)
        if await repository(tx).count(where) >= most:
            raise guarded(422, f"the account has as many as it may have: {most}")
