"""Ports of the platform on one machine, as the environment sets them."""

import pytest

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
            {"JAMBONES_LOCAL_DIR": "/x", "JAMBONES_LOCAL_PORTS": "auto", "JAMBONES_HTTP_PORT": "1", "HOME": "/"}
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
