"""Private values: a token everywhere they are printed, themselves only where they must be."""

import json

from pydantic import BaseModel

from jambones.common import private
from jambones.common.private import Private, token

NUMBER = "+15550109999"


class Model(BaseModel):
    number: Private[str]
    many: list[Private[str]] = []


def test_no_way_of_printing_shows_the_value() -> None:
    value = Private(NUMBER)
    model = Model(number=value, many=[value])

    for text in (
        str(value),
        repr(value),
        f"{value}",
        f"{value:>20}",
        f"{value} {value!r}",
        str([value]),
        str(model),
        repr(model),
    ):
        assert NUMBER not in text
        assert token(NUMBER) in text


def test_the_token_is_the_same_for_the_same_value_and_depends_on_the_key() -> None:
    before = private._key
    try:
        private.use_key(b"one")
        first = token(NUMBER)
        assert token(NUMBER) == first != token("+1555")
        private.use_key(b"two")
        assert token(NUMBER) != first
    finally:
        private.use_key(before)


def test_json_holds_the_value_and_reads_it_back() -> None:
    model = Model(number=Private(NUMBER))

    assert json.loads(model.model_dump_json())["number"] == NUMBER
    assert Model.model_validate_json(model.model_dump_json()) == model
    assert isinstance(model.model_dump()["number"], Private)


def test_equal_values_are_equal_and_empty_ones_are_false() -> None:
    assert Private("a") == Private("a") != Private("b")
    assert Private("a") != "a"
    assert len({Private("a"), Private("a")}) == 1
    assert not Private("")
