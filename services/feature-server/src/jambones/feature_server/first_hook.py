"""The payload of a call's first hook: the common attributes, the speech defaults, and the INVITE itself."""

import json
from typing import Any

from jambones.common.db.applications import Application
from jambones.common.verbs.speech import Recognizer, Synthesizer
from jambones.feature_server.calls.info import CallInfo, Payload
from jambones.sip.message import Request
from jambones.sip.transport import Address

SHOWN_AS = {
    "x-jambones-account": "x-account-sid",
    "x-jambones-app": "x-application-sid",
    "x-jambones-trunk": "x-voip-carrier-sid",
    "x-jambones-trunk-name": "x-originating-carrier",
    "x-jambones-user": "x-authenticated-user",
    "x-jambones-src": "x-forwarded-for",
    "x-jambones-call": "x-cid",
}
"""What applications of the reference platform read of a call; an edge lets nobody else write these."""


def first_payload(info: CallInfo, application: Application, invite: Request, source: Address) -> Payload:
    """What the application is told of a new call."""
    payload = info.payload()
    payload |= {
        "caller_name": info.caller_name,
        "has_recording": False,
        "service_provider_sid": info.service_provider_sid,
        "local_sip_address": info.fs_sip_address,
        "public_ip": info.fs_public_ip,
        "defaults": defaults(application),
        "sip": invite_as_data(invite, source),
    }
    if application.env_vars is not None:
        payload["env_vars"] = json.loads(application.env_vars.reveal())
    return {name: value for name, value in payload.items() if value is not None}


def defaults(application: Application) -> dict[str, Any]:
    """The application's own speech settings."""
    synthesizer = {
        "vendor": application.speech_synthesis_vendor,
        "label": application.speech_synthesis_label,
        "language": application.speech_synthesis_language,
        "voice": application.speech_synthesis_voice,
        "fallback_vendor": application.fallback_speech_synthesis_vendor,
        "fallback_label": application.fallback_speech_synthesis_label,
        "fallback_language": application.fallback_speech_synthesis_language,
        "fallback_voice": application.fallback_speech_synthesis_voice,
    }
    recognizer = {
        "vendor": application.speech_recognizer_vendor,
        "label": application.speech_recognizer_label,
        "language": application.speech_recognizer_language,
        "fallback_vendor": application.fallback_speech_recognizer_vendor,
        "fallback_label": application.fallback_speech_recognizer_label,
        "fallback_language": application.fallback_speech_recognizer_language,
    }
    return {"synthesizer": _given(synthesizer), "recognizer": _given(recognizer)}


def speech(application: Application) -> tuple[Synthesizer, Recognizer]:
    """The same as options of verbs."""
    return (
        Synthesizer(
            vendor=application.speech_synthesis_vendor,
            label=application.speech_synthesis_label,
            language=application.speech_synthesis_language,
            voice=application.speech_synthesis_voice,
        ),
        Recognizer(
            vendor=application.speech_recognizer_vendor,
            label=application.speech_recognizer_label,
            language=application.speech_recognizer_language,
        ),
    )


def invite_as_data(invite: Request, source: Address) -> dict[str, Any]:
    """The INVITE as applications get it; of the platform's own headers those that they know by another name."""
    headers: dict[str, str] = {}
    for name, value in invite.headers:
        if name.lower().startswith("x-jambones-"):
            if (shown := SHOWN_AS.get(name.lower())) is not None:
                headers[shown] = value.partition(";")[0].rpartition(":")[0] if shown == "x-forwarded-for" else value
            continue
        key = name if name[:2].lower() == "x-" else name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    body = invite.body.decode("utf-8", "replace")
    kind = invite.content_type or ""
    return {
        "headers": headers,
        "body": body,
        "method": invite.method,
        "version": "2.0",
        "uri": str(invite.uri),
        "payload": [{"type": kind, "content": body}] if body else [],
        "calledNumber": invite.uri.user_text,
        "callingNumber": invite.from_.uri.user_text,
        "source_address": source.host,
        "source_port": str(source.port),
        "protocol": source.transport,
        "type": "request",
        "source": "network",
    }


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
