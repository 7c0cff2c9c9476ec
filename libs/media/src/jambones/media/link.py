"""A worker process as its service holds it: start, commands out in batches, messages in, death noticed at once."""

import asyncio
import errno
import heapq
import logging
import socket
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from jambones.media.errors import MediaError, MediaGone
from jambones.media.messages import Message, Pulse, Ready, Refused, pack, unpack
from jambones.media.worker import WorkerSettings

log = logging.getLogger(__name__)
M = TypeVar("M", bound=Message)

_START_LIMIT = 15.0
_STOP_LIMIT = 3.0
_RECEIVE = 1 << 18


class Owner(Protocol):
    """Whoever has a row: it gets the messages about it."""

    def told(self, message: Message) -> None: ...

    def worker_lost(self, reason: str) -> None: ...


class WorkerLink:
    """One worker. It is used from the event loop only."""

    def __init__(
        self, index: int, settings: WorkerSettings, pool_fd: int, on_death: "Callable[[WorkerLink], None]"
    ) -> None:
        self.index = index
        self.settings = settings
        self.ports: list[int] = []
        self.pulse: Pulse | None = None
        self.alive = False
        self._pool_fd = pool_fd
        self._on_death = on_death
        self._loop = asyncio.get_running_loop()
        self._sock: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._commands: list[Message] = []
        self._datagrams: deque[bytes] = deque()
        self._flushing = False
        self._writing = False
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._next_reply = 0
        self._owners: dict[int, Owner] = {}
        self._free = list(range(settings.capacity))
        self._started: asyncio.Future[list[int]] | None = None
        self._far_ends: Counter[tuple[int, str, int]] = Counter()
        self._turn = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def legs(self) -> int:
        return len(self._owners)

    @property
    def room(self) -> int:
        return len(self._free) if self.alive else 0

    async def start(self) -> None:
        """Start the process and wait until its sockets are open. Raises MediaError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        with theirs:
            command = [sys.executable, "-m", "jambones.media", str(theirs.fileno()), str(self._pool_fd)]
            self._process = subprocess.Popen(  # noqa: S603, ASYNC220 - our own program; a few milliseconds, once
                [*command, str(self.settings)],
                pass_fds=(theirs.fileno(), self._pool_fd),
                stdin=subprocess.DEVNULL,
            )
        self._sock = ours
        self._started = self._loop.create_future()
        self._loop.add_reader(ours.fileno(), self._readable)
        try:
            async with asyncio.timeout(_START_LIMIT):
                self.ports = await self._started
        except TimeoutError:
            self._process.kill()
            await self._close()
            raise MediaError(f"media worker {self.index} does not start") from None
        except BaseException:
            await self._close()
            raise
        self.alive = True

    async def stop(self) -> None:
        """End the process: it sees that we are gone. Whoever waits for something of it is told."""
        self.alive = False
        self._disown("the media engine was closed")
        await self._close()

    def take(self, owner: Owner) -> int:
        """A free row, the lowest, so that the arrays stay short. Raises IndexError when there is none."""
        row = heapq.heappop(self._free)
        self._owners[row] = owner
        return row

    def give_back(self, row: int) -> None:
        if self._owners.pop(row, None) is not None:
            heapq.heappush(self._free, row)

    def socket_for(self, host: str, port: int) -> int:
        """The socket towards this remote address; one at which nobody has the same, if there is one."""
        count = len(self.ports)
        self._turn = (self._turn + 1) % count
        order = [(self._turn + step) % count for step in range(count)]
        chosen = min(order, key=lambda index: self._far_ends[index, host, port]) if port else order[0]
        if port:
            self._far_ends[chosen, host, port] += 1
        return chosen

    def free_socket(self, index: int, host: str, port: int) -> None:
        key = (index, host, port)
        self._far_ends[key] -= 1
        if self._far_ends[key] <= 0:
            del self._far_ends[key]

    def command(self, message: Message) -> None:
        """Send a command with the others of this turn of the loop."""
        if not self.alive:
            return
        self._commands.append(message)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    async def ask(self, make: Callable[[int], Message], kind: type[M]) -> M:
        """Send the question `make(reply)` and wait for its answer. Raises MediaGone, MediaError."""
        if not self.alive:
            raise MediaGone("the media worker is gone")
        self._next_reply += 1
        reply = self._next_reply
        future: asyncio.Future[Any] = self._loop.create_future()
        self._replies[reply] = future
        self.command(make(reply))
        try:
            answer = await future
        finally:
            self._replies.pop(reply, None)
        if isinstance(answer, Refused):
            raise MediaError(answer.reason)
        if not isinstance(answer, kind):
            raise MediaError(f"{type(answer).__name__} in answer to a question for {kind.__name__}")
        return answer

    def _flush(self) -> None:
        self._flushing = False
        if self._commands:
            self._datagrams.extend(pack(self._commands))
            self._commands.clear()
        sock = self._sock
        while self._datagrams and sock is not None:
            try:
                sock.send(self._datagrams[0], socket.MSG_NOSIGNAL)
            except BlockingIOError:
                if not self._writing:
                    self._writing = True
                    self._loop.add_writer(sock.fileno(), self._flush)
                return
            except OSError as exc:
                if exc.errno != errno.EMSGSIZE:
                    self._datagrams.clear()  # its end is noticed by the reader
                    return
                log.error("a command is too large for the worker", extra={"bytes": len(self._datagrams[0])})
            self._datagrams.popleft()
        if self._writing and sock is not None:
            self._writing = False
            self._loop.remove_writer(sock.fileno())

    def _readable(self) -> None:
        assert self._sock is not None
        while True:
            try:
                datagram = self._sock.recv(_RECEIVE)
            except BlockingIOError:
                return
            except OSError:
                datagram = b""
            if not datagram:
                self._died()
                return
            for message in unpack(datagram):
                try:
                    self._told(message)
                except Exception:
                    log.exception("handling a media message failed", extra={"kind": type(message).__name__})

    def _told(self, message: Message) -> None:
        match message:
            case Pulse():
                self.pulse = message
            case Ready(ports):
                if self._started is not None and not self._started.done():
                    self._started.set_result(ports)
            case Refused(0, reason):
                if self._started is not None and not self._started.done():
                    self._started.set_exception(MediaError(reason))
                else:
                    log.error("media worker refused a command", extra={"worker": self.index, "reason": reason})
            case _:
                reply = getattr(message, "reply", 0)
                if reply:
                    waiting = self._replies.get(reply)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(message)
                    return
                owner = self._owners.get(getattr(message, "row", -1))
                if owner is not None:
                    owner.told(message)

    def _died(self) -> None:
        assert self._sock is not None
        self._loop.remove_reader(self._sock.fileno())
        was_alive, self.alive = self.alive, False
        if self._started is not None and not self._started.done():
            self._started.set_exception(MediaError(f"media worker {self.index} ended while starting"))
        self._disown("the media worker died")
        if was_alive:
            self._on_death(self)

    def _disown(self, reason: str) -> None:
        for future in self._replies.values():
            if not future.done():
                future.set_exception(MediaGone(reason))
        owners, self._owners = list(self._owners.values()), {}
        for owner in owners:
            owner.worker_lost(reason)

    async def _close(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            self._loop.remove_reader(sock.fileno())
            self._loop.remove_writer(sock.fileno())
            sock.close()
        process = self._process
        if process is not None:
            await asyncio.to_thread(_reap, process)


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
