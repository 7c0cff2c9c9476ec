"""Random and mutated input for the SIP stack: whatever comes in, only its own errors come out.

python -m tests.fuzz.fuzz_sip [seconds] [seed]      plain Python, torture messages mutated at random
python -m tests.fuzz.fuzz_sip --atheris [options]   guided by coverage, where atheris is installed
"""

import random
import sys
import time

from jambones.sip.body import parts
from jambones.sip.digest import Authorization, Challenge, DigestError
from jambones.sip.grammar import GrammarError
from jambones.sip.message import Message, Request
from jambones.sip.parser import ParseError, parse
from jambones.sip.sdp import PCMA, PCMU, LocalMedia, NotAcceptable, SdpError, SessionDescription, answer
from jambones.sip.stream import FramingError, StreamFramer
from tests.data.sip.torture import CASES

LOCAL = LocalMedia("192.0.2.1", 4000, (PCMU, PCMA))
LONGEST = 65_535
_PIECES = (
    b"\r\n", b"\r\n ", b"\r\n\r\n", b"\0", b'"', b"\\", b"<", b">", b";", b",", b"=", b":", b"@", b"%", b"%00", b"?",
    b"&",    b"[::1]", b"[", b"sip:", b"tel:", b";tag=", b";branch=z9hG4bK", b"\xff\xfe", "é".encode(), b"-1",
    b"99999999999999999999",    b"Content-Length: 5\r\n", b"l: 0\r\n", b"Via: ", b"*", b"SIP/2.0", b"\t", b"   ",
    b"multipart/mixed;boundary=x",
    b"--x",
)  # fmt: skip


def exercise(data: bytes) -> None:
    """Take `data` as datagram and as stream and look at all that was understood; raises what should never be raised."""
    try:
        for framed in StreamFramer().feed(data):
            _look(framed, framed=True)
    except FramingError:
        pass
    _look(data, framed=False)


def _look(data: bytes, *, framed: bool) -> None:
    try:
        message = parse(data, framed=framed)
    except ParseError as error:
        if error.request is not None:
            bytes(error.request)
        return
    _accessors(message)
    written = bytes(message)
    again = parse(written)  # what we accepted, others must be able to read
    if bytes(again) != written:
        raise AssertionError("a message changes when it is sent on")


def _accessors(message: Message) -> None:
    for name in ("contact", "max_forwards", "content_type", "supported", "require", "record_route", "call_id", "via"):
        try:
            getattr(message, name)
        except GrammarError:
            continue
    for kind in (Challenge, Authorization):
        for name in ("Authorization", "Proxy-Authorization", "WWW-Authenticate"):
            try:
                kind.parse(message.headers.get(name) or "")
            except DigestError:
                continue
    if isinstance(message, Request):
        str(message.uri)
    if message.content_type is not None:
        parts(message.body, message.content_type)
    for body in (message.sdp, message.body):
        if body is None:
            continue
        try:
            description = SessionDescription.parse(body)
            SessionDescription.parse(bytes(description))
            answer(description, LOCAL)
        except (SdpError, NotAcceptable):
            continue


def mutate(rng: random.Random, data: bytes) -> bytes:
    """A few random changes: bytes flipped, stretches removed, doubled or swapped, troublesome pieces put in."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(changed) + 1)
        stretch = rng.randrange(1, 40)
        match rng.randrange(7):
            case 0 if at < len(changed):
                changed[at] = rng.randrange(256)
            case 1:
                del changed[at : at + stretch]
            case 2:
                changed[at:at] = changed[at : at + stretch]
            case 3:
                changed[at:at] = rng.choice(_PIECES)
            case 4:
                changed[at : at + stretch] = rng.choice(_PIECES)
            case 5:
                other = rng.choice(CASES).message
                start = rng.randrange(len(other))
                changed[at : at + stretch] = other[start : start + stretch]
            case _:
                changed[at:at] = rng.choice(_PIECES) * rng.randrange(1, 50)
    return bytes(changed[:LONGEST])


def run(seconds: float, seed: int) -> int:
    """Mutations tried within `seconds`; the input of a failure is printed."""
    rng = random.Random(seed)
    tried, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutate(rng, rng.choice(CASES).message)
        try:
            exercise(data)
        except Exception:
            print(f"input {tried} of seed {seed}: {data!r}", file=sys.stderr)
            raise
        tried += 1
    return tried


def run_guided() -> None:
    import atheris  # type: ignore[import-not-found]  # an optional tool, not among our dependencies

    atheris.instrument_all()
    atheris.Setup([argument for argument in sys.argv if argument != "--atheris"], exercise)
    atheris.Fuzz()


if __name__ == "__main__":
    if "--atheris" in sys.argv:
        run_guided()
    else:
        numbers = [float(argument) for argument in sys.argv[1:]]
        print(run(numbers[0] if numbers else 10.0, int(numbers[1]) if len(numbers) > 1 else random.randrange(2**32)))
