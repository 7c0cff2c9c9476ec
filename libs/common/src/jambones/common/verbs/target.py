"""Whom to call: a number, a SIP URI, a registered user or a Teams user."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from jambones.common.verbs.hook import Auth, OptionalHook
from jambones.common.verbs.model import NO_HEADERS, Flag, Headers, WireModel


class FromParty(WireModel):
    """Another user and host for the From header."""

    user: str | None = None
    host: str | None = None


class _Target(WireModel):
    confirm_hook: OptionalHook = None
    method: Literal["GET", "POST"] = "POST"
    headers: Headers = NO_HEADERS
    from_: Annotated[FromParty | None, Field(alias="from")] = None
    proxy: str | None = None


class PhoneTarget(_Target):
    """A number, sent as written; `trunk` names the carrier."""

    type: Literal["phone"] = "phone"
    number: str
    trunk: str | None = None


class SipTarget(_Target):
    """A SIP URI, with its parameters."""

    type: Literal["sip"] = "sip"
    sip_uri: str
    auth: Auth | None = None


class UserTarget(_Target):
    """A registered user; without "@" one of the account's realm."""

    type: Literal["user"] = "user"
    name: str
    override_to: str | None = None


class TeamsTarget(_Target):
    """A number behind the account's Teams tenant."""

    RENAMED: ClassVar = {"voicemail": "vmail"}

    type: Literal["teams"] = "teams"
    number: str
    tenant: str | None = None
    vmail: Flag = False


Target = Annotated[PhoneTarget | SipTarget | UserTarget | TeamsTarget, Field(discriminator="type")]
