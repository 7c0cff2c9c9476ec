"""Scripts: what an application answers, read into verbs, or refused with the reason its developer needs."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from jambones.common.errors import JambonesError
from jambones.common.verbs.catalogue import ALIASES, S2S_VENDORS, VERBS
from jambones.common.verbs.model import VerbModel

MAX_VERBS = 1000
"""More than anybody writes; a longer script is a mistake in a loop."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: item (from 0) and verb, property in dotted form ("" for the item itself)."""

    index: int | None
    verb: str | None
    property: str
    reason: str

    def __str__(self) -> str:
        where = "script" if self.index is None else f"item {self.index}"
        if self.verb is not None:
            where += f" ({self.verb})"
        return f"{where}: {self.property} {self.reason}" if self.property else f"{where}: {self.reason}"


class ScriptError(JambonesError):
    """The script cannot be run; none of it is."""

    sip_status = 480
    http_status = 400
    reason = "malformed script"
    alert: ClassVar = "invalid-app-payload"

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems

    @property
    def index(self) -> int | None:
        """The first bad item, None when it is the whole."""
        return self.problems[0].index

    @property
    def verb(self) -> str | None:
        """Its verb, as far as known."""
        return self.problems[0].verb

    @property
    def property(self) -> str:
        """The first bad property: "length", "target[1].number"; empty when it is the item itself."""
        return self.problems[0].property


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was passed over: a property we do not know."""

    index: int
    verb: str
    property: str

    def __str__(self) -> str:
        return f"item {self.index} ({self.verb}): unknown property {self.property} was ignored"


@dataclass(frozen=True, slots=True)
class Script:
    """Verbs in order, ready to run, and what was passed over while reading them."""

    verbs: tuple[VerbModel, ...]
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.verbs)

    def __iter__(self) -> Iterator[VerbModel]:
        return iter(self.verbs)

    def outside(self, allowed: Collection[str]) -> tuple[str, ...]:
        """Names of the verbs that are not among `allowed`."""
        return tuple(verb.verb for verb in self.verbs if verb.verb not in allowed)

    def only(self, allowed: Collection[str]) -> "Script":
        """The script without verbs that are not among `allowed`."""
        return Script(tuple(verb for verb in self.verbs if verb.verb in allowed), self.notes)

    def wire(self) -> list[dict[str, Any]]:
        """JSON that reads as the same script, for checkpoints."""
        return [verb.wire() for verb in self.verbs]


def parse_script(payload: Any) -> Script:
    """Read the JSON value `payload`, an array of verbs. Raises ScriptError naming everything that is wrong."""
    if not isinstance(payload, list | tuple):
        raise ScriptError(Problem(None, None, "", f"must be an array of verbs, not {_kind(payload)}"))
    if len(payload) > MAX_VERBS:
        raise ScriptError(Problem(None, None, "", f"has {len(payload)} verbs; {MAX_VERBS} is the limit"))
    verbs: list[VerbModel] = []
    problems: list[Problem] = []
    for index, item in enumerate(payload):
        try:
            verbs.append(_read(index, item))
        except ScriptError as exc:
            problems.extend(exc.problems)
    if problems:
        raise ScriptError(*problems)
    return Script(tuple(verbs), tuple(_notes(verbs)))


def parse_verb(item: Any) -> VerbModel:
    """Read one verb in either shape. Raises ScriptError with index 0."""
    return _read(0, item)


def nested(value: Any, *, only: Collection[str] = frozenset()) -> tuple[VerbModel, ...]:
    """For pydantic: a list of verbs inside a verb. Raises PydanticCustomError."""
    items = value if isinstance(value, list | tuple) else [value]
    verbs = []
    for index, item in enumerate(items):
        try:
            verb = item if isinstance(item, VerbModel) else _read(index, item)
        except ScriptError as exc:
            raise PydanticCustomError("script", "{text}", {"text": str(exc)}) from None
        if only and verb.verb not in only:
            raise PydanticCustomError("script", "{text}", {"text": f"may hold only {', '.join(sorted(only))}"})
        verbs.append(verb)
    return tuple(verbs)


def _read(index: int, item: Any) -> VerbModel:
    name, body = _named(index, item)
    if name.endswith("_s2s") and (vendor := name.removesuffix("_s2s")) in S2S_VENDORS:
        model, body = VERBS["llm"], {"vendor": vendor, **body} if isinstance(body, Mapping) else body
    elif (known := VERBS.get(ALIASES.get(name, name))) is not None:
        model = known
    else:
        raise ScriptError(Problem(index, name, "", "is not a verb"))
    canonical = model.model_fields["verb"].default
    if isinstance(body, Mapping):
        body = {**body, "verb": canonical}
    try:
        return model.model_validate(body)
    except ValidationError as exc:
        problems = [_problem(index, name, error) for error in exc.errors(include_url=False, include_context=True)]
        raise ScriptError(*problems) from None


def _named(index: int, item: Any) -> tuple[str, Any]:
    """Name and body of an item: {"verb": "play", ...} or {"play": {...}}."""
    if not isinstance(item, Mapping):
        raise ScriptError(Problem(index, None, "", f"must be an object, not {_kind(item)}"))
    if "verb" in item:
        name = item["verb"]
        if not isinstance(name, str):
            raise ScriptError(Problem(index, None, "verb", "must be a string"))
        return name, item
    keys = [key for key in item if key != "_"]
    if len(keys) != 1:
        raise ScriptError(Problem(index, None, "", "must have a verb property, or one key that is the verb's name"))
    body = item[keys[0]]
    return keys[0], {} if body is None else body


def _notes(verbs: list[VerbModel]) -> Iterator[Note]:
    for index, verb in enumerate(verbs):
        for unknown in verb.unknown():
            yield Note(index, verb.verb, unknown)


_REASONS = {
    "missing": "is required",
    "string_type": "must be a string",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "tuple_type": "must be an array",
    "list_type": "must be an array",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}


def _problem(index: int, verb: str, error: ErrorDetails) -> Problem:
    context = error.get("ctx", {})
    path = _path(error["loc"])
    if (own := context.get("property")) is not None:  # a rule about several properties names the one to blame
        path = f"{path}.{own}" if path else own
    match error["type"]:
        case "literal_error":
            reason = f"must be {context['expected']}"
        case "too_long":
            reason = f"may have at most {context['max_length']} items"
        case "greater_than_equal":
            reason = f"must be at least {context['ge']}"
        case "less_than_equal":
            reason = f"must be at most {context['le']}"
        case "union_tag_not_found":
            path, reason = f"{path}.type" if path else "type", "is required"
        case "union_tag_invalid":
            path, reason = f"{path}.type" if path else "type", f"must be one of {context['expected_tags']}"
        case kind:
            reason = _REASONS.get(kind, error["msg"])
    return Problem(index, verb, path, reason)


_TAGS = frozenset({"phone", "sip", "user", "teams"})  # pydantic puts the chosen kind of target into the path


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for place, step in enumerate(location):
        if isinstance(step, int):
            path += f"[{step}]"
        elif step not in _TAGS or (place > 0 and location[place - 1] not in ("to",) and path[-1:] != "]"):
            path += f".{step}" if path else step
    return path


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case Mapping():
            return "an object"
        case list() | tuple():
            return "an array"
    return type(value).__name__
