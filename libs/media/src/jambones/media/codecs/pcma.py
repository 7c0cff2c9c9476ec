"""G.711 A-law (PCMA, ITU-T G.711 table 1): 13-bit magnitude, even bits inverted on the wire."""

import numpy as np

from jambones.media.codecs.g711 import Law, Samples, nearest_codes

SILENCE = 0xD5


def _levels() -> Samples:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    segment, step = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    base = (step << 4) + 8
    magnitude = np.where(segment == 0, base, (base + 0x100) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_DECODE = _levels()
LAW = Law("PCMA", 8, SILENCE, _DECODE, nearest_codes(_DECODE, SILENCE))
