"""Where an application is asked: a URL, absolute or relative to the application, with method and credentials."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from jambones.common.verbs.model import JsonObject, WireModel


class Hook(WireModel):
    """A hook; written as an object or as just its URL. Over a WebSocket the URL is only a label."""

    BARE: ClassVar[str | None] = "url"

    url: Annotated[str, Field(min_length=1)]
    method: Annotated[Literal["GET", "POST"], BeforeValidator(lambda v: v.upper() if isinstance(v, str) else v)] = (
        "POST"
    )
    username: str | None = None
    password: str | None = None

    @classmethod
    def mend(cls, given: JsonObject) -> JsonObject:
        """The newest SDK writes the credentials as `basicAuth`."""
        if isinstance(auth := given.get("basicAuth"), Mapping):
            del given["basicAuth"]
            given = {"username": auth.get("username"), "password": auth.get("password")} | given
        return given


def _given(value: Any) -> Any:
    return None if value == "" else value  # an empty URL means that no hook is wanted


OptionalHook = Annotated[Hook | None, BeforeValidator(_given)]
"""A hook or none; an empty text is none."""


class Auth(WireModel):
    """Credentials for HTTP Basic or SIP digest."""

    username: str
    password: str
