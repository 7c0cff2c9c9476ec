"""The legs: who is in which row, where the peer is, what was negotiated. A row per leg, an array per property."""

import secrets
from typing import Final

import numpy as np

from jambones.media.codecs import SILENCE
from jambones.media.engine.remotes import Remotes, socket_key
from jambones.media.engine.sockets import Outbound, address_key, key_address
from jambones.media.messages import Open

NO_DTMF: Final = 255  # in place of a payload type
_NOTHING: Final = 0xFFFF

#: How sure we are of a leg's remote address.
UNLATCHED: Final = 0
LEARNT: Final = 1  # by its first packet, from an address that no SDP named
LATCHED: Final = 2  # packets came from the address in the SDP


class Legs:
    """Rows 0 to `capacity` - 1; `high` is one more than the highest in use."""

    def __init__(self, capacity: int, outbound: Outbound) -> None:
        self.capacity, self.high = capacity, 0
        self._out = outbound
        self.remotes = Remotes()
        self.active = np.zeros(capacity, np.bool_)
        self.law = np.zeros(capacity, np.uint8)
        self.silence = np.full(capacity, SILENCE[0], np.uint8)
        self.payload_type = np.zeros(capacity, np.uint8)  # that we send
        self.receive_payload_type = np.zeros(capacity, np.uint8)
        self.usual = np.full(capacity, _NOTHING, np.uint16)  # how audio for a leg begins, see `Inbound.kind`
        self.dtmf_payload_type = np.full(capacity, NO_DTMF, np.uint8)
        self.receive_dtmf_payload_type = np.full(capacity, NO_DTMF, np.uint8)
        self.socket = np.zeros(capacity, np.int64)
        self.sending = np.zeros(capacity, np.bool_)
        self.receiving = np.zeros(capacity, np.bool_)
        self.muted = np.zeros(capacity, np.bool_)
        self.latch = np.zeros(capacity, np.uint8)
        self.frames = np.full(capacity, 160, np.int32)
        self.remote: list[tuple[str, int]] = [("", 0)] * capacity
        self.rtcp_port: list[int] = [0] * capacity
        self._named: list[int] = [0] * capacity  # the key that the SDP gave
        self._learnt: list[int] = [0] * capacity
        self.unlatched: dict[int, set[int]] = {}  # our socket -> rows that wait for their first packet
        self.changed = True  # somebody came, went or moved: what is kept of the set of senders is stale

    def open(self, command: Open) -> None:
        """Fill a row, or change the one there when the command is not `fresh`."""
        row = command.row
        if not command.fresh:
            self._forget_remote(row)
        else:
            out = self._out
            out.sequence[row] = secrets.randbits(15)
            out.timestamp[row] = secrets.randbits(32)
            out.ssrc[row] = secrets.randbits(32)
            out.packets[row, 0] = 0x80
            self.muted[row] = False
        self.active[row] = True
        self.high = max(self.high, row + 1)
        self.law[row], self.silence[row] = command.law, SILENCE[command.law]
        self.payload_type[row], self.receive_payload_type[row] = command.payload_type, command.receive_payload_type
        self.dtmf_payload_type[row] = command.dtmf_payload_type
        self.receive_dtmf_payload_type[row] = command.receive_dtmf_payload_type
        self.socket[row] = command.socket
        self.frames[row] = command.frames
        self.remote[row], self.rtcp_port[row] = (command.host, command.port), command.rtcp_port
        known = command.port != 0
        self.sending[row], self.receiving[row] = command.send and known, command.receive
        self.usual[row] = 0x80 | command.receive_payload_type << 8 if command.receive else _NOTHING
        self.latch[row] = UNLATCHED
        self.changed = True
        if known:
            self._out.connect(row, command.host, command.port)
            key = socket_key(command.socket, address_key(command.host, command.port))
            # An address that another leg has stays its own: giving it up is for who has it.
            self._named[row] = key if self.remotes.add(key, row) else 0
            self.unlatched.setdefault(command.socket, set()).add(row)

    def close(self, row: int) -> None:
        self._forget_remote(row)
        self.active[row] = self.sending[row] = self.receiving[row] = False
        self.usual[row] = _NOTHING
        self.changed = True
        while self.high and not self.active[self.high - 1]:
            self.high -= 1

    def confirm(self, row: int) -> None:
        """A packet came from where the SDP said; whatever was learnt before is void."""
        if self._learnt[row]:
            self.remotes.remove(self._learnt[row])
            self._learnt[row] = 0
            host, port = key_address(self._named[row])
            self._move(row, host, port)
        self.latch[row] = LATCHED
        self.unlatched.get(int(self.socket[row]), set()).discard(row)

    def is_named(self, row: int, key: int) -> bool:
        return self._named[row] == key

    def learn(self, socket: int, host: str, port: int) -> int | None:
        """Find the leg whose peer must be behind this unknown address (symmetric RTP), and send there from now on.

        Only a leg that heard nothing so far is a candidate; of several on this socket, the one whose SDP named this
        host. None when that leaves none or more than one.
        """
        waiting = self.unlatched.get(socket)
        if not waiting:
            return None
        same_host = [row for row in waiting if self.remote[row][0] == host]
        candidates = same_host or list(waiting)
        if len(candidates) != 1:
            return None
        row = candidates[0]
        key = socket_key(socket, address_key(host, port))
        if not self.remotes.add(key, row):
            return None
        self._learnt[row] = key
        self.latch[row] = LEARNT
        waiting.discard(row)
        if self.rtcp_port[row] != self.remote[row][1]:
            self.rtcp_port[row] = port + 1
        else:
            self.rtcp_port[row] = port
        self._move(row, host, port)
        return row

    def _move(self, row: int, host: str, port: int) -> None:
        self.remote[row] = (host, port)
        self._out.connect(row, host, port)

    def _forget_remote(self, row: int) -> None:
        for keys in (self._named, self._learnt):
            if keys[row]:
                self.remotes.remove(keys[row])
                keys[row] = 0
        self.unlatched.get(int(self.socket[row]), set()).discard(row)
