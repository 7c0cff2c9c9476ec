"""What others published for the reference platform, as scripts/test-clients fetches it."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / ".cache" / "test-clients"


@pytest.fixture(scope="session")
def published() -> Path:
    """The directory with `node` and `node_modules`, fetched now where it is missing."""
    done = subprocess.run([ROOT / "scripts" / "test-clients"], check=False, capture_output=True, text=True, timeout=50)
    if done.returncode != 0:
        pytest.fail(done.stderr.strip(), pytrace=False)
    return PUBLISHED
