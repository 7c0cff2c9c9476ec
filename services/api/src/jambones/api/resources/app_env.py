"""The settings that an application asks for, as a form in the portal shows them."""

from typing import Any, ClassVar

from pydantic import Field

from jambones.api import app_env
from jambones.api.ask import Ask
from jambones.api.errors import bad
from jambones.api.operations import Answer, Resource
from jambones.api.wire import Input

resource = Resource("AppEnv", "Settings that an application asks for.")


class AppEnvQuery(Input):
    url: str | None = Field(None, description="The call hook of the application.")
    REQUIRED: ClassVar[tuple[str, ...]] = ("url",)


@resource.get(
    "/AppEnv", summary="Ask an application for its settings", id="getAppEnv", query=AppEnvQuery,
    returns=dict[str, dict[str, Any]], empty=True,
)  # fmt: skip
async def show(ask: Ask) -> Any:
    url = ask.query.get("url", "")
    if not url:
        raise bad("missing url")
    schema = await app_env.fetched(url)
    return Answer(204) if schema is None else schema
