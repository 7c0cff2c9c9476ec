"""Users: people who log in to the portal, and what they may do."""

from jambones.common.db.repository import Repository, Row, Where
from jambones.common.db.tenant import Scope
from jambones.common.ids import new_sid


class User(Row):
    user_sid: str
    name: str
    email: str
    pending_email: str | None
    phone: str | None
    hashed_password: str | None
    account_sid: str | None
    service_provider_sid: str | None
    force_change: bool
    provider: str
    provider_userid: str | None
    scope: str
    phone_activation_code: str | None
    email_activation_code: str | None
    email_validated: bool
    phone_validated: bool
    email_content_opt_out: bool
    is_active: bool

    @property
    def tenancy(self) -> Scope:
        if self.account_sid:
            return "account"
        return "service_provider" if self.service_provider_sid else "admin"


class Users(Repository[User]):
    TABLE, KEY, ROW = "users", "user_sid", User
    ORDER = "name, user_sid"

    async def by_login(self, name: str) -> User | None:
        """By login name or e-mail, whatever its case."""
        where = Where()
        name_mark = where.bind(name)
        where.add(f"lower(name) = lower({name_mark}) OR lower(email) = lower({name_mark})")
        rows = await self.find(where)
        return rows[0] if rows else None

    async def permissions(self, sid: str) -> list[str]:
        records = await self._tx.fetch(
            "SELECT p.name FROM permissions p JOIN user_permissions u USING (permission_sid) WHERE u.user_sid = $1 "
            "ORDER BY p.name",
            sid,
        )
        return [record["name"] for record in records]

    async def permit(self, sid: str, names: list[str]) -> None:
        """Give exactly these permissions."""
        await self._tx.execute("DELETE FROM user_permissions WHERE user_sid = $1", sid)
        for name in names:
            await self._tx.execute(
                """
                INSERT INTO user_permissions (user_permissions_sid, user_sid, permission_sid)
                SELECT $1, $2, permission_sid FROM permissions WHERE name = $3
                """,
                new_sid(),
                sid,
                name,
            )

    async def active_admins(self) -> int:
        return int(
            await self._tx.fetchval(
                "SELECT count(*) FROM users WHERE is_active AND account_sid IS NULL AND service_provider_sid IS NULL"
            )
        )
