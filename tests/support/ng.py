"""An rtpengine of a test's making, without sockets."""

import asyncio
from dataclasses import dataclass, field

import pytest

from jambones.media.rtpengine.bencode import Encodable, decode, encode
from jambones.media.rtpengine.client import NgClient, Timing, _Protocol


@dataclass
class ScriptedDaemon:
    """Stands for transport and daemon: answers the n-th datagram of a command by script, None for silence."""

    replies: list[dict[str, Encodable] | None]
    sent: list[tuple[bytes, dict[str, object]]] = field(default_factory=list)
    protocol: _Protocol = field(default_factory=lambda: _Protocol("test:1"))
    heard: list[Timing] = field(default_factory=list)

    def client(self) -> NgClient:
        return NgClient("test:1", self.protocol, self, [self.heard.append])  # type: ignore[arg-type]

    def sendto(self, datagram: bytes) -> None:
        cookie, _, payload = datagram.partition(b" ")
        command = decode(payload)
        assert isinstance(command, dict)
        self.sent.append((cookie, dict(command)))
        reply = self.replies.pop(0) if self.replies else None
        if reply is not None:
            asyncio.get_running_loop().call_soon(self.protocol.datagram_received, cookie + b" " + encode(reply), None)


def hundredfold_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's time-outs, a hundred times as fast."""
    monkeypatch.setattr("jambones.media.rtpengine.client.RESEND_AT", (0.005, 0.015))
    monkeypatch.setattr("jambones.media.rtpengine.client.FAIL_AT", 0.03)
