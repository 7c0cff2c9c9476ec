"""The file with the token."""

import stat
from pathlib import Path

import pytest

from jambones.cli import config
from jambones.cli.config import Profile


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv(config.URL, raising=False)
    monkeypatch.delenv(config.TOKEN, raising=False)
    return tmp_path


def test_only_its_owner_reads_the_file_even_when_it_was_open_before() -> None:
    where = config.path()
    where.parent.mkdir(parents=True)
    where.write_text("{}")
    where.chmod(0o644)

    assert config.save(Profile("http://x/v1", "token")) == where

    assert stat.S_IMODE(where.stat().st_mode) == 0o600
    assert config.load() == Profile("http://x/v1", "token")


def test_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    config.save(Profile("http://x/v1", "token"))
    monkeypatch.setenv(config.TOKEN, "other")

    assert config.load() == Profile("http://x/v1", "other")


def test_without_a_file_there_is_a_default_and_a_broken_file_is_said() -> None:
    assert config.load() == Profile()
    assert config.forget() is False
    config.save(Profile()).write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        config.load()
