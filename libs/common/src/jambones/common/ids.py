"""Identifiers: a type for each, so that mypy notices when two are swapped.

All are UUID version 4 in lower-case text (36 characters); SIP's own Call-ID is not one of them.
"""

from typing import NewType
from uuid import uuid4

ServiceProviderSid = NewType("ServiceProviderSid", str)
AccountSid = NewType("AccountSid", str)
ApplicationSid = NewType("ApplicationSid", str)
UserSid = NewType("UserSid", str)
ApiKeySid = NewType("ApiKeySid", str)
WebhookSid = NewType("WebhookSid", str)
VoipCarrierSid = NewType("VoipCarrierSid", str)
SipGatewaySid = NewType("SipGatewaySid", str)
PhoneNumberSid = NewType("PhoneNumberSid", str)
ClientSid = NewType("ClientSid", str)
CallRouteSid = NewType("CallRouteSid", str)
SpeechCredentialSid = NewType("SpeechCredentialSid", str)
CallSid = NewType("CallSid", str)
NodeId = NewType("NodeId", str)


def new_sid() -> str:
    """A fresh random sid; wrap it in the type it shall have: `CallSid(new_sid())`."""
    return str(uuid4())
