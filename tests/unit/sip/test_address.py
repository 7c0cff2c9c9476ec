"""RFC 3261 section 20: addresses with names and parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.address import NameAddr
from jambones.sip.grammar import GrammarError
from jambones.sip.uri import Uri
from tests.unit.sip.test_uri import SIP_URIS, TOKENS, VALUES

NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20).filter(
    lambda t: t == t.strip()
)
ADDRESSES = st.builds(NameAddr, SIP_URIS, st.none() | NAMES, st.dictionaries(TOKENS, st.none() | VALUES, max_size=3))


@given(ADDRESSES)
def test_what_is_written_is_read_again_as_the_same(address: NameAddr) -> None:
    assert NameAddr.parse(str(address)) == address


@given(st.text(max_size=60))
def test_whatever_comes_is_read_or_refused_and_never_changes_when_written(text: str) -> None:
    try:
        address = NameAddr.parse(text)
    except GrammarError:
        return
    assert str(NameAddr.parse(str(address))) == str(address)


@pytest.mark.parametrize(
    ("text", "display", "uri", "params"),
    [
        ("<sip:a@h>;tag=1", None, "sip:a@h", {"tag": "1"}),
        ("sip:a@h;tag=1", None, "sip:a@h", {"tag": "1"}),
        ("<sip:a@h;lr>;tag=1", None, "sip:a@h;lr", {"tag": "1"}),
        ("Alice Liddell <sip:a@h>", "Alice Liddell", "sip:a@h", {}),
        ('"Liddell, Alice" <sip:a@h> ; tag = 1', "Liddell, Alice", "sip:a@h", {"tag": "1"}),
        (r'"say \"hi\" \\" <sip:a@h>', r'say "hi" \ '.rstrip(), "sip:a@h", {}),
        ('"<not> a uri"<sip:a@h>', "<not> a uri", "sip:a@h", {}),
        ('"Müller 日本" <sip:a@h>', "Müller 日本", "sip:a@h", {}),
        ("Müller <sip:a@h>", "Müller", "sip:a@h", {}),
        (
            'Anonymous <sip:anonymous@anonymous.invalid>;tag=x;y="a;b"',
            "Anonymous",
            "sip:anonymous@anonymous.invalid",
            {"tag": "x", "y": '"a;b"'},
        ),
        ("<tel:+1212;ext=4>;tag=1", None, "tel:+1212;ext=4", {"tag": "1"}),
        (
            '<sip:a@h>;+sip.instance="<urn:uuid:1>";reg-id=1',
            None,
            "sip:a@h",
            {"+sip.instance": '"<urn:uuid:1>"', "reg-id": "1"},
        ),
    ],
)
def test_forms_met_in_the_field(text: str, display: str | None, uri: str, params: dict[str, str]) -> None:
    address = NameAddr.parse(text)

    assert (address.display, str(address.uri), address.params) == (display, uri, params)


@pytest.mark.parametrize(
    "text", ["", "<>", "<sip:a@h", '"Alice <sip:a@h>', '"Alice" sip:a@h', "<sip:a@h> rubbish", "Alice", "*"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(GrammarError):
        NameAddr.parse(text)


def test_a_name_that_needs_quotes_gets_them_and_another_does_not() -> None:
    uri = Uri.parse("sip:a@h")

    assert str(NameAddr(uri, "Alice Liddell")) == "Alice Liddell <sip:a@h>"
    assert str(NameAddr(uri, 'The "Boss", Inc')) == '"The \\"Boss\\", Inc" <sip:a@h>'
    assert str(NameAddr(uri, "Müller")) == '"Müller" <sip:a@h>'


def test_tags_are_put_on_and_taken_off_in_a_copy() -> None:
    address = NameAddr.parse("<sip:a@h>;tag=1;x")

    assert str(address.with_tag("2")) == "<sip:a@h>;x;tag=2"
    assert str(address.with_tag(None)) == "<sip:a@h>;x"
    assert address.tag == "1"
