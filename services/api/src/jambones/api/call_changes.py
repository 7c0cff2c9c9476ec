"""The body of a change to a live call: exactly one action, each with its own rules."""

from collections.abc import Callable
from typing import Any

from jambones.api import hooks
from jambones.api.errors import bad

ACTIONS = (
    "call_hook", "child_call_hook", "call_status", "listen_status", "stream_status", "transcribe_status",
    "conf_hold_status", "conf_mute_status", "mute_status", "sip_request", "record", "tag", "dtmf",
    "conferenceParticipantAction", "dub", "boostAudioSignal", "media_path", "agent_update", "transfer",
    "noise_isolation_status", "llm_status", "room_say", "room_play", "llm_tool_output", "llm_update",
)  # fmt: skip
TOGETHER = (frozenset({"call_hook", "child_call_hook"}),)
WORDS = {
    "call_status": ("completed", "no-answer"),
    "listen_status": ("pause", "silence", "resume"),
    "stream_status": ("pause", "silence", "resume"),
    "transcribe_status": ("pause", "resume"),
    "mute_status": ("mute", "unmute"),
    "conf_mute_status": ("mute", "unmute"),
    "conf_hold_status": ("hold", "unhold"),
    "media_path": ("no-media", "partial-media", "full-media"),
    "noise_isolation_status": ("enable", "disable"),
    "llm_status": ("move-to-conference", "move-from-conference", "stop"),
}
RECORD = ("startCallRecording", "stopCallRecording", "pauseCallRecording", "resumeCallRecording")
PARTICIPANT = ("tag", "untag", "coach", "uncoach", "mute", "unmute", "hold", "unhold")
OBJECTS = ("dub", "agent_update", "transfer", "room_say", "room_play", "llm_update")


def check_changes(body: dict[str, Any]) -> dict[str, Any]:
    """`body` as the feature server is asked. Raises Refused (400)."""
    given = [name for name in ACTIONS if body.get(name)]
    if not given and not body.get("whisper"):
        raise bad("no valid options supplied to updateCall")
    if len(given) > 1 and frozenset(given) not in TOGETHER:
        raise bad("multiple options are not allowed in updateCall")
    if body.get("call_status_hook") and "call_hook" not in given:
        raise bad("call_status_hook is allowed with call_hook only")
    if body.get("whisper") is not None and not isinstance(body["whisper"], dict | list):
        raise bad("invalid whisper")
    for name in given:
        if name in WORDS:
            if body[name] not in WORDS[name]:
                raise bad(f"invalid {name}")
        elif name in OBJECTS:
            if not isinstance(body[name], dict):
                raise bad(f"invalid {name}")
        elif name in CHECKS:
            CHECKS[name](body[name])
    changes = {name: value for name, value in body.items() if name not in ACTIONS or value}
    for name in ("call_hook", "child_call_hook", "call_status_hook"):
        if body.get(name):
            changes[name] = hook_of(name, body[name], relative=True)
    return changes


def hook_of(name: str, value: Any, *, relative: bool = False) -> dict[str, Any]:
    """A hook given as its address or as an object. Raises Refused.

    `relative`: its call has an application, whose base an address without a scheme is resolved against.
    """
    hook = {"url": value} if isinstance(value, str) else value
    if not isinstance(hook, dict) or not isinstance(hook.get("url"), str) or not hook["url"]:
        raise bad(f"{name} must be a url or an object with a url")
    if relative and "://" not in hook["url"]:
        if any(char.isspace() or not char.isprintable() for char in hook["url"]):
            raise bad(f"{name} URL is invalid")
    else:
        if hook["url"].partition("://")[0].lower() not in hooks.SCHEMES:
            raise bad(f"{name} url be an absolute url")
        hooks.check_url(name, hook["url"], any_host=True)
    method = hook.get("method") or "POST"
    if not isinstance(method, str) or method.upper() not in ("GET", "POST"):
        raise bad(f"{name}: invalid method")
    for member in ("username", "password"):
        if hook.get(member) is not None and not isinstance(hook[member], str):
            raise bad(f"{name}: invalid {member}")
    return hook | {"method": method.upper()}


def _sip_request(value: Any) -> None:
    if not isinstance(value, dict) or not all(
        isinstance(value.get(name), str) and value[name] for name in ("method", "content_type", "content")
    ):
        raise bad("sip_request requires method, content_type and content properties")


def _record(value: Any) -> None:
    action = value.get("action") if isinstance(value, dict) else None
    if not action:
        raise bad("record requires action property")
    if action not in RECORD:
        raise bad("record: invalid action")
    if action == RECORD[0] and value.get("type") != "cloud" and not value.get("siprecServerURL"):
        raise bad("record requires siprecServerURL property when starting recording")


def _tag(value: Any) -> None:
    if not isinstance(value, dict):
        raise bad("invalid tag data")


def _dtmf(value: Any) -> None:
    digit = value.get("digit") if isinstance(value, dict) else None
    if not isinstance(digit, str | int) or isinstance(digit, bool) or not str(digit):
        raise bad("invalid dtmf")
    if any(char not in "0123456789*#ABCDabcdwW" for char in str(digit)):
        raise bad("invalid dtmf")


def _participant(value: Any) -> None:
    action = value.get("action") if isinstance(value, dict) else None
    if action not in PARTICIPANT:
        raise bad(f"conferenceParticipantAction invalid action property {str(action)[:32]}")
    if action in ("tag", "coach") and not value.get("tag"):
        raise bad(f"conferenceParticipantAction requires tag property when action is '{action}'")


def _boost(value: Any) -> None:
    try:
        float(str(value).lower().removesuffix("db").strip())
    except ValueError:
        raise bad("invalid boostAudioSignal") from None


CHECKS: dict[str, Callable[[Any], None]] = {
    "sip_request": _sip_request,
    "record": _record,
    "tag": _tag,
    "dtmf": _dtmf,
    "conferenceParticipantAction": _participant,
    "boostAudioSignal": _boost,
}
