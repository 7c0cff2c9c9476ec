"""Objects that only the cycle collector would free: looking for them holds up an event loop, so calls leave none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def leaves_no_cycles() -> Iterator[None]:
    """Fails when objects of this project became unreachable inside the block without being freed at once."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield
        gc.collect()
        left = sorted({type(thing).__qualname__ for thing in gc.garbage if _ours(thing)})
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert left == [], left


def _ours(thing: object) -> bool:
    return type(thing).__module__.startswith("jambones.")
