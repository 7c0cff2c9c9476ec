"""One request as a handler sees it: who asks, for what, and the parts of the platform that can answer."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jambones.api.errors import bad
from jambones.api.operations import UUID, Operation
from jambones.api.settings import ApiSettings
from jambones.common.bus import Bus
from jambones.common.bus.nodes import NodeDirectory
from jambones.common.db.audit_log import AuditContext
from jambones.common.db.database import Database, Transaction
from jambones.common.db.tenant import PLATFORM, Scope, Tenant
from jambones.common.tasks import Tasks

if TYPE_CHECKING:
    from jambones.api.callers import Callers


@dataclass(frozen=True)
class Rates:
    """Requests in five minutes of all keys and users of the tenant together; 0 is no limit."""

    account: int = 0
    service_provider: int = 0


@dataclass(frozen=True)
class Caller:
    """Who holds the token."""

    tenant: Tenant = PLATFORM
    user_sid: str | None = None
    """None for an API key."""
    name: str = ""
    permissions: tuple[str, ...] = ()
    view_only: bool = False
    session_id: str | None = None
    rates: Rates = Rates()

    @property
    def scope(self) -> Scope:
        return self.tenant.scope


NOBODY = Caller(Tenant("nobody", "nobody"), name="nobody")
"""The caller of a public operation: owns nothing."""


@dataclass
class Parts:
    """What the API is made of."""

    db: Database
    bus: Bus
    nodes: NodeDirectory
    settings: ApiSettings
    tasks: Tasks
    callers: "Callers | None" = None
    """None: every token is looked up at every request."""


@dataclass
class Ask:
    parts: Parts
    operation: Operation
    caller: Caller
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    raw: Any = None
    """The JSON body as it came."""
    authorization: str = ""
    address: str = ""
    base_url: str = ""
    audit: AuditContext | None = None
    """Who changes things, for the audit log; None when the operation only reads."""

    @property
    def tenant(self) -> Tenant:
        return self.caller.tenant

    @property
    def bus(self) -> Bus:
        return self.parts.bus

    def transaction(self, tenant: Tenant | None = None) -> AbstractAsyncContextManager[Transaction]:
        """A transaction with the caller's eyes; `tenant` narrows what is asked for, never whose eyes they are.

        So a check that is forgotten shows nothing: PostgreSQL's policies know the caller, not what a handler believes.
        PLATFORM is for what no tenant may decide: whether a sid is somebody's, the caller's own session and password.
        """
        tenant, identity = self._eyes(tenant)
        audit = str(self.audit) if self.audit is not None else None
        return self.parts.db.transaction(tenant, identity=identity, audit=audit)

    def reading(self, tenant: Tenant | None = None) -> AbstractAsyncContextManager[Transaction]:
        """The same for what only reads: no transaction around its statements, which makes each a round trip."""
        tenant, identity = self._eyes(tenant)
        return self.parts.db.reading(tenant, identity=identity)

    def _eyes(self, tenant: Tenant | None) -> tuple[Tenant, Tenant]:
        """What is asked for, and through whose eyes."""
        if tenant is None:
            return self.tenant, self.tenant
        return tenant, tenant if PLATFORM in (tenant, self.tenant) else self.tenant

    def sid(self, name: str) -> str:
        """A sid from the path; raises 400 when it is none."""
        value = self.params[name]
        if not UUID.fullmatch(value):
            raise bad("Bad request")
        return value.lower()
