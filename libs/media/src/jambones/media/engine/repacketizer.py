"""Packets of another length than 20 ms, for the few peers that asked for it (`a=ptime`)."""


class Repacketizer:
    """Collects 20 ms frames of one leg and gives them out as packets of `samples`."""

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._held = bytearray()
        self._timestamp = 0  # of the first held sample

    def push(self, frame: bytes, timestamp: int) -> list[tuple[bytes, int]]:
        """Take a frame and its timestamp; returns packets ready to go as (payload, timestamp)."""
        if not self._held:
            self._timestamp = timestamp
        self._held += frame
        ready: list[tuple[bytes, int]] = []
        while len(self._held) >= self._samples:
            ready.append((bytes(self._held[: self._samples]), self._timestamp))
            del self._held[: self._samples]
            self._timestamp = (self._timestamp + self._samples) % 2**32
        return ready

    def drop(self) -> None:
        """Forget what is held: an event takes its place."""
        self._held.clear()
