"""Whose packet is it: legs found by our socket and the remote address, for a whole batch at once."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

_BITS: Final = 16
_SHIFT: Final = np.uint64(64 - _BITS)
_FACTOR: Final = np.uint64(0xC2B2AE3D27D4EB4F)  # odd, and spreads runs of ports and of hosts alike


def socket_key(socket: int, address: int) -> int:
    """Return the key of a remote address (see `sockets.address_key`) as met by one of our sockets."""
    return address + socket


class Remotes:
    """A sorted table of keys and the rows they lead to, and a hash table of places in it.

    Of keys with the same hash one has the place; the others take a binary search.
    """

    def __init__(self) -> None:
        self._keys = np.zeros(0, np.int64)
        self._rows = np.zeros(0, np.intp)
        self._places = np.zeros(1 << _BITS, np.int32)
        self._stale = False

    def add(self, key: int, row: int) -> bool:
        """Lead a key to a row; false when another row has it already."""
        at = int(np.searchsorted(self._keys, key))
        if at < len(self._keys) and self._keys[at] == key:
            return bool(self._rows[at] == row)
        self._keys = np.insert(self._keys, at, key)
        self._rows = np.insert(self._rows, at, row)
        self._stale = True
        return True

    def remove(self, key: int) -> None:
        at = int(np.searchsorted(self._keys, key))
        if at < len(self._keys) and self._keys[at] == key:
            self._keys = np.delete(self._keys, at)
            self._rows = np.delete(self._rows, at)
            self._stale = True

    def find(self, keys: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return (n,) rows, -1 where nobody has the key."""
        if not len(self._keys):
            return np.full(len(keys), -1, np.intp)
        if self._stale:
            self._places[:] = 0
            self._places[_hash(self._keys)] = np.arange(len(self._keys))
            self._stale = False
        at = self._places[_hash(keys)]
        rows: NDArray[np.intp] = self._rows[at]
        missed = np.flatnonzero(self._keys[at] != keys)
        if len(missed):
            rows[missed] = self._search(keys[missed])
        return rows

    def _search(self, keys: NDArray[np.int64]) -> NDArray[np.intp]:
        at = np.searchsorted(self._keys, keys)
        at[at == len(self._keys)] = 0
        return np.where(self._keys[at] == keys, self._rows[at], -1)


def _hash(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    return ((keys.view(np.uint64) * _FACTOR) >> _SHIFT).view(np.int64)
