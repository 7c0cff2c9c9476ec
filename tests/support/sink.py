"""An ear for many calls at once: one UDP socket that keeps every RTP stream apart and says what was in it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.rtp import RtpPacket


@dataclass
class Stream:
    """What came from one source."""

    packets: list[RtpPacket] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)

    @property
    def audio(self) -> bytes:
        """The G.711 codes in the order of their sequence numbers."""
        first = self.packets[0].sequence
        ordered = sorted(self.packets, key=lambda packet: (packet.sequence - first) & 0xFFFF)
        return b"".join(packet.payload for packet in ordered if packet.payload_type == 0)

    @property
    def missing(self) -> int:
        """Sequence numbers that never came."""
        first = self.packets[0].sequence
        numbers = {(packet.sequence - first) & 0xFFFF for packet in self.packets}
        return max(numbers) + 1 - len(numbers)


class RtpSink(asyncio.DatagramProtocol):
    """What is received is only looked at when somebody asks, and waits in a large buffer: the ear misses nothing."""

    def __init__(self) -> None:
        self.port = 0
        self._streams: dict[tuple[tuple[str, int], int], Stream] = {}
        self._received: list[tuple[float, bytes, tuple[str, int]]] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, host: str = "127.0.0.1") -> AsyncIterator["RtpSink"]:
        loop = asyncio.get_running_loop()
        transport, sink = await loop.create_datagram_endpoint(cls, local_addr=(host, 0))
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sink.port = transport.get_extra_info("sockname")[1]
        try:
            yield sink
        finally:
            transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._received.append((asyncio.get_running_loop().time(), data, addr))

    @property
    def streams(self) -> dict[tuple[tuple[str, int], int], Stream]:
        """By (source address, SSRC)."""
        received, self._received = self._received, []
        for arrived, data, addr in received:
            if len(data) < 12 or data[0] >> 6 != 2 or 192 <= data[1] <= 223:  # RTCP is not audio
                continue
            packet = RtpPacket.parse(data)
            stream = self._streams.setdefault((addr, packet.ssrc), Stream())
            stream.packets.append(packet)
            stream.arrived.append(arrived)
        return self._streams

    def heard(self, codes: bytes) -> int:
        """In how many streams this sound is, without a gap or a foreign byte."""
        return sum(codes in stream.audio for stream in self.streams.values())
