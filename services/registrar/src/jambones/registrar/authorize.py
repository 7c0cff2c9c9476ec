"""Who sent a request: digest authentication by trunk, registration hook or the account's clients (RFC 7616, RFC 8760).

The nonce is ours and judged first, so that nobody is asked about a stale or foreign one. Then, in this order: carriers
that authenticate (calls only), the account's registration hook, which decides alone where there is one, its clients.
"""

from collections.abc import Callable
from dataclasses import dataclass

from jambones.common.clock import now_ms
from jambones.common.db.accounts import Account
from jambones.common.db.cache import AccountConfig
from jambones.common.db.voip_carriers import VoipCarrier
from jambones.registrar.hook import Attempt, Denied, Granted, RegistrationHooks
from jambones.registrar.tables import Tables
from jambones.sip.digest import Authorization, Outcome, Verdict, issue_challenges, verify
from jambones.sip.nonce import NonceIssuer

INVALID = "Invalid credentials"


@dataclass(frozen=True, slots=True)
class Challenged:
    """Ask for credentials (401)."""

    headers: tuple[tuple[str, str], ...]
    cause: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """Credentials are right. `trunk`: they are a carrier's."""

    username: str
    grant: Granted
    trunk: VoipCarrier | None = None
    by: str = ""
    """Who said so: trunk, hook, client."""


Judgement = Admitted | Challenged | Denied


class Authorizer:
    """Judges credentials. `tables` gives those of the moment."""

    def __init__(
        self, tables: Callable[[], Tables], hooks: RegistrationHooks, issuer: NonceIssuer, *, sha256: bool = False
    ) -> None:
        self._tables = tables
        self._hooks = hooks
        self._issuer = issuer
        self._algorithms = ("SHA-256", "MD5") if sha256 else ("MD5",)

    async def judge(self, account: Account, config: AccountConfig | None, attempt: Attempt) -> Judgement:
        """`config` None: the account's hook is not known, so nobody can be let in by it."""
        seen = self._check(attempt, None)
        auth = seen.authorization
        if seen.outcome is not Outcome.WRONG_RESPONSE or auth is None:
            return self._unusable(attempt, seen)
        if attempt.method == "INVITE" and (admitted := self._trunk(account, attempt, auth.username)) is not None:
            return admitted
        if config is None:
            return Denied(503, "account not readable", headers=(("Retry-After", "5"),))
        if config.registration_hook is not None:
            return await self._hook(config, attempt, auth)
        return self._client(account, attempt, auth)

    def challenge(self, attempt: Attempt, cause: str, *, stale: bool = False) -> Challenged:
        now = now_ms() / 1000
        challenges = issue_challenges(
            self._issuer, now, attempt.realm, source=attempt.host, algorithms=self._algorithms, stale=stale
        )
        return Challenged(tuple(("WWW-Authenticate", str(challenge)) for challenge in challenges), cause)

    def _check(self, attempt: Attempt, password: str | None) -> Verdict:
        return verify(
            attempt.authorization,
            attempt.method,
            issuer=self._issuer,
            now=now_ms() / 1000,
            realm=attempt.realm,
            password=password,
            source=attempt.host,
            request_uri=attempt.request_uri,
            algorithms=self._algorithms,
        )

    def _unusable(self, attempt: Attempt, seen: Verdict) -> Challenged | Denied:
        if seen.challenge:
            return self.challenge(attempt, seen.outcome.value, stale=seen.stale)
        return Denied(403, seen.outcome.value, INVALID, counts=True)

    def _trunk(self, account: Account, attempt: Attempt, username: str) -> Admitted | Challenged | None:
        for trunk in self._tables().auth_trunks(account, username):
            password = trunk.inbound_auth_password
            seen = self._check(attempt, password.reveal() if password is not None else None)
            if seen.ok:
                return Admitted(username, Granted(), trunk, "trunk")
            if seen.outcome is Outcome.REPLAYED:
                return self.challenge(attempt, seen.outcome.value, stale=True)
        return None

    async def _hook(self, config: AccountConfig, attempt: Attempt, auth: Authorization) -> Judgement:
        said = await self._hooks.ask(config, attempt, auth)
        if isinstance(said, Denied):
            return said
        # Only now: somebody without the password must not use up the counts of a nonce.
        if not self._issuer.spend(auth.nonce, auth.count):
            return self.challenge(attempt, Outcome.REPLAYED.value, stale=True)
        return Admitted(auth.username, said, by="hook")

    def _client(self, account: Account, attempt: Attempt, auth: Authorization) -> Judgement:
        client = self._tables().client(account, auth.username)
        password = client.password.reveal() if client is not None and client.password is not None else None
        seen = self._check(attempt, password)
        if not seen.ok or client is None:
            return self._unusable(attempt, seen)
        if attempt.aor_user is not None and attempt.aor_user.lower() != client.username.lower():
            return Denied(403, "user name is not that of the address", INVALID, counts=True)
        grant = Granted(
            allow_direct_app_calling=client.allow_direct_app_calling,
            allow_direct_queue_calling=client.allow_direct_queue_calling,
            allow_direct_user_calling=client.allow_direct_user_calling,
        )
        return Admitted(client.username, grant, by="client")
