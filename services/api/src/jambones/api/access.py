"""Who may use which operation, and what the others are answered: one row for each operation of the API.

The handlers enforce it, PostgreSQL's row-level security stands behind them, and the description and the tests read it
here. Statuses are those that existing clients know.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jambones.common.db.tenant import Scope

Status = int
ALL: tuple[Scope, ...] = ("admin", "service_provider", "account")


@dataclass(frozen=True)
class Access:
    """Rules of an operation."""

    scopes: tuple[Scope, ...] = ALL
    """Who may use it with sids of its own."""
    refused: Status = 403
    """What other scopes are answered, even with sids of their own."""
    foreign: tuple[Status, Status] | None = None
    """What a service provider and an account are answered for a sid of somebody else; None: no sid in the path."""
    users_only: bool = False
    """API keys get 403: the operation is about the user who is logged in."""
    own: Status | None = None
    """The status with sids of one's own, when it is not the operation's usual one: nothing of the kind is kept."""

    def foreign_to(self, scope: Scope) -> Status | None:
        """The status for a sid of somebody else; None: there are none for this scope."""
        if self.foreign is None or scope == "admin":
            return None
        if scope not in self.scopes:
            return self.refused
        return self.foreign[0 if scope == "service_provider" else 1]


PUBLIC = Access()
ANYBODY = Access()
ADMIN = Access(scopes=("admin",))
ADMIN_ITEM = Access(scopes=("admin",), foreign=(403, 403))
USER = Access(users_only=True)
ABOVE_ACCOUNTS = Access(scopes=("admin", "service_provider"))
ACCOUNT = Access(foreign=(403, 403))
ACCOUNT_NOTHING = Access(foreign=(403, 403), own=404)
ACCOUNT_ABOVE = Access(scopes=("admin", "service_provider"), foreign=(403, 403))
PROVIDER = Access(scopes=("admin", "service_provider"), foreign=(403, 403))
PROVIDER_NOTHING = Access(scopes=("admin", "service_provider"), foreign=(403, 403), own=404)
PROVIDER_READ = Access(foreign=(403, 403))
EXPLAINS = Access(foreign=(403, 403), own=503)
EXPLAINS_PROVIDER = Access(scopes=("admin", "service_provider"), foreign=(403, 403), own=503)
HIDDEN = Access(foreign=(404, 404))


def _rows(access: Access, *operations: str) -> Iterable[tuple[str, Access]]:
    return ((operation, access) for operation in operations)


TABLE: dict[str, Access] = dict(
    [
        *_rows(PUBLIC, "login", "signin", "forgotPassword", "listPredefinedCarriers"),
        *_rows(USER, "changePassword", "getMe"),
        *_rows(
            ANYBODY, "logout", "listUsers", "createUser", "listServiceProviders", "listAccounts", "getAvailability",
            "createApiKey", "createApplication", "listApplications", "getAppEnv", "createVoipCarrier",
            "listVoipCarriers", "createSipGateway", "listSipGateways", "createPhoneNumber", "listPhoneNumbers",
            "createClient", "listClients", "createLcr", "listLcrs", "createLcrRoute", "listLcrRoutes",
            "createLcrEntry", "listLcrEntries", "listSbcs", "getPasswordSettings", "createWebhook",
            "listApiKeys", "listSmppGateways", "listMicrosoftTeamsTenants", "listGoogleCustomVoices", "listSmpps",
        ),
        *_rows(
            ADMIN, "createServiceProvider", "createSbc", "setPasswordSettings", "getSystemInformation",
            "setSystemInformation", "getTtsCache", "deleteTtsCache",
        ),
        *_rows(ADMIN_ITEM, "deleteServiceProvider", "deleteSbc"),
        *_rows(ABOVE_ACCOUNTS, "createAccount"),
        *_rows(Access(foreign=(403, 403)), "getUser", "deleteUser", "updateUser"),
        *_rows(PROVIDER_READ, "getServiceProvider", "listServiceProviderAccounts", "listServiceProviderApplications",
               "listServiceProviderPhoneNumbers", "listServiceProviderVoipCarriers", "listServiceProviderApiKeys",
               "listServiceProviderSpeechCredentials", "createServiceProviderSpeechCredential",
               "listServiceProviderVoices", "listServiceProviderLcrs"),
        *_rows(
            PROVIDER, "updateServiceProvider", "createServiceProviderVoipCarrier", "updateServiceProviderVoipCarrier",
            "copyPredefinedCarrierForServiceProvider", "listServiceProviderLimits", "setServiceProviderLimit",
            "deleteServiceProviderLimits", "listServiceProviderRecentCalls", "listServiceProviderAlerts",
        ),
        *_rows(
            PROVIDER_NOTHING, "getServiceProviderCallTrace", "getServiceProviderCallCapture",
            "getServiceProviderCallMethodCapture", "getServiceProviderCallSpans", "getServiceProviderRecording",
            "deleteServiceProviderRecording",
        ),
        *_rows(
            ACCOUNT, "getAccount", "updateAccount", "deleteAccount", "getWebhookSecret", "setSipRealm",
            "testBucketCredential", "listAccountApiKeys", "listAccountLimits", "listAccountApplications",
            "listAccountVoipCarriers", "createAccountVoipCarrier", "updateAccountVoipCarrier", "copyPredefinedCarrier",
            "listRegisteredUsers", "findRegisteredUsers", "getRegisteredUser", "createSpeechCredential",
            "listSpeechCredentials", "listVoices", "getAccountTtsCache", "deleteAccountTtsCache",
            "listCalls", "getCall", "countCalls", "createCall", "updateCall", "updateCallByPost", "deleteCall",
            "listQueues", "listConferences", "listRecentCalls", "listAlerts", "listCharges", "followEvents",
            "createAccountApplication", "getAccountApplication", "updateAccountApplication",
            "deleteAccountApplication", "getAccountVoipCarrier", "deleteAccountVoipCarrier", "createAccountApiKey",
            "getAccountApiKey", "deleteAccountApiKey", "countCallsByPath",
        ),
        *_rows(ACCOUNT_NOTHING, "getCallTrace", "getCallCapture", "getCallMethodCapture", "getCallSpans",
               "getRecording", "deleteRecording", "explainCall"),
        *_rows(Access(foreign=(403, 403), own=400), "synthesize"),
        *_rows(ANYBODY, "listAuditLog"),
        *_rows(ACCOUNT, "listAccountAuditLog"),
        *_rows(PROVIDER, "listServiceProviderAuditLog"),
        *_rows(Access(own=503), "explainRouting"),
        *_rows(EXPLAINS, "explainAccountRouting"),
        *_rows(EXPLAINS_PROVIDER, "explainServiceProviderRouting"),
        *_rows(ACCOUNT_ABOVE, "setAccountLimit", "deleteAccountLimits"),
        *_rows(
            Access(foreign=(403, 403)), "getSpeechCredential", "updateSpeechCredential", "deleteSpeechCredential",
            "testSpeechCredential", "getServiceProviderSpeechCredential", "updateServiceProviderSpeechCredential",
            "deleteServiceProviderSpeechCredential", "testServiceProviderSpeechCredential",
        ),
        *_rows(Access(foreign=(400, 400)), "deleteApiKey", "updateLcr"),
        *_rows(HIDDEN, "getApplication", "getSipGateway", "getClient", "updateClient", "deleteClient", "getLcr",
               "deleteLcr", "createLcrRoutes", "updateLcrRoutes", "getLcrRoute", "updateLcrRoute", "deleteLcrRoute",
               "getLcrEntry", "updateLcrEntry", "deleteLcrEntry", "getWebhook"),
        *_rows(Access(foreign=(403, 403)), "updateApplication", "updatePhoneNumber", "deletePhoneNumber",
               "updateSipGateway", "deleteSipGateway"),
        *_rows(Access(foreign=(403, 422)), "deleteApplication", "updateVoipCarrier", "deleteVoipCarrier"),
        *_rows(Access(foreign=(400, 400)), "getVoipCarrier"),
        *_rows(Access(foreign=(400, 404)), "getPhoneNumber"),
    ]
)  # fmt: skip
"""By operation id. Operations that answer 501 have no row: they tell nobody anything."""
