"""Regular expressions of tenants, met by digits of strangers: RE2, so that matching takes linear time."""

from typing import Protocol, cast

import re2  # type: ignore[import-untyped]

MEMORY = 1 << 20
"""Bytes that one compiled expression may take."""


class Expression(Protocol):
    """A compiled regular expression; None from `search` when the text does not match."""

    def search(self, text: str, /) -> object | None: ...


class BadExpression(ValueError):
    """Not an expression that RE2 knows."""


def compile_expression(text: str) -> Expression:
    """Raises BadExpression."""
    options = re2.Options()
    options.max_mem = MEMORY
    options.log_errors = False
    try:
        return cast(Expression, re2.compile(text, options))
    except re2.error as exc:
        raise BadExpression(str(exc)) from exc
