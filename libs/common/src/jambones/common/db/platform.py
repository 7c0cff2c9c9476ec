"""Settings of the whole platform: at most one row each."""

from collections.abc import Mapping
from typing import Any, Literal

from jambones.common.bus.config import ConfigChanged
from jambones.common.db.database import Transaction
from jambones.common.db.repository import Row


class PasswordSettings(Row):
    min_password_length: int = 8
    require_digit: bool = False
    require_special_character: bool = False


class SystemInformation(Row):
    domain_name: str | None = None
    sip_domain_name: str | None = None
    monitoring_domain_name: str | None = None
    private_network_cidr: str | None = None
    log_level: Literal["info", "debug"] = "info"


async def password_settings(tx: Transaction) -> PasswordSettings | None:
    record = await tx.fetchrow("SELECT * FROM password_settings")
    return None if record is None else PasswordSettings.model_validate(dict(record))


async def put_password_settings(tx: Transaction, values: Mapping[str, Any]) -> None:
    await _put(tx, "password_settings", PasswordSettings, values)


async def system_information(tx: Transaction) -> SystemInformation | None:
    record = await tx.fetchrow("SELECT * FROM system_information")
    return None if record is None else SystemInformation.model_validate(dict(record))


async def put_system_information(tx: Transaction, values: Mapping[str, Any]) -> None:
    await _put(tx, "system_information", SystemInformation, values)
    tx.changed(ConfigChanged(entity="system_information", sid="platform"))


async def _put(tx: Transaction, table: str, row: type[Row], values: Mapping[str, Any]) -> None:
    columns = [name for name in row.model_fields if name in values]
    await tx.execute(f"INSERT INTO {table} DEFAULT VALUES ON CONFLICT DO NOTHING")  # noqa: S608
    if columns:
        marks = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, 1))
        await tx.execute(f"UPDATE {table} SET {marks}", *[values[name] for name in columns])  # noqa: S608
