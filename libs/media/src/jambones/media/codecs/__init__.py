"""Audio codecs, one module each, and the tables that turn one G.711 law into the other."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from jambones.media.codecs import pcma, pcmu
from jambones.media.codecs.g711 import Law

PCMU: Final = 0
PCMA: Final = 1

#: The laws by the small index used in the engine's arrays: `LAWS[PCMU]`, `LAWS[PCMA]`.
LAWS: Final[tuple[Law, Law]] = (pcmu.LAW, pcma.LAW)

#: (2, 256) int16: what a code of either law sounds like.
DECODE: Final[NDArray[np.int16]] = np.stack([law.decode_table for law in LAWS])

#: (2, 256) uint8: a code of the law in row `i` said in the other law.
TRANSCODE: Final[NDArray[np.uint8]] = np.stack(
    [LAWS[1 - i].encode(law.decode_table) for i, law in enumerate(LAWS)],
)

#: (2,) uint8: the code of digital silence.
SILENCE: Final[NDArray[np.uint8]] = np.array([law.silence for law in LAWS], np.uint8)


def by_name(encoding: str) -> int | None:
    """Return the index of the law an SDP encoding name stands for (RFC 3551), or None."""
    for index, law in enumerate(LAWS):
        if law.name == encoding.upper():
            return index
    return None
