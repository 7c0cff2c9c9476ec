"""A lean HTTP/1.1 load: keep-alive connections, each with one request on its way, answers checked by their status.

A client library would cost more than the server that is measured; this reads the head and counts the body.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Load:
    """`millis` are the times of the requests, sorted when the load is over."""

    seconds: float = 0.0
    failed: int = 0
    millis: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.millis) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        return self.millis[min(len(self.millis) - 1, int(len(self.millis) * share))] if self.millis else 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.millis) if self.millis else 0.0


def request(method: str, path: str, token: str = "", body: bytes = b"") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    head += [f"Authorization: Bearer {token}"] if token else []
    head += ["Content-Type: application/json"] if body else []
    return "\r\n".join([*head, "", ""]).encode() + body


async def load(port: int, make: Callable[[int], bytes], *, connections: int, seconds: float) -> Load:
    """Send `make(n)` for n = 0, 1, 2 … as fast as `connections` take answers."""
    result, clock, number = Load(), time.perf_counter, 0
    start = clock()
    until = start + seconds

    async def one() -> None:
        nonlocal number
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while (sent := clock()) < until:
                number += 1
                writer.write(make(number))
                head = await reader.readuntil(b"\r\n\r\n")
                lower = head.lower()
                mark = lower.find(b"content-length:")
                if mark >= 0:
                    await reader.readexactly(int(lower[mark + 15 : lower.index(b"\r\n", mark)]))
                result.millis.append((clock() - sent) * 1000)
                result.failed += not head.startswith(b"HTTP/1.1 2")
        finally:
            writer.close()

    await asyncio.gather(*[one() for _ in range(connections)])
    result.seconds = clock() - start
    result.millis.sort()
    return result
