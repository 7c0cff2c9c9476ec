"""The clip pool: audio ready to be sent, in memory that the workers share.

One anonymous file (`memfd`), mapped by the service to write and by each worker to read. A clip lies in it twice, as
mu-law and as A-law, each with a frame of silence behind. The pool keeps clips for whoever asks again; when room is
needed the least recently used go first, except those that somebody still holds.
"""

import hashlib
import mmap
import os
import weakref
from bisect import insort
from collections import OrderedDict
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jambones.media.codecs import LAWS
from jambones.media.messages import Segment

FRAME: Final = 160
RATE: Final = 8000


class PoolFull(Exception):
    """All of the pool is held by somebody, or the clip is larger than the pool."""


class Clip:
    """Audio in the pool; it stays there for as long as this is referenced. `samples` are at 8 kHz."""

    __slots__ = ("__weakref__", "key", "samples", "segment")

    def __init__(self, key: str, segment: Segment) -> None:
        self.key = key
        self.segment = segment
        self.samples = segment[2]

    @property
    def seconds(self) -> float:
        return self.samples / RATE


class ClipPool:
    """`size` bytes of shared memory; one second of audio takes 16 kB of it."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.fd = os.memfd_create("jambones-clips")
        os.ftruncate(self.fd, size)
        self._map = mmap.mmap(self.fd, size)
        self._memory: NDArray[np.uint8] = np.frombuffer(self._map, np.uint8)
        self._free: list[tuple[int, int]] = [(0, size)]  # (offset, bytes), in order, never touching
        self._kept: OrderedDict[str, Clip] = OrderedDict()
        self._alive: weakref.WeakValueDictionary[str, Clip] = weakref.WeakValueDictionary()

    def get(self, key: str) -> Clip | None:
        """The clip of this key, when it is still there."""
        clip = self._alive.get(key)
        if clip is not None:
            self._kept[key] = clip
            self._kept.move_to_end(key)
        return clip

    def add(self, key: str, audio: NDArray[np.int16]) -> Clip:
        """Put (n,) samples at 8 kHz into the pool, or find them there. Raises PoolFull."""
        if (known := self.get(key)) is not None:
            return known
        room = len(audio) + FRAME
        offset = self._take(2 * room)
        for index, law in enumerate(LAWS):
            start = offset + index * room
            self._memory[start : start + len(audio)] = law.encode(audio)
            self._memory[start + len(audio) : start + room] = law.silence
        clip = Clip(key, (offset, offset + room, len(audio)))
        weakref.finalize(clip, self._give_back, offset, 2 * room).atexit = False
        self._alive[key] = self._kept[key] = clip
        return clip

    def close(self) -> None:
        """Forget the clips; the memory goes when the last worker has unmapped it."""
        self._kept.clear()
        os.close(self.fd)

    def _take(self, size: int) -> int:
        while True:
            for index, (offset, room) in enumerate(self._free):
                if room >= size:
                    self._free[index : index + 1] = [(offset + size, room - size)] if room > size else []
                    return offset
            if not self._kept:
                raise PoolFull(f"no room for {size} bytes in a pool of {self.size}")
            self._kept.popitem(last=False)

    def _give_back(self, offset: int, size: int) -> None:
        insort(self._free, (offset, size))
        merged: list[tuple[int, int]] = []
        for at, room in self._free:
            if merged and sum(merged[-1]) == at:
                merged[-1] = (merged[-1][0], merged[-1][1] + room)
            else:
                merged.append((at, room))
        self._free = merged


def content_key(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
