"""Settings: every problem at once, by name, and never a value."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from jambones.common.settings import OTHER_PARTS, ServiceSettings, SettingsError, SipSettings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("JAMBONES_"):
            monkeypatch.delenv(name)


def test_defaults_need_no_environment() -> None:
    settings = ServiceSettings.load()

    assert settings.nats_urls == ("nats://127.0.0.1:4222",)
    assert len(settings.node_id) == 8


def test_the_environment_is_read_and_values_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAMBONES_HTTP_PORT", "4000")
    monkeypatch.setenv("JAMBONES_ZONE", "eu")
    monkeypatch.setenv("JAMBONES_SIP_LISTEN", " udp:0.0.0.0:5060 ,, tcp:0.0.0.0:5060,")

    settings = SipSettings.load(zone="us")

    assert (settings.http_port, settings.zone) == (4000, "us")
    assert settings.sip_listen == ("udp:0.0.0.0:5060", "tcp:0.0.0.0:5060")


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("the secret key\n")
    monkeypatch.setenv("JAMBONES_INTERNAL_KEY_FILE", str(tmp_path / "key"))

    settings = ServiceSettings.load()

    assert settings.internal_key == SecretStr("the secret key")


def test_every_problem_is_named_at_once_and_no_value_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAMBONES_HTTP_PORT", "canary-port")
    monkeypatch.setenv("JAMBONES_LOG_LEVEL", "canary-level")
    monkeypatch.setenv("JAMBONES_NATS_URL", "canary-url")

    with pytest.raises(SettingsError) as caught:
        ServiceSettings.load()
    text = str(caught.value)
    assert {line.partition(":")[0] for line in text.splitlines()} == {
        "JAMBONES_HTTP_PORT",
        "JAMBONES_LOG_LEVEL",
        "JAMBONES_NATS_URL",
    }
    assert "did you mean JAMBONES_NATS_URLS?" in text
    assert "canary" not in text


def test_names_of_other_parts_are_no_misspellings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OTHER_PARTS:
        monkeypatch.setenv(f"JAMBONES_{name.upper()}", "x")
    monkeypatch.setenv("JAMBONES_JWT_SECRET_FILE", "/x")

    ServiceSettings.load()


def test_secrets_and_passwords_are_masked_in_what_is_logged() -> None:
    settings = ServiceSettings.load(
        nats_urls="nats://user:canary@n1:4222,nats://n2:4222",
        db_dsn="postgresql://u:canary@h/d",
        encryption_keys="canary-canary-canary",
        internal_key="canary",
    )

    assert "canary" not in str(settings.public())
    assert "canary" not in repr(settings)
    assert settings.public()["nats_urls"] == ["n1:4222", "nats://n2:4222"]


def test_settings_do_not_change() -> None:
    settings = ServiceSettings.load()

    with pytest.raises(ValidationError):
        settings.zone = "eu"  # type: ignore[misc]
