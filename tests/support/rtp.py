"""A plain RTP sender and receiver, as small as a test needs it."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from jambones.sip.sdp import SessionDescription


def audio_address(sdp: bytes | None) -> tuple[str, int]:
    """Where a description wants its audio."""
    description = SessionDescription.parse(sdp or b"")
    audio = description.audio()
    assert audio is not None
    connection = description.connection_of(audio)
    assert connection is not None
    return connection.address, audio.port


@dataclass(frozen=True)
class RtpPacket:
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    @classmethod
    def parse(cls, data: bytes) -> "RtpPacket":
        first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", data)
        offset = 12 + 4 * (first & 0x0F)
        return cls(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, data[offset:])

    def __bytes__(self) -> bytes:
        second = self.payload_type | (0x80 if self.marker else 0)
        return struct.pack("!BBHII", 0x80, second, self.sequence, self.timestamp, self.ssrc) + self.payload


@dataclass
class RtpPeer(asyncio.DatagramProtocol):
    """One party of a call with a plain socket on loopback; `packets` is everything it got."""

    packets: list[RtpPacket] = field(default_factory=list)
    taken: int = 0
    sequence: int = 100
    address: tuple[str, int] = ("", 0)
    transport: asyncio.DatagramTransport | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    @asynccontextmanager
    async def open(cls, host: str = "127.0.0.1") -> AsyncIterator["RtpPeer"]:
        loop = asyncio.get_running_loop()
        transport, peer = await loop.create_datagram_endpoint(cls, local_addr=(host, 0))
        peer.address = transport.get_extra_info("sockname")[:2]
        peer.transport = transport
        try:
            yield peer
        finally:
            transport.close()

    @property
    def sdp(self) -> bytes:
        host, port = self.address
        return (
            f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
        ).encode()

    @property
    def waiting(self) -> int:
        """Packets that `received` has not given yet."""
        return len(self.packets) - self.taken

    def datagram_received(self, data: bytes, addr: object) -> None:
        if len(data) >= 12 and data[0] >> 6 == 2 and not 192 <= data[1] <= 223:  # not RTCP
            self.packets.append(RtpPacket.parse(data))
            self.arrived.set()

    def send_to(self, where: tuple[str, int], payload: bytes, *, count: int = 1, payload_type: int = 0) -> None:
        assert self.transport is not None
        for _ in range(count):
            packet = RtpPacket(
                payload_type, False, self.sequence & 0xFFFF, self.sequence * 160, id(self) & 0xFFFFFFFF, payload
            )
            self.transport.sendto(bytes(packet), where)
            self.sequence += 1

    async def received(self, count: int, *, within: float = 3.0) -> list[bytes]:
        """Payloads of the next `count` packets; raises `TimeoutError`."""
        async with asyncio.timeout(within):
            while self.waiting < count:
                self.arrived.clear()
                await self.arrived.wait()
        got = [p.payload for p in self.packets[self.taken : self.taken + count]]
        self.taken += count
        return got
