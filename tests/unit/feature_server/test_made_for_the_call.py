"""Applications that an edge made for one call."""

import base64
import json

import pytest

from jambones.feature_server.made_for_the_call import made_for_the_call
from jambones.sbc.headers import encode_script


def test_verbs_run_without_any_application() -> None:
    verbs = [{"verb": "dequeue", "name": "sales"}]
    made = made_for_the_call(encode_script({"verbs": verbs}), None)

    assert made is not None
    assert json.loads(made.application.app_json or "") == verbs
    assert made.call_hook is None
    assert made.application.speech_synthesis_vendor == "local"


def test_a_devices_hook_stands_in_for_the_applications() -> None:
    hook = {"url": "https://a/b", "method": "GET", "username": "u", "password": "p"}
    made = made_for_the_call(encode_script({"call_hook": hook, "call_status_hook": "https://a/s"}), None)

    assert made is not None
    assert made.call_hook is not None
    assert (made.call_hook.url, made.call_hook.method, made.call_hook.username) == ("https://a/b", "GET", "u")
    assert made.call_hook.password is not None
    assert made.call_hook.password.reveal() == "p"
    assert made.call_status_hook is not None
    assert made.application.app_json is None


def test_what_was_made_lends_the_speech_settings_of_another_application() -> None:
    lender = made_for_the_call(encode_script({"verbs": [{"verb": "hangup"}]}), None)
    assert lender is not None
    changed = lender.application.model_copy(update={"speech_synthesis_voice": "slt", "application_sid": "dev"})
    made = made_for_the_call(encode_script({"call_hook": "https://a"}), type(lender)(changed, None, None, None))

    assert made is not None
    assert (made.application.speech_synthesis_voice, made.application.app_json) == ("slt", None)


@pytest.mark.parametrize("text", ["", "?", "e30=", base64.b64encode(b"[]").decode(), base64.b64encode(b"{").decode(),
                                  encode_script({"call_hook": {"method": "GET"}})])  # fmt: skip
def test_an_unreadable_script_is_none(text: str) -> None:
    assert made_for_the_call(text, None) is None
