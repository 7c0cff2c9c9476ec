"""Certificates that are read again, and a session over memory."""

import logging
import ssl
from pathlib import Path

import pytest

from jambones.sip.transport.tls import TlsContexts, TlsError, TlsLayer, TlsSettings
from tests.support.certificates import Authority


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def connect(client: TlsLayer, server: TlsLayer) -> None:
    """Carry bytes to and fro until both are done. Raises TlsError."""
    client.start()
    for _ in range(10):
        if data := client.output():
            server.receive(data)
        if data := server.output():
            client.receive(data)
    assert client.established
    assert server.established


def test_what_one_side_sends_the_other_reads(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    contexts = TlsContexts(TlsSettings(*authority.issue("sip.example.com"), ca=authority.ca), Clock())
    client, server = contexts.client("sip.example.com"), contexts.server()
    connect(client, server)

    client.send(b"INVITE" * 20_000)
    assert server.receive(client.output()) == b"INVITE" * 20_000
    client.close()
    assert server.receive(client.output()) is None


def test_a_new_certificate_is_for_new_connections(tmp_path: Path) -> None:
    authority, clock = Authority(tmp_path), Clock()
    contexts = TlsContexts(TlsSettings(*authority.issue("old.example.com"), ca=authority.ca), clock)
    client, server = contexts.client("old.example.com"), contexts.server()
    connect(client, server)

    authority.issue("new.example.com")
    clock.now += 2

    connect(contexts.client("new.example.com"), contexts.server())
    with pytest.raises(TlsError, match="tls-certificate"):
        connect(contexts.client("old.example.com"), contexts.server())
    client.send(b"still here")
    assert server.receive(client.output()) == b"still here"


def test_a_certificate_that_cannot_be_used_leaves_the_old_one_in_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority, clock = Authority(tmp_path), Clock()
    cert, key = authority.issue("sip.example.com")
    contexts = TlsContexts(TlsSettings(cert, key, ca=authority.ca), clock)

    with caplog.at_level(logging.WARNING):
        key.write_text("half written")
        clock.now += 2
        connect(contexts.client("sip.example.com"), contexts.server())
    assert len(caplog.records) == 1

    authority.issue("next.example.com")
    clock.now += 2
    connect(contexts.client("next.example.com"), contexts.server())


def test_a_certificate_that_is_no_good_at_first_is_an_error(tmp_path: Path) -> None:
    cert, key = Authority(tmp_path).issue("sip.example.com")
    key.write_text("nonsense")
    with pytest.raises(ssl.SSLError):
        TlsContexts(TlsSettings(cert, key), Clock())


def test_garbage_is_an_error_with_a_reason(tmp_path: Path) -> None:
    contexts = TlsContexts(TlsSettings(*Authority(tmp_path).issue("sip.example.com")), Clock())
    with pytest.raises(TlsError, match="tls-handshake"):
        contexts.server().receive(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
