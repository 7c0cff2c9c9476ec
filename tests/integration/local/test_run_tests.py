"""`scripts/run-tests`: a second try for tests that failed, and no more than that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "run-tests"
UNSTEADY = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("name", ["a b", "[c]"])
def test_fails_once(name):
    mark = Path(__file__).with_name(name)
    seen = mark.exists()
    mark.touch()
    assert seen
"""


def run(folder: Path, again: str) -> tuple[int, str]:
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    done = subprocess.run(
        [SCRIPT, sys.executable, "-q", "test_it.py"],
        cwd=folder, env={**os.environ, "AGAIN": again}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_what_fails_once_passes_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(UNSTEADY)

    code, said = run(tmp_path, "2")

    assert code == 0
    first, _, unsteady = said.partition("unsteady, failed once and then passed:\n")
    assert "FAILED test_it.py::test_fails_once[a b]" in first
    assert sorted(unsteady.split("\n")) == ["", "test_it.py::test_fails_once[[c]]", "test_it.py::test_fails_once[a b]"]


@pytest.mark.parametrize("again", ["0", "1"])
def test_more_failures_than_allowed_have_no_second_try(tmp_path: Path, again: str) -> None:
    (tmp_path / "test_it.py").write_text(UNSTEADY)

    assert run(tmp_path, again)[0] == 1


def test_what_fails_twice_fails(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it():\n    assert False\n\ndef test_other():\n    pass\n")

    assert run(tmp_path, "3")[0] == 1
