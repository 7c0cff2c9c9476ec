"""The credentials of calls that devices and authenticating carriers place: the verdict that an edge asks for."""

from jambones.common import logs
from jambones.common.bus.registrar import Authenticate, Authenticated
from jambones.common.directory import Directory
from jambones.registrar.authorize import Admitted, Challenged
from jambones.registrar.hook import Attempt, Denied, Granted
from jambones.registrar.judge import Judge, of_realm
from jambones.registrar.tables import Tables
from jambones.sbc.registrations import Registrations


class Calls:
    """Answers `sip.authenticate`."""

    def __init__(self, directory: Directory[Tables], judge: Judge, copy: Registrations) -> None:
        self._directory = directory
        self._judge = judge
        self._copy = copy

    async def authenticate(self, question: Authenticate) -> Authenticated:
        """The verdict on the credentials of a call."""
        account = self._directory.tables.rows.accounts.get(question.account_sid)
        if account is None or not account.is_active:
            return Authenticated(status=403, x_reason="Account exists but is inactive", cause="account inactive")
        logs.bind(account_sid=account.account_sid)
        attempt = Attempt(
            realm=question.realm,
            method=question.method,
            request_uri=question.request_uri,
            transport=question.transport,
            host=question.host,
            port=question.port,
            authorization=of_realm(
                [value for name, value in question.headers if name.lower() == "authorization"]
                or ([question.authorization] if question.authorization else []),
                question.realm,
            ),
            headers=question.headers,
        )
        match await self._judge(account, attempt, None):
            case Challenged(headers, cause):
                return Authenticated(status=401, headers=headers, cause=cause)
            case Denied(status, cause, x_reason, headers):
                return Authenticated(status=status, cause=cause, x_reason=x_reason, headers=headers)
            case Admitted(username, grant, trunk, by):
                if trunk is not None:
                    return Authenticated(status=200, trunk_sid=trunk.voip_carrier_sid, cause=by)
                return self._let_in(question, username, grant, by)

    def _let_in(self, question: Authenticate, username: str, grant: Granted, by: str) -> Authenticated:
        """A user, with what his registration says where the verdict on this call is silent."""
        bindings = [stored.binding for stored in self._copy.of(username, question.realm)]
        source = f"{question.host}:{question.port}"
        bindings.sort(key=lambda binding: binding.source != source)
        binding = bindings[0] if bindings else None

        def flag(name: str) -> bool:
            said: bool | None = getattr(grant, name)
            return said if said is not None else getattr(binding, name, True)

        return Authenticated(
            status=200,
            user=f"{username}@{question.realm}",
            cause=by,
            application_sid=grant.application_sid or getattr(binding, "application_sid", None),
            call_hook=grant.call_hook or getattr(binding, "call_hook", None),
            call_status_hook=grant.call_status_hook or getattr(binding, "call_status_hook", None),
            allow_direct_app_calling=flag("allow_direct_app_calling"),
            allow_direct_queue_calling=flag("allow_direct_queue_calling"),
            allow_direct_user_calling=flag("allow_direct_user_calling"),
        )
