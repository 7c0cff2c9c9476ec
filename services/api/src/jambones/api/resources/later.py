"""Paths of the contract that are not there yet: 501, but for lists that clients always ask for, which are empty."""

from typing import Any

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.operations import Resource

resource = Resource("Later", "Messages, Teams, billing, sign-up.")
EMPTY = ("SmppGateways", "MicrosoftTeamsTenants", "GoogleCustomVoices", "Smpps")


@resource.get(
    "/Accounts/{account_sid}/Charges", summary="List charges (none)", id="listCharges", returns=list[dict[str, Any]]
)
async def charges(ask: Ask) -> list[dict[str, Any]]:
    await guards.account_part(ask)
    return []


for name in EMPTY:

    @resource.get(f"/{name}", summary=f"List {name} (none yet)", id=f"list{name}", returns=list[dict[str, Any]])
    async def nothing(ask: Ask) -> list[dict[str, Any]]:
        return []

    resource.later("POST", f"/{name}", summary=f"Make one of {name}", id=f"create{name}")
    if name != "Smpps":
        resource.later("GET", f"/{name}/{{sid}}", summary=f"Show one of {name}", id=f"get{name}")
        resource.later("PUT", f"/{name}/{{sid}}", summary=f"Change one of {name}", id=f"update{name}")
    resource.later("DELETE", f"/{name}/{{sid}}", summary=f"Delete one of {name}", id=f"delete{name}")

resource.later("POST", "/Accounts/{account_sid}/Messages", summary="Send a message", id="createMessage")
resource.later("POST", "/register", summary="Sign up", id="register", public=True)
resource.later("POST", "/ActivationCode", summary="Send an activation code", id="createActivationCode")
resource.later("PUT", "/ActivationCode/{code}", summary="Use an activation code", id="useActivationCode")
resource.later("POST", "/BetaInviteCodes", summary="Make invitations", id="createInviteCodes")
resource.later("POST", "/InviteCodes", summary="Use an invitation", id="useInviteCode", public=True)
resource.later("GET", "/AccountTest/{service_provider_sid}", summary="Test objects", id="accountTest", public=True)
resource.later("POST", "/Accounts/{account_sid}/SubspaceTeleport", summary="Accelerate SIP", id="createTeleport")
resource.later("DELETE", "/Accounts/{account_sid}/SubspaceTeleport", summary="Stop accelerating", id="deleteTeleport")
resource.later("POST", "/GoogleCustomVoices/{sid}/VoiceCloningKey", summary="Upload a voice", id="uploadVoice")
resource.later("GET", "/Accounts/{account_sid}/RecentCalls/{call_sid}/logs", summary="Show logs", id="getCallLogs")
resource.later("POST", "/messaging/{provider}", summary="Take a message", id="takeMessage", public=True)
resource.later("POST", "/outboundSMS", summary="Send a message of an application", id="sendMessage", public=True)
resource.later("DELETE", "/StripeCustomerId", summary="Billing: forget the customer", id="deleteStripeCustomerId")
for path in ("Prices", "StripeCustomerId", "Subscriptions", "Invoices"):
    resource.later("GET", f"/{path}", summary=f"Billing: {path}", id=f"get{path}")
resource.later("POST", "/Subscriptions", summary="Billing: change a subscription", id="changeSubscription")
