"""What speech vendors offer: languages, voices and models, with or without a credential."""

from typing import Any, ClassVar

from pydantic import BaseModel, Field

from jambones.api import guards, speech_catalogue, speech_vendors
from jambones.api.ask import Ask
from jambones.api.errors import Refused, bad, unprocessable
from jambones.api.operations import Resource
from jambones.api.wire import Input

resource = Resource("SpeechVoices", "Languages, voices and models of speech vendors.")


class VoicesQuery(Input):
    vendor: str | None = None
    label: str | None = Field(None, description="Accepted; the lists do not depend on the credential.")
    create_new: str | None = None
    REQUIRED: ClassVar[tuple[str, ...]] = ("vendor",)


class Choice(BaseModel):
    value: str
    name: str


class SpokenLanguage(Choice):
    """A language with its voices."""

    voices: list[Choice]


class Voices(BaseModel):
    """What forms offer. What does not apply is empty or left out."""

    tts: list[SpokenLanguage]
    stt: list[Choice]
    models: list[Choice] = []
    sttModels: list[Choice] = []  # noqa: N815 - its name on the wire


async def _voices(ask: Ask) -> Any:
    vendor = ask.query.get("vendor", "").strip().lower()
    if not vendor:
        raise bad("missing vendor")
    try:
        speech_vendors.vendor_of(vendor)
    except Refused as exc:
        raise unprocessable(exc.message) from exc
    return speech_catalogue.CATALOGUE.get(vendor, {"tts": [], "stt": []})


PATH = "SpeechCredentials/speech/supportedLanguagesAndVoices"


@resource.get(
    f"/Accounts/{{account_sid}}/{PATH}", summary="List a vendor's languages and voices", id="listVoices",
    query=VoicesQuery, returns=Voices, errors=(422,),
)  # fmt: skip
async def of_account(ask: Ask) -> Any:
    await guards.account_part(ask)
    return await _voices(ask)


@resource.get(
    f"/ServiceProviders/{{service_provider_sid}}/{PATH}",
    summary="List a vendor's languages and voices for a service provider", id="listServiceProviderVoices",
    query=VoicesQuery, returns=Voices, errors=(422,),
)  # fmt: skip
async def of_provider(ask: Ask) -> Any:
    guards.service_provider_list(ask)
    return await _voices(ask)
