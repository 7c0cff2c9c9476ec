"""The platform's names, and its private networks."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from jambones.api import guards
from jambones.api.ask import Ask
from jambones.api.operations import Resource
from jambones.api.wire import Input, Lower, wire
from jambones.common.db.platform import SystemInformation, put_system_information, system_information

resource = Resource("SystemInformation", "The platform's names.")


class SystemInformationIn(Input):
    domain_name: str | None = Field(None, max_length=255)
    sip_domain_name: str | None = Field(None, max_length=255)
    monitoring_domain_name: str | None = Field(None, max_length=255)
    private_network_cidr: str | None = Field(None, max_length=8192)
    log_level: Annotated[Literal["info", "debug"] | None, Lower] = None
    DEFAULTS: ClassVar[dict[str, Any]] = {"log_level": "info"}


@resource.get(
    "/SystemInformation", summary="Show the platform's names", id="getSystemInformation", returns=dict[str, Any]
)
async def show_system_information(ask: Ask) -> Any:
    guards.only_admin(ask)
    async with ask.reading() as tx:
        row = await system_information(tx)
    return {} if row is None else wire(row)


@resource.post(
    "/SystemInformation", summary="Set the platform's names", id="setSystemInformation", body=SystemInformationIn,
    returns=dict[str, Any],
)  # fmt: skip
async def set_system_information(ask: Ask, body: SystemInformationIn) -> Any:
    guards.only_admin(ask)
    async with ask.transaction() as tx:
        await put_system_information(tx, body.given())
        return wire(await system_information(tx) or SystemInformation())
