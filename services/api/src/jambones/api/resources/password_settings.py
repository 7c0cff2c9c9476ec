"""The platform's rules for passwords."""

from typing import Any, ClassVar

from pydantic import Field

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.operations import Resource
from jambones.api.wire import Input, wire
from jambones.common.db.platform import PasswordSettings, password_settings, put_password_settings
from jambones.common.db.tenant import PLATFORM

resource = Resource("PasswordSettings", "Rules for passwords.")


class PasswordSettingsIn(Input):
    min_password_length: int | None = Field(None, ge=8, le=20)
    require_digit: bool | None = None
    require_special_character: bool | None = None
    DEFAULTS: ClassVar[dict[str, Any]] = {
        "min_password_length": 8, "require_digit": False, "require_special_character": False
    }  # fmt: skip


@resource.get(
    "/PasswordSettings", summary="Show the rules for passwords", id="getPasswordSettings", returns=dict[str, Any]
)
async def show_password_settings(ask: Ask) -> Any:
    async with ask.reading(PLATFORM) as tx:
        row = await password_settings(tx)
    return {"min_password_length": PasswordSettings().min_password_length} if row is None else wire(row)


@resource.post(
    "/PasswordSettings", summary="Set the rules for passwords", id="setPasswordSettings", body=PasswordSettingsIn,
    returns=dict[str, Any],
)  # fmt: skip
async def set_password_settings(ask: Ask, body: PasswordSettingsIn) -> Any:
    guards.only_admin(ask)
    async with ask.transaction() as tx:
        await put_password_settings(tx, body.given())
    return {}
