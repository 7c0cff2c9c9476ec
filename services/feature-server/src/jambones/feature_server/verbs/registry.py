"""Which coroutine runs which verb, and what a call must be like for it."""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from jambones.feature_server.calls.session import CallSession

V = TypeVar("V")
Run = Callable[[Any, "CallSession"], Awaitable[None]]


class Needs(Enum):
    """What must be true before a verb runs."""

    NOTHING = auto()
    MEDIA = auto()
    """A media endpoint: the call is answered for it, or opened early when the verb says so."""
    ANSWERED = auto()
    """An answered call; the verb is skipped otherwise."""
    UNANSWERED = auto()
    """A call that is not answered; the verb is skipped otherwise."""


def _own_early_media(verb: Any) -> bool:
    return bool(getattr(verb, "early_media", False))


@dataclass(frozen=True, slots=True)
class Runner:
    """How one kind of verb runs."""

    run: Run
    needs: Needs
    early: Callable[[Any], bool]


_runners: dict[type, Runner] = {}


def runs(
    model: type[V], needs: Needs = Needs.NOTHING, *, early: Callable[[V], bool] = _own_early_media
) -> Callable[[Callable[[V, "CallSession"], Awaitable[None]]], Callable[[V, "CallSession"], Awaitable[None]]]:
    """Register the decorated coroutine as the one that runs `model`. A second one is an error."""

    def register(run: Callable[[V, "CallSession"], Awaitable[None]]) -> Callable[[V, "CallSession"], Awaitable[None]]:
        if model in _runners:
            raise RuntimeError(f"{model.__name__} has a runner already")
        _runners[model] = Runner(run, needs, early)
        return run

    return register


def find_runner(model: type) -> Runner | None:
    """The runner of a verb, None when there is none yet."""
    load()
    return _runners.get(model)


@cache
def load() -> None:
    """Import every module beside this one, each of which registers its runner."""
    package = importlib.import_module(__package__ or "")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")


def runners() -> dict[type, Runner]:
    """All of them, by model."""
    load()
    return dict(_runners)
