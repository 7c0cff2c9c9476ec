"""What travels on the bus: subjects from one template, tokens that any server takes, readers that know less."""

from typing import ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jambones.common.bus.event import Event, Kinds, decode_token, encode_token
from jambones.common.private import Private


class Started(Event):
    SUBJECT: ClassVar[str] = "things.{owner}.{name}"
    event: Literal["started"] = "started"
    owner: str
    name: Private[str]


class Ended(Started):
    event: Literal["ended"] = "ended"  # type: ignore[assignment]
    why: str = ""


class Lone(Event):
    SUBJECT: ClassVar[str] = "lone"
    n: int


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_a_token_and_comes_back(text: str) -> None:
    token = encode_token(text)

    assert decode_token(token) == text
    assert token
    assert not set(token) & set(" .*>:+\t\r\n")
    assert token.isascii()


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_two_texts_are_two_tokens(one: str, other: str) -> None:
    assert (encode_token(one) == encode_token(other)) is (one == other)


def test_the_subject_and_its_wildcards_come_from_the_template() -> None:
    event = Started(owner="a.b", name=Private("+1"))

    assert event.subject() == "things.a=2Eb.=2B1"
    assert Started.subject_for({}) == "things.*.*"
    assert Started.subject_for({"owner": "a.b"}) == "things.a=2Eb.*"


def test_readers_ignore_what_they_do_not_know() -> None:
    assert Started.decode(b'{"v":2,"owner":"a","name":"b","more":{"x":1}}') == Started(
        v=2, owner="a", name=Private("b")
    )


def test_what_cannot_be_read_is_not_shown() -> None:
    with pytest.raises(ValidationError) as caught:
        Lone.decode(b'{"n":"canary"}')
    assert "canary" not in str(caught.value)


def test_several_kinds_on_one_subject_are_told_apart() -> None:
    kinds = Kinds([Started, Ended])

    assert kinds.wildcards({"owner": "a"}) == ["things.a.*"]
    assert isinstance(kinds.decode(Ended(owner="a", name=Private("b")).encode()), Ended)
    assert type(kinds.decode(Started(owner="a", name=Private("b")).encode())) is Started
    assert kinds.decode(b'{"event":"paused"}') is None
    assert kinds.decode(b"{}") is None
    assert Kinds([Lone]).decode(b'{"n":1}') == Lone(n=1)
