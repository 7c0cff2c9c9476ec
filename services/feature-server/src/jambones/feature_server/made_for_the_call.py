"""An application that an edge made for one call: a script, or the hooks of the device that calls."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any

from jambones.common.db.applications import Application
from jambones.common.db.cache import ApplicationConfig
from jambones.common.db.webhooks import Webhook
from jambones.common.verbs.hook import Hook

BLANK: dict[str, Any] = {
    "application_sid": "",
    "name": "made for the call",
    "speech_synthesis_vendor": "local",
    "speech_synthesis_language": "en-US",
    "speech_recognizer_vendor": "local",
    "speech_recognizer_language": "en-US",
    "record_all_calls": False,
}


def made_for_the_call(header: str, lender: ApplicationConfig | None) -> ApplicationConfig | None:
    """The application of X-Jambones-Script, with the speech settings of `lender`; None when it cannot be read.

    The header is base64 of JSON: {"verbs": […]}, or {"call_hook": …, "call_status_hook": …}.
    """
    try:
        script = json.loads(base64.b64decode(header, validate=True))
        call_hook, status_hook = _hook(script.get("call_hook")), _hook(script.get("call_status_hook"))
        verbs = script.get("verbs")
    except (binascii.Error, ValueError, AttributeError):
        return None
    if lender is None:
        absent = dict.fromkeys(Application.model_fields)
        blank = Application.model_validate(absent | BLANK | {"created_at": datetime.now(UTC)})
        lender = ApplicationConfig(blank, None, None, None)
    application = lender.application.model_copy(update={"app_json": json.dumps(verbs) if verbs else None})
    if verbs:
        return ApplicationConfig(application, None, None, None)
    if call_hook is None:
        return None
    return ApplicationConfig(application, call_hook, status_hook or lender.call_status_hook, lender.messaging_hook)


def _hook(value: Any) -> Webhook | None:
    """Raises ValueError."""
    if value is None:
        return None
    hook = Hook.model_validate(value)
    return Webhook.model_validate({"webhook_sid": "", **hook.model_dump(by_alias=False)})
