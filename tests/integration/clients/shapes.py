"""Values that the published schemas of verbs allow: the smallest, then one for each property and each form of it.

It reads as much of JSON Schema as they use, and the older package's own notation, which is rewritten as schemas first.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

Schema = Mapping[str, Any]

FITTING: Mapping[str, tuple[Any, ...]] = {
    "sampleRate": (8000, 16000),
    "status": (486, 603),
    "channel": (1, 2),
    "input": (["digits"], ["speech"], ["speech", "digits"]),
    "lex/credentials": ({"accessKey": "key", "secretAccessKey": "secret"},),
    "dtmf": ("123#",),
    "loop": (0, 2, "2", "forever", True, False),
    "seekOffset": (8000, "8000"),
    "timeoutSecs": (3, "3"),
    "boostAudioSignal": (6, "6", "-6 dB"),
    "gain": (6, "-10 dB"),
    "sessionId": ("abc-1",),
    "headers": ({}, {"X-Order": "7"}, {"X-Order": 7}),
    "target/phone": ({"number": "+15551234"},),
    "target/sip": ({"sipUri": "sip:bob@example.org;transport=tcp"},),
    "target/user": ({"name": "bob"}, {"name": "bob@example.org"}),
    "target/teams": ({"number": "+15551234"},),
    "config/record": ({"action": "startCallRecording", "type": "siprec", "siprecServerURL": "sip:record.example.org"},),
    "conference/record": ({"path": "/tmp/room.wav"},),
    "actions": ([{"verb": "say", "text": "One moment."}], [{"play": {"url": "/wait.wav"}}]),
    "giveUpActions": ([{"verb": "say", "text": "Goodbye."}, {"verb": "hangup"}],),
}
"""What a property may hold where the schema says just "a number", "a text" or "an object" and means one of a kind."""

BODIES = ("listen", "stream", "say", "play", "transcribe")
"""Properties where the schema says "an object" and means the properties of this verb."""


class Schemas:
    """The schemas of a package, and the values that they allow."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[tuple[str, str], Schema] = {}

    @cached_property
    def verbs(self) -> dict[str, Schema]:
        """By the name of the verb on the wire."""
        found = {}
        for path in sorted((self._root / "verbs").glob("*.schema.json")):
            schema = json.loads(path.read_text())
            found[str(schema["$id"]).rsplit("/", 1)[1]] = schema
        return found

    def bodies(self, verb: str) -> list[dict[str, Any]]:
        """What may stand in a script as this verb, without its name."""
        return [_without_verb(shape) for shape in self._shapes(self.verbs[verb], "", _Place("verbs", self.verbs[verb]))]

    def required(self, verb: str) -> list[str]:
        """Properties that the verb must have."""
        merged, _ = self._merged(self.verbs[verb], _Place("verbs", self.verbs[verb]))
        return list(dict.fromkeys(merged["required"]))

    def kinds(self, verb: str) -> dict[str, str]:
        """The JSON type of each property that has just one."""
        merged, _ = self._merged(self.verbs[verb], _Place("verbs", self.verbs[verb]))
        each = {name: self._merged(value, where)[0].get("type") for name, (value, where) in merged["each"].items()}
        return {name: kind for name, kind in each.items() if isinstance(kind, str) and name != "verb"}

    def examples(self) -> list[Any]:
        """Verbs and scripts that the schemas show."""
        whole = json.loads((self._root / "jambonz-app.schema.json").read_text())
        return whole["examples"] + [[verb] for schema in self.verbs.values() for verb in schema.get("examples", ())]

    def _follow(self, ref: str, place: "_Place") -> tuple[Schema, "_Place"]:
        if ref.startswith("#/"):
            found: Any = place.top
            for step in ref[2:].split("/"):
                found = found[step]
            return found, place
        *up, name = ref.split("/")
        folder = up[-1] if up else place.folder
        if (folder, name) not in self._files:
            self._files[folder, name] = json.loads((self._root / folder / f"{name}.schema.json").read_text())
        found = self._files[folder, name]
        return found, _Place(folder, found)

    def _merged(self, schema: Schema, place: "_Place") -> tuple[dict[str, Any], "_Place"]:
        """`schema` with its reference followed and its parts joined; "each" has its properties and their places."""
        while "$ref" in schema:
            schema, place = self._follow(schema["$ref"], place)
        whole, each, needed = dict(schema), {}, []
        for part in schema.get("allOf", ()):
            if "if" not in part:  # what one property demands of another
                merged, _ = self._merged(part, place)
                each |= merged["each"]
                needed += merged.get("required", ())
        each |= {name: (value, place) for name, value in schema.get("properties", {}).items() if value != {"not": {}}}
        return whole | {"each": each, "required": [*needed, *schema.get("required", ())]}, place

    def _shapes(self, schema: Schema, name: str, place: "_Place") -> list[Any]:
        """Values of the schema; the first is the smallest."""
        schema, place = self._merged(schema, place)
        if "const" in schema:
            return [schema["const"]]
        if "enum" in schema:
            return list(schema["enum"])
        if "oneOf" in schema:
            return [shape for one in schema["oneOf"] for shape in self._shapes(one, name, place)]
        if isinstance(schema.get("type"), list):
            each = [{**schema, "type": kind} for kind in schema["type"]]
            return [shape for one in each for shape in self._shapes(one, name, place)]
        kinds = _KINDS.get(schema.get("type", ""), (object,))
        title = place.top.get("$id", "").rsplit("/", 1)[-1]
        for known in (f"{title}/{name}", name):
            fitting = [value for value in FITTING.get(known, ()) if type(value) in kinds]
            if fitting:
                return fitting
        match schema.get("type"):
            case "string":
                return ["https://example.org/x", "/x"] if schema.get("format") == "uri" else ["text"]
            case "number" | "integer":
                return [1, 20]
            case "boolean":
                return [True, False]
            case "array":
                items = self._shapes(schema.get("items", {"type": "string"}), "", place)
                return [*([] if schema.get("minItems") else [[]]), *([item] for item in items)]
            case "object":
                shapes = list(self._objects(schema, name, place))
                return [whole for shape in shapes for whole in _targets(shape)] if _named(schema, "target") else shapes
        return ["anything", {"any": "thing"}]

    def _objects(self, schema: Schema, name: str, place: "_Place") -> Iterator[Any]:
        if not schema["each"]:
            if name in BODIES:
                yield from self.bodies(name)
            elif name.lower().endswith("hook"):
                yield from ({"url": "/x"}, {"url": "/x", "method": "GET", "username": "ann", "password": "secret"})
            else:
                yield {"any": {"camelCase": [1]}}
            return
        each = {key: self._shapes(value, key, where) for key, (value, where) in schema["each"].items()}
        least = {key: each[key][0] for key in dict.fromkeys(schema["required"])}
        if _named(schema, "say") or _named(schema, "message"):
            least["text"] = "text"  # or stream, or media: the schema leaves that open, the platform does not
        yield least
        for key, shapes in each.items():
            for shape in shapes:
                yield least | {key: shape}
        yield {key: shapes[-1] for key, shapes in each.items()}


@dataclass(frozen=True)
class _Place:
    """Where a part of a schema stands, for its references."""

    folder: str
    top: Schema


_KINDS = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


def _named(schema: Schema, name: str) -> bool:
    return str(schema.get("$id", "")).endswith(f"/{name}")


def _targets(shape: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A target of each kind needs a property that the schema does not tie to it."""
    for whom in FITTING[f"target/{shape['type']}"]:
        yield {**whom, **shape}


def _without_verb(shape: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shape.items() if name != "verb"}


def rewritten(specs: Mapping[str, Any], root: Path) -> Schemas:
    """The older package's specs.json: `"text": "string|array"`, `"say": "#say"`, `"target": ["#target"]`."""
    for name, spec in specs.items():
        properties = {key: _rewritten(key, value, specs) for key, value in spec["properties"].items() if key != "_"}
        is_verb = "id" in properties and name != "sonioxStorage"
        schema = {
            "$id": f"{'verbs' if is_verb else 'components'}/{name}",
            "type": "object",
            "properties": properties,
            "required": spec.get("required", []),
        }
        for folder in ("components", *(["verbs"] if is_verb else [])):
            (root / folder).mkdir(parents=True, exist_ok=True)
            (root / folder / f"{name}.schema.json").write_text(json.dumps(schema))
    return Schemas(root)


def _rewritten(name: str, value: Any, specs: Mapping[str, Any]) -> Schema:
    match value:
        case [item]:
            return {"type": "array", "items": _rewritten("", item, specs), "minItems": 1}
        case {"enum": list(words)}:
            return {"type": "array", "items": {"enum": words}} if value.get("type") == "array" else {"enum": words}
        case str() if value.startswith("#"):
            known = value[1:] in specs  # one name is defined nowhere
            return {"$ref": f"components/{value[1:]}"} if known else {"type": "object"}
        case str() if "|" in value:
            return {"oneOf": [_rewritten(name, kind.strip(), specs) for kind in value.split("|")]}
        case "string" if name.lower().endswith(("hook", "url", "uri")):
            return {"type": "string", "format": "uri"}
        case str():
            return {"type": value}
    raise ValueError(value)
