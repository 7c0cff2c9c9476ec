"""Doing the steps of a plan, in order."""

from collections.abc import Iterator
from typing import Any, Protocol

from jambones.cli.client import ApiError
from jambones.cli.plan import Reference, Step


class Writer(Protocol):
    """The API, as far as steps need it."""

    def ask(self, method: str, path: str, body: Any = None) -> Any: ...


class Failed(Exception):
    """A step was refused; those before it are done, those after it are not."""

    def __init__(self, step: Step, cause: ApiError) -> None:
        super().__init__(f"{step.document}: {cause}")
        self.step, self.cause = step, cause


def apply(steps: list[Step], api: Writer) -> Iterator[Step]:
    """Do each step; yields it with its sid when it is done. Raises Failed."""
    made: dict[tuple[str, str, str], str] = {}
    for step in steps:
        kind = step.document.kind
        body = {name: _known(value, made) for name, value in step.body.items()}
        try:
            if step.action == "create":
                step.sid = str(api.ask("POST", kind.path, body)["sid"])
            elif step.action == "update":
                api.ask("PUT", f"{kind.path}/{step.sid}", body)
        except ApiError as exc:
            raise Failed(step, exc) from exc
        if step.sid is not None:
            made[step.document.identity] = step.sid
        yield step


def _known(value: Any, made: dict[tuple[str, str, str], str]) -> Any:
    return made[value.document.identity] if isinstance(value, Reference) else value
