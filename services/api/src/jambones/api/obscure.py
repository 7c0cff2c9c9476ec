"""Secrets as they are shown: the beginning in clear, the rest as X; and recognising one that comes back unchanged."""

import re

_OBSCURED = re.compile(r".{4,6}X+", re.DOTALL)


def obscured(text: str, keep: int = 6) -> str:
    """The first `keep` characters, then an X for each other one; a text no longer than that is shown as it is."""
    return text[:keep] + "X" * (len(text) - keep) if len(text) > keep else text


def is_obscured(text: str) -> bool:
    """Whether a caller sent back what `obscured` made: the stored secret is meant."""
    return _OBSCURED.fullmatch(text) is not None


def obscured_password(text: str) -> str:
    """A device's password: one character in clear."""
    return obscured(text, 1)
