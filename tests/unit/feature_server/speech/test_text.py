"""Texts to be spoken: markup off, pieces that are neither too long nor empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.feature_server.speech.text import LONGEST_PIECE, LONGEST_TEXT, pieces, plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello  there\n", "Hello there"),
        ("a < b & c > d", "a < b & c > d"),
        ("<speak>Hello <emphasis level='strong'>you</emphasis></speak>", "Hello you"),
        ("  <speak version='1.1'>Fish &amp; chips</speak>", "Fish & chips"),
        ("nul\0byte", "nul byte"),
        ("", ""),
    ],
)
def test_only_words_are_left(text: str, words: str) -> None:
    assert plain(text) == words


def test_breaks_and_paragraphs_are_pauses() -> None:
    assert pieces("<speak><p>One</p><p>Two</p>Three<break time='1s'/>Four</speak>") == ["One.", "Two. Three. Four"]


def test_sentences_are_pieces_and_the_first_ones_stay_short() -> None:
    found = pieces("One. Two! Three? Four. Five.")

    assert found[0] == "One."
    assert " ".join(found) == "One. Two! Three? Four. Five."


def test_a_long_text_is_cut_off_at_last() -> None:
    assert sum(map(len, pieces("word " * LONGEST_TEXT))) <= LONGEST_TEXT


@given(st.text(max_size=3000))
def test_nothing_is_lost_and_no_piece_is_too_long_or_empty(text: str) -> None:
    found = pieces(text)

    assert "".join("".join(found).split()) == "".join(plain(text).split())
    assert all(piece.strip() and len(piece) <= LONGEST_PIECE for piece in found)
