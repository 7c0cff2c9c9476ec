"""Whose packet is it: legs found by our socket and the remote address, for a whole batch by one binary search."""

import numpy as np
from numpy.typing import NDArray


def socket_key(socket: int, address: int) -> int:
    """Return the key of a remote address (see `sockets.address_key`) as met by one of our sockets."""
    return socket << 48 | address


class Remotes:
    """A sorted table of keys and the rows they lead to."""

    def __init__(self) -> None:
        self._keys = np.zeros(0, np.int64)
        self._rows = np.zeros(0, np.intp)

    def add(self, key: int, row: int) -> bool:
        """Lead a key to a row; false when another row has it already."""
        at = int(np.searchsorted(self._keys, key))
        if at < len(self._keys) and self._keys[at] == key:
            return bool(self._rows[at] == row)
        self._keys = np.insert(self._keys, at, key)
        self._rows = np.insert(self._rows, at, row)
        return True

    def remove(self, key: int) -> None:
        at = int(np.searchsorted(self._keys, key))
        if at < len(self._keys) and self._keys[at] == key:
            self._keys = np.delete(self._keys, at)
            self._rows = np.delete(self._rows, at)

    def find(self, keys: NDArray[np.int64]) -> NDArray[np.intp]:
        """Return (n,) rows, -1 where nobody has the key."""
        if not len(self._keys):
            return np.full(len(keys), -1, np.intp)
        at = np.searchsorted(self._keys, keys)
        at[at == len(self._keys)] = 0
        return np.where(self._keys[at] == keys, self._rows[at], -1)
