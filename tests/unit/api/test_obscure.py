"""Secrets as they are shown."""

import pytest

from jambones.api.obscure import is_obscured, obscured, obscured_password


@pytest.mark.parametrize(("text", "shown"), [("abcdef12", "abcdefXX"), ("abcdef", "abcdef"), ("", "")])
def test_the_beginning_stays(text: str, shown: str) -> None:
    assert obscured(text) == shown


def test_a_password_keeps_one_character() -> None:
    assert obscured_password("sdf12412") == "sXXXXXXX"


@pytest.mark.parametrize(("text", "is_one"), [("abcdefXX", True), ("abcdef12", False), ("XX", False), ("", False)])
def test_what_was_obscured_is_recognised(text: str, is_one: bool) -> None:
    assert is_obscured(text) is is_one
