"""UDP: one socket, read in batches straight from the event loop, with ICMP errors (RFC 3261 section 18)."""

import asyncio
import errno
import select
import socket
import struct
from contextlib import suppress
from logging import getLogger

from jambones.sip.parser import MAX_DATAGRAM
from jambones.sip.transport import Address, Receiver

log = getLogger(__name__)

_BATCH = 64  # datagrams read per wake-up, so that a flood cannot starve the timers
_BUFFER = 25 * 1024 * 1024
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_PEERS = 8192


class UdpFlow:
    """A peer behind a UDP socket."""

    __slots__ = ("_listener", "_peer", "local", "remote")

    def __init__(self, listener: "UdpListener", peer: tuple[str, int]) -> None:
        self._listener = listener
        self._peer = peer
        self.local = listener.address
        self.remote = Address("udp", peer[0], peer[1])

    @property
    def id(self) -> str:
        return f"{self.local}/{str(self.remote).removeprefix('udp:')}"

    @property
    def alive(self) -> bool:
        return not self._listener.closed

    def send(self, data: bytes) -> None:
        self._listener.send(data, self._peer)

    def timed_out(self) -> None:
        """There is nothing to give up."""


class UdpListener:
    """A bound UDP socket. Asyncio's datagram transport reads one datagram a turn; this reads all that is there."""

    def __init__(self, sock: socket.socket, receiver: Receiver, loop: asyncio.AbstractEventLoop) -> None:
        self._sock = sock
        self._receiver = receiver
        self._loop = loop
        self._flows: dict[tuple[str, int], UdpFlow] = {}
        self.closed = False
        name = sock.getsockname()
        self.address = Address("udp", name[0], name[1])
        self.send_errors = 0
        self._poller = _poller(sock)
        self._watched = self._poller.fileno() if self._poller is not None else sock.fileno()
        loop.add_reader(self._watched, self._readable)

    @classmethod
    def open(cls, host: str, port: int, receiver: Receiver, loop: asyncio.AbstractEventLoop) -> "UdpListener":
        """Bind. Raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                with suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
            with suppress(OSError):  # Linux only: without it an unconnected socket never hears of ICMP errors
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
                else:
                    sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            sock.bind((host, port))
        except BaseException:
            sock.close()
            raise
        return cls(sock, receiver, loop)

    def flow(self, host: str, port: int) -> UdpFlow:
        peer = (host, port)
        flow = self._flows.get(peer)
        if flow is None:
            if len(self._flows) >= _PEERS:  # only a cache: flows are cheap to make again
                self._flows.clear()
            flow = self._flows[peer] = UdpFlow(self, peer)
        return flow

    def send(self, data: bytes, peer: tuple[str, int]) -> None:
        for _ in range(2):
            try:
                self._sock.sendto(data, peer)
            except BlockingIOError:
                self.send_errors += 1  # the buffer is full: as good as lost, and retransmitted like a loss
                return
            except OSError as error:
                # An earlier datagram's ICMP error may be reported on this send: take it away and try once more.
                if not self._drain_errors() and error.errno not in {errno.ECONNREFUSED, errno.EHOSTUNREACH}:
                    self.send_errors += 1
                    self._loop.call_soon(self._receiver.unreachable, Address("udp", peer[0], peer[1]))
                    return
            else:
                return

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._watched)
            if self._poller is not None:
                self._poller.close()
            self._sock.close()

    def _readable(self) -> None:
        receive = self._sock.recvfrom
        for number in range(_BATCH):
            try:
                data, peer = receive(MAX_DATAGRAM)
            except (BlockingIOError, InterruptedError):
                if number == 0:  # woken by errors alone, one of which a send has already been told
                    self._drain_errors()
                return
            except OSError:
                if not self._drain_errors():
                    return
                continue
            flow = self.flow(peer[0], peer[1])
            try:
                self._receiver.datagram(data, flow)
            except Exception:  # one bad datagram must not end the others
                log.exception("handling a datagram failed")
            if self.closed:
                return

    def _drain_errors(self) -> bool:
        """Read the socket's error queue (ip(7)) and report peers that refused. False when it was empty."""
        found = False
        while not self.closed:
            try:
                _, ancillary, _, peer = self._sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return found
            found = True
            for _, _, data in ancillary:
                code = struct.unpack_from("=I", data)[0] if len(data) >= 4 else 0
                if code in {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH} and peer:
                    # Not from within a send: the sender is in the middle of its own state.
                    self._loop.call_soon(self._receiver.unreachable, Address("udp", peer[0], peer[1]))
                    break
        return found


def _poller(sock: socket.socket) -> "select.epoll | None":
    """An epoll of the socket alone, for the event loop to watch in its place (Linux).

    A socket that hears of ICMP errors is polled as "in error", upon which libuv (uvloop) stops polling it for good: a
    single peer without a listener would deafen us. An epoll inside the loop's own is only ever readable.
    """
    if not hasattr(select, "epoll"):
        return None
    poller = select.epoll(1)
    poller.register(sock.fileno(), select.EPOLLIN)
    return poller
