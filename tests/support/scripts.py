"""Applications for scripted calls, written as the verbs they answer."""

from typing import Any

from jambones.testing import HookRequest


def script(*verbs: dict[str, Any], **hooks: Any) -> Any:
    """An application: `verbs` first, then what `hooks` says by path without its slash; a callable gets the request."""

    def answer(request: HookRequest) -> Any:
        name = request.path.lstrip("/").replace("/", "_")
        if not name:
            return list(verbs)
        said = hooks.get(name, [])
        return said(request) if callable(said) else said

    return answer


def say(text: str, **more: Any) -> dict[str, Any]:
    return {"verb": "say", "text": text, **more}


HANGUP: dict[str, Any] = {"verb": "hangup"}
