"""Secrets at rest."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.common.secrets import KeyRing, SecretUnreadable

OLD, NEW = KeyRing.generate(), KeyRing.generate()


@given(st.text(), st.text(max_size=40))
def test_what_is_sealed_opens_in_its_place_only(plain: str, place: str) -> None:
    ring = KeyRing.parse(OLD)
    try:
        plain.encode()
        place.encode()
    except UnicodeEncodeError:
        return
    sealed = ring.seal(plain, place)

    assert ring.open(sealed, place) == plain
    with pytest.raises(SecretUnreadable):
        ring.open(sealed, place + "x")


def test_the_same_secret_never_looks_the_same() -> None:
    ring = KeyRing.parse(OLD)

    assert ring.seal("x", "a.b") != ring.seal("x", "a.b")


def test_a_new_key_reads_old_values_and_knows_them_as_stale() -> None:
    sealed = KeyRing.parse(OLD).seal("x", "a.b")
    both = KeyRing.parse(f"{NEW}, {OLD}")

    assert both.open(sealed, "a.b") == "x"
    assert both.stale(sealed)
    assert not both.stale(both.seal("x", "a.b"))
    with pytest.raises(SecretUnreadable):
        KeyRing.parse(NEW).open(sealed, "a.b")


def test_a_value_that_was_changed_anywhere_does_not_open() -> None:
    ring = KeyRing.parse(OLD)
    version, key, text = ring.seal("secret", "a.b").split(".")
    raw = bytearray(base64.urlsafe_b64decode(text))
    for index in range(len(raw)):
        raw[index] ^= 1
        with pytest.raises(SecretUnreadable):
            ring.open(f"{version}.{key}.{base64.urlsafe_b64encode(raw).decode()}", "a.b")
        raw[index] ^= 1


@pytest.mark.parametrize("sealed", ["", "plain", "j1.x.y", "j2.00000000.AAAA", "j1...", "ü.ü.ü"])
def test_rubbish_does_not_open_and_is_not_shown(sealed: str) -> None:
    with pytest.raises(SecretUnreadable) as caught:
        KeyRing.parse(OLD).open(sealed, "a.b")
    assert str(caught.value) == "secret unreadable"


@pytest.mark.parametrize("text", ["", " , ", "short"])
def test_a_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        KeyRing.parse(text)


def test_keys_may_be_base64_hexadecimal_or_words() -> None:
    raw = bytes(range(32))
    as_hex, as_text = KeyRing.parse(raw.hex()), KeyRing.parse(base64.b64encode(raw).decode())

    assert as_text.open(as_hex.seal("x", "a"), "a") == "x"
    words = KeyRing.parse("a long enough phrase")
    assert words.open(words.seal("x", "a"), "a") == "x"


def test_another_version_does_not_open() -> None:
    ring = KeyRing.parse(OLD)
    with pytest.raises(SecretUnreadable):
        ring.open(ring.seal("x", "a.b").replace("j1.", "j2.", 1), "a.b")
