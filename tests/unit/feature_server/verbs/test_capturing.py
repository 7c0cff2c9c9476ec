"""Key sequences of a dial."""

from jambones.feature_server.verbs.capturing import Captured


def pressed(captured: Captured, *keys: tuple[str, float]) -> list[str | None]:
    return [captured.press(key, at) for key, at in keys]


def test_a_match_is_what_the_keys_end_with() -> None:
    assert pressed(Captured(("*2",)), ("1", 0), ("*", 1), ("2", 2)) == [None, None, "*2"]


def test_the_first_pattern_that_matches_is_reported() -> None:
    assert pressed(Captured(("2", "*2")), ("*", 0), ("2", 1)) == [None, "2"]


def test_a_match_does_not_clear_the_keys() -> None:
    assert pressed(Captured(("11", "111")), ("1", 0), ("1", 1), ("1", 2)) == [None, "11", "11"]


def test_three_seconds_without_a_key_clear_them() -> None:
    assert pressed(Captured(("12",)), ("1", 0), ("2", 3)) == [None, None]
    assert pressed(Captured(("12",)), ("1", 0), ("2", 2.9)) == [None, "12"]


def test_without_patterns_nothing_matches() -> None:
    assert pressed(Captured(()), ("1", 0)) == [None]
    assert pressed(Captured(("",)), ("1", 0)) == [None]
