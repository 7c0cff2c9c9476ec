"""The dialog that a new call takes the place of: RFC 3891."""

from dataclasses import dataclass
from typing import Self

from jambones.sip.grammar import GrammarError, parse_params


@dataclass(frozen=True, slots=True)
class Replaces:
    """``to_tag`` is the local tag of whoever receives this, ``from_tag`` its remote one."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises GrammarError."""
        call_id, _, rest = text.partition(";")
        params = parse_params(rest)
        to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
        if not call_id.strip() or not to_tag or not from_tag:
            raise GrammarError("replaces", text)
        return cls(call_id.strip(), to_tag, from_tag, "early-only" in params)

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"
