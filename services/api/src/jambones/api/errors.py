"""What the API refuses, and the shapes clients know: `{"msg"}`, and `{"status": "fail", "message"}` at guards."""

from typing import Any

from pydantic import ValidationError

from jambones.common.errors import JambonesError


class Refused(JambonesError):
    """An answer of 4xx or 5xx with a message for the caller."""

    def __init__(self, status: int, message: str, /, **members: Any) -> None:
        super().__init__(message)
        self.status = status
        self.members = members

    @property
    def body(self) -> dict[str, Any]:
        return {"msg": self.message, **self.members}


def bad(message: str) -> Refused:
    return Refused(400, message)


def forbidden(message: str = "insufficient permissions") -> Refused:
    return Refused(403, message)


def absent(message: str = "not found") -> Refused:
    return Refused(404, message)


def unprocessable(message: str) -> Refused:
    return Refused(422, message)


def guarded(status: int = 403, message: str = "insufficient privileges") -> Refused:
    """The shape of the guards in front of a tenant's sub-resources."""
    return Refused(status, message, status="fail", message=message)


def unreadable(exc: ValidationError, prefix: str = "") -> Refused:
    """The first problem of a body or query, in words; the value is not repeated."""
    problem = exc.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return bad(f"missing field {prefix}{place}")
    if problem["type"] == "said":  # our own words, made with wire.problem()
        return bad(problem["msg"])
    return bad(f"invalid {prefix}{place}: {problem['msg']}" if place else problem["msg"])
