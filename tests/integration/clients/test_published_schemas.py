"""Scripts that the published descriptions of the verbs allow: ours reads every one of them."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jambones.common.verbs import ScriptError, parse_script
from tests.integration.clients.shapes import Schemas, rewritten

TARGETS_OF_ANOTHER_KIND = {"number", "sipUri", "auth", "name", "overrideTo", "tenant", "trunk", "vmail"}
"""They describe one target with the properties of all kinds; those of another kind are passed over."""

REFUSED = {
    # Their prose demands what their schemas leave open, and the platform has to know what is meant.
    "config: listen.enable: is required",
    "config: transcribe.enable: is required",
}
NOT_DEMANDED = {("elevenlabs_s2s", "auth"), ("gptlive_s2s", "auth")}  # the account's speech credentials have it, too
PASSED_OVER = {
    "dial: dtmfCapture.any",  # an object of any keys in their description; childCall and parentCall in their prose
    "pipeline: vad",  # of an older release
}


@pytest.fixture(scope="session")
def schemas(published: Path) -> Schemas:
    return Schemas(published / "node_modules" / "@jambonz" / "schema")


@pytest.fixture(
    scope="session",
    params=["@jambonz/verb-specifications", "@jambonz/node-client/node_modules/@jambonz/verb-specifications"],
)
def specifications(
    request: pytest.FixtureRequest, published: Path, tmp_path_factory: pytest.TempPathFactory
) -> Schemas:
    specs = json.loads((published / "node_modules" / request.param / "specs.json").read_text())
    return rewritten(specs, tmp_path_factory.mktemp("specs"))


def test_every_script_of_the_schemas_is_read(schemas: Schemas) -> None:
    assert len(schemas.verbs) > 35
    assert_all_read(schemas)


def test_every_script_of_the_older_specifications_is_read(specifications: Schemas) -> None:
    assert len(specifications.verbs) > 25
    assert_all_read(specifications)


def test_either_form_of_a_verb_is_the_same(schemas: Schemas) -> None:
    for name in schemas.verbs:
        body = schemas.bodies(name)[0]
        assert parse_script([{"verb": name, **body}]) == parse_script([{name: body}])


def test_every_example_of_the_schemas_is_read(schemas: Schemas) -> None:
    examples = schemas.examples()

    assert len(examples) > 50
    for example in examples:
        assert parse_script(example).notes == (), example


def test_what_the_schemas_demand_is_demanded(schemas: Schemas) -> None:
    for name in schemas.verbs:
        least = schemas.bodies(name)[0]
        for demanded in schemas.required(name):
            body = {key: value for key, value in least.items() if key != demanded}
            if (name, demanded) in NOT_DEMANDED:
                parse_script([{"verb": name, **body}])
            else:
                assert properties_refused(name, body) == [demanded]


def test_values_of_another_kind_are_refused(schemas: Schemas) -> None:
    wrong = {"string": {}, "number": "many", "integer": "many", "boolean": "perhaps", "object": 5}
    refused = 0
    for name in schemas.verbs:
        least = schemas.bodies(name)[0]
        for demanded, kind in schemas.kinds(name).items():
            if kind != "array":  # one value is a list of one
                said = {"stream": "listen"}.get(demanded, demanded) if name != "say" else demanded
                assert properties_refused(name, {**least, demanded: wrong[kind]})[0].startswith(said)
                refused += 1

    assert refused > 200


def properties_refused(name: str, body: dict[str, Any]) -> list[str]:
    try:
        parse_script([{"verb": name, **body}])
    except ScriptError as exc:
        return [problem.property for problem in exc.problems]
    return [f"none of {name} {body}"]


def assert_all_read(described: Schemas) -> None:
    surprises = Counter(
        surprise
        for name in described.verbs
        for body in described.bodies(name)
        for surprise in _surprises(name, body)
        if surprise not in REFUSED | PASSED_OVER
    )
    assert surprises == {}


def _surprises(name: str, body: dict[str, Any]) -> Iterator[str]:
    try:
        script = parse_script([{"verb": name, **body}])
    except ScriptError as exc:
        yield from (f"{name}: {problem.property}: {problem.reason}" for problem in exc.problems)
        return
    for note in script.notes:
        parent, _, last = note.property.rpartition(".")
        if not (parent.startswith(("target[", "to")) and last in TARGETS_OF_ANOTHER_KIND):
            yield f"{name}: {note.property}"
