"""name-addr and addr-spec with parameters: From, To, Contact, Route, Refer-To and their kin (RFC 3261 section 20)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Self

from jambones.sip.grammar import GrammarError, end_of_quoted, format_params, is_token, parse_params, quote, unquote
from jambones.sip.uri import Uri


@dataclass(frozen=True, slots=True)
class NameAddr:
    """A URI with an optional display name (unquoted, UTF-8) and header parameters."""

    uri: Uri
    display: str | None = None
    params: Mapping[str, str | None] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, text: str) -> "NameAddr":
        """Raises GrammarError (a ValueError)."""
        return _parse(text)

    @property
    def tag(self) -> str | None:
        return self.params.get("tag")

    def with_tag(self, tag: str | None) -> Self:
        params = {name: value for name, value in self.params.items() if name != "tag"}
        if tag is not None:
            params["tag"] = tag
        return replace(self, params=params)

    def __str__(self) -> str:
        params = format_params(self.params) if self.params else ""
        if not self.display:
            return f"<{self.uri}>{params}"
        words = self.display.split(" ")
        display = self.display if all(map(is_token, words)) else quote(self.display)
        return f"{display} <{self.uri}>{params}"


@lru_cache(maxsize=8192)
def _parse(text: str) -> NameAddr:
    text = text.strip()
    display: str | None = None
    if text.startswith('"'):
        end = end_of_quoted(text, 0)
        display = unquote(text[:end])
        text = text[end:].lstrip()
        if not text.startswith("<"):
            raise GrammarError("address", text)
    opening = text.find("<")
    if opening < 0:
        # Without angle brackets everything after ";" is the header's, and the URI may hold no "?" or ",".
        spec, _, params = text.partition(";")
        return NameAddr(Uri.parse(spec.strip()), None, parse_params(params))
    closing = text.find(">", opening)
    if closing < 0:
        raise GrammarError("address", text)
    if opening:
        display = text[:opening].strip()
    rest = text[closing + 1 :].strip()
    if rest and not rest.startswith(";"):
        raise GrammarError("address", text)
    return NameAddr(Uri.parse(text[opening + 1 : closing]), display or None, parse_params(rest))
