"""Ports of the platform on one machine, as the environment sets them."""

from dataclasses import asdict

import pytest

from jambones.local import layout, ports
from jambones.local.layout import Ports
from jambones.local.servers import ServerError


def test_the_environment_sets_ports_and_stretches() -> None:
    ports = Ports().with_environment(
        {"JAMBONES_LOCAL_SIP_PORT": "6060", "JAMBONES_LOCAL_MEDIA_SPAN": "100", "JAMBONES_LOCAL_API_PORT": ""}
    )
    assert ports == Ports(sip=6060, media_span=100)


def test_settings_of_others_are_none_of_its_business() -> None:
    assert (
        Ports().with_environment(
            {
                "JAMBONES_LOCAL_DIR": "/x",
                "JAMBONES_LOCAL_PORTS": "auto",
                "JAMBONES_LOCAL_PORT_RANGE": "15000-16000",
                "JAMBONES_HTTP_PORT": "1",
                "HOME": "/",
            }
        )
        == Ports()
    )


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1"])
def test_what_is_no_port_is_told(port: str) -> None:
    with pytest.raises(ServerError, match="JAMBONES_LOCAL_NATS_PORT is no port"):
        Ports().with_environment({"JAMBONES_LOCAL_NATS_PORT": port})


def test_a_name_that_nobody_reads_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ServerError, match=r"JAMBONES_LOCAL_SIPPORT is no setting.*JAMBONES_LOCAL_SIP_PORT"):
        Ports().with_environment({"JAMBONES_LOCAL_SIPPORT": "5060"})


def test_free_ports_are_looked_for_in_the_stretch_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def is_free(port: int, host: str, *, udp: bool) -> bool:
        asked.append(port)
        return len(asked) > 400

    monkeypatch.setenv("JAMBONES_LOCAL_PORT_RANGE", "20000-20300")
    monkeypatch.setattr(ports, "is_free", is_free)
    found = ports.free_port(span=200)
    assert found in asked
    assert 20000 <= min(asked) <= max(asked) <= 20300


@pytest.mark.parametrize(
    "text", ["20000", "20000-", "-20000", "20000-20100", "20300-20000", "80-1000", "65000-65600", "a-b"]
)
def test_what_is_no_stretch_of_ports_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("JAMBONES_LOCAL_PORT_RANGE", text)
    with pytest.raises(ServerError, match="JAMBONES_LOCAL_PORT_RANGE is not FIRST-LAST"):
        Ports.auto()


def test_the_stretch_for_audio_holds_no_port_of_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    spans: list[int] = []

    def free_port(*, span: int = 1) -> int:
        spans.append(span)
        return 20000

    monkeypatch.setattr(layout, "free_port", free_port)
    made = asdict(Ports.auto())
    first, span = made.pop("media"), made.pop("media_span")
    assert not set(range(first, first + span)) & set(made.values())
    assert first + span <= 20000 + spans[0], "what was not looked at may be taken"
