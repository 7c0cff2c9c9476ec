"""The description of the API, and requests made of it that look for a 5xx."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from jambones.api import openapi
from jambones.api.resources import RESOURCES
from tests.integration.api.conftest import World

CHECKS = "not_a_server_error,status_code_conformance,response_schema_conformance"


def references(value: Any) -> set[str]:
    """All `$ref` in a document."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set[str]().union(*map(references, value)) if isinstance(value, list) else set()


def test_the_description_is_valid_and_complete() -> None:
    document = openapi.document(RESOURCES)
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    assert {"call", "callStatus", "action", "registration", "queueEvent"} <= set(document["webhooks"])
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["operationId"], (method, path)
            assert operation["summary"], (method, path)
            assert {"400", "401", "503"} <= set(operation["responses"]) | {"401"}, (method, path)
            if "requestBody" in operation:
                assert operation["requestBody"]["content"]["application/json"]["example"] is not None, (method, path)


def test_every_example_fits_its_schema() -> None:
    document = openapi.document(RESOURCES)
    for item in document["paths"].values():
        for operation in item.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content is not None:
                schema = content["schema"] | {"components": document["components"]}
                errors = [error.message for error in Draft202012Validator(schema).iter_errors(content["example"])]
                assert errors == [], operation["operationId"]


async def test_every_reference_of_the_description_leads_somewhere(world: World) -> None:
    document = (await world.admin.get("/openapi.json")).body
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"], reference


@pytest.mark.timeout(300)
async def test_generated_requests_find_no_server_error(world: World, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", f"{world.admin.url}/openapi.json", "--url", world.admin.url,
        "--header", f"Authorization: Bearer {world.admin.token}", "--checks", CHECKS, "--max-examples", "4",
        "--phases", "fuzzing", "--seed", "1", "--exclude-by", "/x-later == true", "--no-color",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert b"generated" in output
    assert process.returncode == 0, output.decode().partition("FAILURES")[2][:12000]
