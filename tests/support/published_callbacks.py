"""The published schemas of what hooks carry."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

OURS_TOO = {
    "verb_id",  # on the wire of the reference as well; its description forgot it
    "headers",  # of a BYE
    "dial_status",  # the older name of dial_call_status
    "local_sip_address",  # with public_ip and has_recording in the first hook of the reference
    "public_ip",
    "has_recording",
}


class Callbacks:
    """The schemas of callbacks, and what they have against a payload."""

    def __init__(self, published: Path) -> None:
        root = published / "node_modules" / "@jambonz" / "schema" / "callbacks"
        read = [json.loads(path.read_text()) for path in sorted(root.glob("*.schema.json"))]
        self._schemas = {schema["$id"].rsplit("/", 1)[1]: schema for schema in read}
        self._registry: Registry[Any] = Registry().with_resources(
            [(schema["$id"], Resource.from_contents(schema)) for schema in read]
        )

    def objections(self, name: str, payload: dict[str, Any]) -> list[str]:
        """What is wrong with `payload` as a `name`: values, and names that nobody knows."""
        schema = self._schemas[name]
        errors = Draft202012Validator(schema, registry=self._registry).iter_errors(payload)
        described = (schema, self._schemas["base"], self._schemas["session-new"])  # the last has more that all carry
        strange = set(payload).difference(OURS_TOO, *(each["properties"] for each in described if "properties" in each))
        return [f"{error.json_path}: {error.message}" for error in errors] + [f"{each}: strange" for each in strange]
