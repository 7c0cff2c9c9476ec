"""UDP in batches: `recvmmsg(2)` and `sendmmsg(2)` over preallocated NumPy memory (64-bit Linux, IPv4).

Memory handed to the kernel by address must stay referenced for as long as it is used: buffers, addresses, iovecs,
control areas and message headers live on one object and are never replaced.
"""

import ctypes
import select
import socket
from typing import Final

import numpy as np
from numpy.typing import NDArray

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_MSG_TRUNC: Final = 0x20
_MSG_DONTWAIT: Final = 0x40
_SO_RXQ_OVFL: Final = 40
_SO_TIMESTAMPNS: Final = 35
_IP_MTU_DISCOVER: Final = 10
_IP_PMTUDISC_DO: Final = 2
_TRUE_SIZE: Final = 2304  # what a small packet may take of a socket's buffer, by the kernel's count
_AF_INET: Final = int(socket.AF_INET).to_bytes(2, "little")
_STAMPED: Final = 32  # bytes of ancillary data that a time stamp takes
_CONTROL: Final = 64  # bytes of ancillary data a packet: a time stamp (32) and a drop count (24)

_IOVEC: Final = np.dtype([("base", "u8"), ("length", "u8")])
_MMSGHDR: Final = np.dtype(
    [
        ("name", "u8"),
        ("name_length", "u4"),
        ("_pad0", "u4"),
        ("iov", "u8"),
        ("iov_length", "u8"),
        ("control", "u8"),
        ("control_length", "u8"),
        ("flags", "i4"),
        ("_pad1", "i4"),
        ("length", "u4"),
        ("_pad2", "u4"),
    ]
)


def address_key(host: str, port: int) -> int:
    """Return an IPv4 address and port as the integer that received rows are matched by.

    It is what `struct sockaddr_in` begins with, read as one number: family, port, host. Never 0.
    """
    return int.from_bytes(_AF_INET + port.to_bytes(2, "big") + socket.inet_aton(host), "little", signed=True)


def key_address(key: int) -> tuple[str, int]:
    """Return the host and port in an `address_key`, whatever has been added to its family."""
    data = key.to_bytes(8, "little", signed=True)
    return socket.inet_ntoa(data[4:]), int.from_bytes(data[2:4], "big")


class Inbound:
    """Room for `rows` packets of up to `stride` bytes, filled from several sockets before it is looked at."""

    def __init__(self, rows: int = 1024, stride: int = 512) -> None:
        self.rows, self.stride = rows, stride
        self.packets = np.zeros((rows, stride), np.uint8)
        self._addresses = np.zeros((rows, 16), np.uint8)  # struct sockaddr_in
        self._control = np.zeros((rows, _CONTROL), np.uint8)
        self._iovecs = np.zeros(rows, _IOVEC)
        self._headers = np.zeros(rows, _MMSGHDR)
        row = np.arange(rows, dtype=np.uint64)
        self._iovecs["base"] = self.packets.ctypes.data + row * np.uint64(stride)
        self._iovecs["length"] = stride
        self._headers["name"] = self._addresses.ctypes.data + row * np.uint64(16)
        self._headers["iov"] = self._iovecs.ctypes.data + row * np.uint64(_IOVEC.itemsize)
        self._headers["iov_length"] = 1
        self._headers["control"] = self._control.ctypes.data + row * np.uint64(_CONTROL)
        self._base = self._headers.ctypes.data
        self.socket = np.zeros(rows, np.int64)  # which of our sockets each row came through
        # Views that undo network order; each is (rows,) and costs nothing to make once.
        self.first = self.packets[:, 0]
        self.kind = self.packets[:, :2].view("<u2")[:, 0]  # version and flags, marker and payload type << 8
        self.sequence = self.packets[:, 2:4].view(">u2")[:, 0]
        self.timestamp = self.packets[:, 4:8].view(">u4")[:, 0]
        self.ssrc = self.packets[:, 8:12].view(">u4")[:, 0]
        self.length = self._headers["length"]
        self._flags = self._headers["flags"]
        self._port = self._addresses[:, 2:4].view(">u2")[:, 0]
        self._from = self._addresses[:, :8].view("<i8")[:, 0]
        self._name_length = self._headers["name_length"]
        self._control_length = self._headers["control_length"]
        self._stamp = self._control[:, 16:32].view(np.int64)  # (rows, 2): seconds, nanoseconds
        self._drops = self._control[:, 48:52].view(np.uint32)[:, 0]
        self._drops_alone = self._control[:, 16:20].view(np.uint32)[:, 0]
        self._name_length[:], self._control_length[:] = 16, _CONTROL
        self.count = 0

    def receive(self, fd: int, index: int) -> int:
        """Add what waits on a socket; returns how many packets came. `index` goes into `socket`."""
        start = self.count
        address = ctypes.c_void_p(self._base + start * _MMSGHDR.itemsize)
        count = int(_LIBC.recvmmsg(fd, address, self.rows - start, _MSG_DONTWAIT, None))
        if count <= 0:
            return 0
        self.count = start + count
        self.socket[start : self.count] = index
        return count

    def clear(self) -> None:
        """Forget what was received; the kernel has written over the lengths of just that."""
        self._name_length[: self.count] = 16
        self._control_length[: self.count] = _CONTROL
        self.count = 0

    def drops(self, row: int) -> int:
        """Return the socket's count of packets lost to a full buffer, as said by the packet in `row` (0: none)."""
        # The kernel adds the count after the time stamp, if there is one, and only once it is not zero.
        length = self._control_length[row]
        if length > _STAMPED:
            return int(self._drops[row])
        return int(self._drops_alone[row]) if 0 < length < _STAMPED else 0

    def cut(self, row: int) -> bool:
        """Whether a packet was longer than there was room for."""
        return bool(self._flags[row] & _MSG_TRUNC)

    def keys(self) -> NDArray[np.int64]:
        """Return (count,) senders, as `address_key` makes them, with the socket's index added."""
        keys: NDArray[np.int64] = self._from[: self.count] + self.socket[: self.count]
        return keys

    def stamped(self) -> NDArray[np.bool_]:
        """Return (count,) whether the kernel said when it saw a packet."""
        stamped: NDArray[np.bool_] = self._control_length[: self.count] >= _STAMPED
        return stamped

    def arrivals(self) -> NDArray[np.float64]:
        """Return (count,) seconds of wall-clock time at which the kernel saw each packet; true for the `stamped`."""
        stamp = self._stamp[: self.count]
        return stamp[:, 0] + stamp[:, 1] * 1e-9

    def sender(self, row: int) -> tuple[str, int]:
        return socket.inet_ntoa(self._addresses[row, 4:8].tobytes()), int(self._port[row])


class Outbound:
    """One packet a leg, always at the same place in memory, sent for the rows chosen by `choose`."""

    def __init__(self, rows: int, stride: int) -> None:
        self.packets = np.zeros((rows, stride), np.uint8)
        self._addresses = np.zeros((rows, 16), np.uint8)
        self._addresses[:, 0] = socket.AF_INET
        self._iovecs = np.zeros(rows, _IOVEC)
        self._headers = np.zeros(rows, _MMSGHDR)
        row = np.arange(rows, dtype=np.uint64)
        self._iovecs["base"] = self.packets.ctypes.data + row * np.uint64(stride)
        self._iovecs["length"] = stride
        self._headers["name"] = self._addresses.ctypes.data + row * np.uint64(16)
        self._headers["name_length"] = 16
        self._headers["iov"] = self._iovecs.ctypes.data + row * np.uint64(_IOVEC.itemsize)
        self._headers["iov_length"] = 1
        self.lengths = self._iovecs["length"]
        self._chosen = self._headers[:0].copy()
        self._base = self._chosen.ctypes.data
        self.sequence = self.packets[:, 2:4].view(">u2")[:, 0]
        self.timestamp = self.packets[:, 4:8].view(">u4")[:, 0]
        self.ssrc = self.packets[:, 8:12].view(">u4")[:, 0]

    def connect(self, row: int, host: str, port: int) -> None:
        address = self._addresses[row]
        address[2:4] = port >> 8, port & 255
        address[4:8] = np.frombuffer(socket.inet_aton(host), np.uint8)

    def choose(self, rows: NDArray[np.intp]) -> None:
        """Say which rows `send` means, in order; rows of one socket stand together."""
        self._chosen = self._headers[rows]
        self._base = self._chosen.ctypes.data

    def send(self, fd: int, start: int, stop: int) -> int:
        """Send the chosen rows from `start` to `stop` through one socket; returns how many the kernel took."""
        done = start
        while done < stop:
            address = ctypes.c_void_p(self._base + done * _MMSGHDR.itemsize)
            count = int(_LIBC.sendmmsg(fd, address, min(1024, stop - done), _MSG_DONTWAIT))
            if count <= 0:
                # An error belongs to the first packet of the call (a route that is gone, say): pass over it,
                # but give up for this tick when the buffer is full.
                if ctypes.get_errno() in {11, 105}:  # EAGAIN, ENOBUFS
                    break
                done += 1
                continue
            done += count
        return done - start


class Ports:
    """The worker's UDP sockets: RTP on an even port, RTCP on the next (RFC 3550 section 11)."""

    def __init__(self, bind: str, port_min: int, port_max: int, count: int) -> None:
        """Open `count` pairs at the first free places of the range; `OSError` when it holds no pair."""
        self.rtp: list[socket.socket] = []
        self.rtcp: list[socket.socket] = []
        self.ports: list[int] = []
        self.overflows = 0
        self._seen_drops: list[int] = []
        self._ready = select.epoll()
        self._index: dict[int, int] = {}
        port = port_min + port_min % 2
        while len(self.rtp) < count and port + 1 <= port_max:
            pair = _pair(bind, port)
            if pair is not None:
                self._add(*pair, port)
            port += 2
        if not self.rtp:
            raise OSError(f"no free pair of ports from {port_min} to {port_max}")

    def _add(self, rtp: socket.socket, rtcp: socket.socket, port: int) -> None:
        self._index[rtp.fileno()] = len(self.rtp)
        self._index[rtcp.fileno()] = -1 - len(self.rtp)
        self._ready.register(rtp.fileno(), select.EPOLLIN)
        self._ready.register(rtcp.fileno(), select.EPOLLIN)
        self.rtp.append(rtp)
        self.rtcp.append(rtcp)
        self.ports.append(port)
        self._seen_drops.append(0)

    @property
    def room(self) -> int:
        """How many packets each socket can hold until it is read; what the kernel grants is often little."""
        return self.rtp[0].getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // _TRUE_SIZE

    def ready(self) -> list[tuple[int, int]]:
        """Return (fd, index) of sockets with something to read; an RTCP socket's index is -1 - its pair's."""
        return [(fd, self._index[fd]) for fd, _ in self._ready.poll(0)]

    def stamp(self, index: int, on: bool) -> None:
        """Whether the kernel says when it saw each packet of a pair's RTP."""
        self.rtp[index].setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, int(on))

    def note_drops(self, index: int, total: int) -> None:
        if total > self._seen_drops[index]:
            self.overflows += total - self._seen_drops[index]
            self._seen_drops[index] = total

    def close(self) -> None:
        self._ready.close()
        for each in (*self.rtp, *self.rtcp):
            each.close()


def _pair(bind: str, port: int) -> tuple[socket.socket, socket.socket] | None:
    opened: list[socket.socket] = []
    for number in (port, port + 1):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        opened.append(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        sock.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        # What is never cut needs no number (RFC 6864), and to choose one costs the kernel as much as a route.
        sock.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DO)
        try:
            sock.bind((bind, number))
        except OSError:
            for each in opened:
                each.close()
            return None
    return opened[0], opened[1]
