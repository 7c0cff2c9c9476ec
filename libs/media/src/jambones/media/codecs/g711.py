"""What both G.711 laws share: 256 codes, a table of their levels, and the nearest code of every sample."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
Samples = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Law:
    """One companding law as tables: `decode_table` (256,) int16 and `encode_table` (65536,) uint8."""

    name: str
    payload_type: int  # static, RFC 3551 section 6
    silence: int
    decode_table: Samples
    encode_table: Codes

    def decode(self, codes: Codes) -> Samples:
        """Turn codes of any shape into 16-bit linear samples of the same shape."""
        return self.decode_table[codes]

    def encode(self, samples: Samples) -> Codes:
        """Turn 16-bit linear samples of any shape into the nearest codes."""
        return self.encode_table[samples.view(np.uint16) if samples.dtype == np.int16 else samples.astype(np.uint16)]


def nearest_codes(levels: Samples, silence: int) -> Codes:
    """Return for each 16-bit pattern (as unsigned index) the code with the nearest level; a tie takes the lower one."""
    order = np.argsort(levels, kind="stable")
    ascending = levels[order].astype(np.int32)
    wanted = np.arange(-32768, 32768, dtype=np.int32)
    upper = np.clip(np.searchsorted(ascending, wanted), 1, 255)
    nearest = np.where(ascending[upper] - wanted < wanted - ascending[upper - 1], upper, upper - 1)
    codes = order[nearest].astype(np.uint8)
    codes[32768] = silence  # two codes are equally near to zero; speak the one that everybody calls silence
    return np.roll(codes, 32768)  # index by the two's complement pattern: 0..32767, then -32768..-1
