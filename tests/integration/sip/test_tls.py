"""TLS over real sockets: names proved, certificates renewed, and what is no TLS."""

import asyncio
import resource
import ssl
from pathlib import Path

import pytest

from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Answered, Ended
from jambones.sip.leg import IncomingLeg
from jambones.sip.message import Response
from jambones.sip.transport import Address, Flow, Target
from jambones.sip.transport.limits import ConnectionRules
from jambones.sip.transport.tls import TlsSettings
from jambones.sip.uri import Uri
from tests.support.certificates import Authority

LOCAL = "127.0.0.1"
LISTEN = [Address("tls", LOCAL, 0)]
SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
US = NameAddr(Uri("sip", "us", host="example.com"))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def refuse(leg: IncomingLeg) -> None:
    await leg.reject(603)


async def answer(leg: IncomingLeg) -> None:
    await leg.answer(SDP)
    async for _ in leg.events():
        pass


async def ask(client: Endpoint, address: Address) -> Response:
    uri = Uri("sip", host=address.host, port=address.port, params={"transport": "tls"})
    return await client.request("OPTIONS", uri, from_=US, destination=address, timeout=20)


async def test_a_call_over_tls(authority: Authority) -> None:
    cert, key = authority.issue("sip.example.com", LOCAL)
    settings = TlsSettings(cert, key, ca=authority.ca)
    async with Endpoint.open(LISTEN, answer, tls=settings) as server, Endpoint.open(LISTEN, refuse, tls=settings) as us:
        target = Target(server.addresses[0], "sip.example.com")
        leg = await us.invite(Uri("sip", "x", host="sip.example.com"), from_=US, sdp=SDP, destination=target)
        async with asyncio.timeout(20):
            assert isinstance(await anext(leg.events()), Answered)
            assert leg.invite.headers.get("Contact", "").endswith(";transport=tls>")
            await leg.hangup()
            assert isinstance(await anext(leg.events()), Ended)


@pytest.mark.parametrize("name", ["evil.example.com", ""])
async def test_a_server_that_does_not_prove_its_name_is_not_spoken_to(authority: Authority, name: str) -> None:
    cert, key = authority.issue("sip.example.com")
    trusting = TlsSettings(ca=authority.ca)
    async with (
        Endpoint.open(LISTEN, refuse, tls=TlsSettings(cert, key)) as server,
        Endpoint.open([Address("udp", LOCAL, 0)], refuse, tls=trusting) as client,
    ):
        address = server.addresses[0]
        # Without a name the address itself would have to be proved.
        assert (await ask(client, Target(address, name) if name else address)).status == 503
        assert (await ask(client, Target(address, "sip.example.com"))).status == 200
        assert client.stats.parse_errors["tls-certificate"] == 1


async def test_an_unknown_authority_is_refused_unless_nobody_asks(authority: Authority) -> None:
    cert, key = authority.issue(LOCAL)
    udp = [Address("udp", LOCAL, 0)]
    async with (
        Endpoint.open(LISTEN, refuse, tls=TlsSettings(cert, key)) as server,
        Endpoint.open(udp, refuse) as strict,
        Endpoint.open(udp, refuse, tls=TlsSettings(verify=False)) as careless,
    ):
        assert (await ask(strict, server.addresses[0])).status == 503
        assert (await ask(careless, server.addresses[0])).status == 200


async def test_a_renewed_certificate_is_taken_without_a_restart(authority: Authority) -> None:
    cert, key = authority.issue("old.example.com")
    trusting = TlsSettings(ca=authority.ca)
    udp = [Address("udp", LOCAL, 0)]
    async with (
        Endpoint.open(LISTEN, refuse, tls=TlsSettings(cert, key)) as server,
        Endpoint.open(udp, refuse, tls=trusting) as early,
    ):
        old, new = (Target(server.addresses[0], name) for name in ("old.example.com", "new.example.com"))
        assert (await ask(early, old)).status == 200

        authority.issue("new.example.com")

        async with asyncio.timeout(30):
            while True:  # the files are looked at once a second
                async with Endpoint.open(udp, refuse, tls=trusting) as late:
                    if (await ask(late, new)).status == 200:
                        break
        assert (await ask(early, old)).status == 200, "the connection that was open goes on"


async def test_listening_without_a_certificate_is_an_error() -> None:
    with pytest.raises(ValueError, match="certificate"):
        async with Endpoint.open(LISTEN, refuse):
            pass


async def test_the_least_version_is_asked_for(authority: Authority) -> None:
    cert, key = authority.issue(LOCAL)
    async with Endpoint.open(LISTEN, refuse, tls=TlsSettings(cert, key, min_version="1.3")) as server:
        context = ssl.create_default_context(cafile=authority.ca)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection(LOCAL, server.addresses[0].port, ssl=context)
        assert server.stats.parse_errors["tls-handshake"] == 1


# -- what is not what it should be


async def closed_by(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(20):
            await reader.read()
    except ConnectionError:
        pass
    return True


async def test_tls_to_the_plain_port_and_plain_text_to_the_tls_port_are_cut_off(authority: Authority) -> None:
    cert, key = authority.issue(LOCAL)
    listen = [Address("tcp", LOCAL, 0), Address("tls", LOCAL, 0)]
    async with Endpoint.open(listen, refuse, tls=TlsSettings(cert, key)) as server:
        plain, secured = (address.port for address in server.addresses)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection(LOCAL, plain, ssl=ssl.create_default_context(cafile=authority.ca))
        reader, writer = await asyncio.open_connection(LOCAL, secured)
        writer.write(b"OPTIONS sip:x SIP/2.0\r\nContent-Length: 0\r\n\r\n")
        assert await closed_by(reader)
        writer.close()
        assert (server.stats.parse_errors["not-sip"], server.stats.parse_errors["tls-handshake"]) == (1, 1)


@pytest.mark.parametrize("transport", ["tcp", "tls", "ws", "wss"])
async def test_who_says_nothing_is_sent_away(authority: Authority, transport: str) -> None:
    cert, key = authority.issue(LOCAL)
    rules = ConnectionRules(first_message=0.2)
    listen = [Address.parse(f"{transport}:{LOCAL}:0")]
    async with Endpoint.open(listen, refuse, tls=TlsSettings(cert, key), connections=rules) as server:
        reader, writer = await asyncio.open_connection(LOCAL, server.addresses[0].port)
        writer.write(b"\x16" if transport in {"tls", "wss"} else b"GET")
        assert await closed_by(reader)
        writer.close()
        assert (server.stats.turned_away["silent"], server.connections) == (1, 0)


@pytest.mark.parametrize("transport", ["tcp", "wss"])
async def test_two_thousand_half_open_connections_do_not_hurt(authority: Authority, transport: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    cert, key = authority.issue(LOCAL)
    listen = [Address.parse(f"{transport}:{LOCAL}:0"), Address("udp", LOCAL, 0), Address("tls", LOCAL, 0)]
    rules = ConnectionRules(unproven_per_source=5_000)
    async with (
        Endpoint.open(listen, refuse, tls=TlsSettings(cert, key), connections=rules) as server,
        Endpoint.open([Address("udp", LOCAL, 0)], refuse, tls=TlsSettings(verify=False)) as client,
    ):
        port = server.addresses[0].port
        opened = await asyncio.gather(*[asyncio.open_connection(LOCAL, port) for _ in range(2_000)])
        try:
            while server.connections < 2_000:
                await asyncio.sleep(0)
            for address in server.addresses[1:]:
                assert (await ask(client, address)).status == 200
        finally:
            for _, writer in opened:
                writer.close()


async def test_one_source_cannot_take_all_connections() -> None:
    rules, lost = ConnectionRules(unproven_per_source=10), list[Flow]()
    async with Endpoint.open([Address("tcp", LOCAL, 0)], refuse, connections=rules, on_flow_lost=lost.append) as server:
        port = server.addresses[0].port
        opened = await asyncio.gather(*[asyncio.open_connection(LOCAL, port) for _ in range(15)])
        async with asyncio.timeout(20):
            while server.stats.turned_away["too-many-unproven"] < 5:
                await asyncio.sleep(0)
        assert (server.connections, lost) == (10, [])
        for _, writer in opened:
            writer.close()
