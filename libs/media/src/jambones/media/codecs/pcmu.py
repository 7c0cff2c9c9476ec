"""G.711 mu-law (PCMU, ITU-T G.711 table 2): 14-bit magnitude, bias 33, all bits inverted on the wire."""

import numpy as np

from jambones.media.codecs.g711 import Law, Samples, nearest_codes

_BIAS = 0x84  # 33, in 16-bit scale
SILENCE = 0xFF


def _levels() -> Samples:
    code = ~np.arange(256, dtype=np.uint8)
    segment, step = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = (((step << 3) + _BIAS) << segment) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


_DECODE = _levels()
LAW = Law("PCMU", 0, SILENCE, _DECODE, nearest_codes(_DECODE, SILENCE))
