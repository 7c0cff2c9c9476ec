"""docs/devices-coverage.md names tests that exist."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[2]
NAMED = re.compile(r"`([\w/.]+\.py)::(\w+)`")


def test_every_test_named_in_the_table_exists() -> None:
    named = NAMED.findall((TESTS.parent / "docs/devices-coverage.md").read_text())

    assert len(named) > 50
    assert [f"{path}::{test}" for path, test in named if f"def {test}(" not in (TESTS / path).read_text()] == []
