"""Texts to be spoken: markup taken off, cut into pieces that can be synthesised while the piece before is heard."""

import re
from html import unescape

LONGEST_TEXT = 20_000
LONGEST_PIECE = 400
_TAG = re.compile(r"<[^>]*>")
_BREAK = re.compile(r"<break\b[^>]*>|</(?:p|s)>", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+")
_SPACE = re.compile(r"\s+")


def plain(text: str) -> str:
    """`text` as words; of SSML only the words and pauses between them are left."""
    if text.lstrip().startswith("<speak"):
        text = unescape(_TAG.sub(" ", _BREAK.sub(". ", text)))
    return _SPACE.sub(" ", text.replace("\0", " ")).strip()[:LONGEST_TEXT]


def pieces(text: str) -> list[str]:
    """Sentences, short ones together, long ones cut at spaces."""
    found: list[str] = []
    for sentence in _SENTENCE.split(plain(text)):
        for part in _cut(sentence):
            # The first piece stays short, so that the caller hears something soon.
            if len(found) > 1 and len(found[-1]) + len(part) < LONGEST_PIECE:
                found[-1] = f"{found[-1]} {part}"
            elif part:
                found.append(part)
    return found


def _cut(sentence: str) -> list[str]:
    parts = []
    while len(sentence) > LONGEST_PIECE:
        at = sentence.rfind(" ", 0, LONGEST_PIECE)
        at = at if at > 0 else LONGEST_PIECE
        parts.append(sentence[:at].strip())
        sentence = sentence[at:].strip()
    return [*parts, sentence]
