"""The description of the API, and requests made of it that look for a 5xx."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api.conftest import World


def references(value: Any) -> set[str]:
    """All `$ref` in a document."""
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set[str]().union(*map(references, value)) if isinstance(value, list) else set()


async def test_every_reference_of_the_description_leads_somewhere(world: World) -> None:
    document = (await world.admin.get("/openapi.json")).body
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"], reference


@pytest.mark.timeout(300)
async def test_generated_requests_find_no_server_error(world: World, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "run", f"{world.admin.url}/openapi.json", "--url", world.admin.url,
        "--header", f"Authorization: Bearer {world.admin.token}", "--checks", "not_a_server_error",
        "--max-examples", "8",
        "--phases", "fuzzing", "--seed", "1", "--exclude-by", "/x-later == true", "--no-color",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=tmp_path,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert b"generated" in output
    assert process.returncode == 0, output.decode().rpartition("FAILURES")[2][-8000:]
