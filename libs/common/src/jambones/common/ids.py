"""Identifiers: a type for each, so that mypy notices when two are swapped.

All are UUID version 4 in lower-case text (36 characters); SIP's own Call-ID is not one of them.
"""

from typing import NewType
from uuid import uuid4

ServiceProviderSid = NewType("ServiceProviderSid", str)
AccountSid = NewType("AccountSid", str)
ApplicationSid = NewType("ApplicationSid", str)
UserSid = NewType("UserSid", str)
VoipCarrierSid = NewType("VoipCarrierSid", str)
SipGatewaySid = NewType("SipGatewaySid", str)
CallSid = NewType("CallSid", str)
NodeId = NewType("NodeId", str)


def new_sid() -> str:
    """A fresh random sid; wrap it in the type it shall have: `CallSid(new_sid())`."""
    return str(uuid4())
