"""RFC 3261 section 19.1 and RFC 3966: URIs read, written and compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.grammar import GrammarError, escape_user
from jambones.sip.uri import Uri

HOSTS = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
)
TOKENS = st.from_regex(r"[a-z0-9][a-z0-9.!%*_+~-]{0,8}", fullmatch=True)
VALUES = st.from_regex(r"[A-Za-z0-9.!*_+~-]{1,8}", fullmatch=True)
SIP_URIS = st.builds(
    Uri,
    st.sampled_from(["sip", "sips"]),
    st.none() | st.text(min_size=1, max_size=20).map(escape_user).filter(lambda t: "?" not in t),
    st.none(),
    HOSTS,
    st.none() | st.integers(0, 65535),
    st.dictionaries(TOKENS, st.none() | VALUES, max_size=3),
    st.dictionaries(TOKENS.filter(lambda t: "%" not in t), st.text(max_size=10), max_size=2),
)


@given(SIP_URIS)
def test_what_is_written_is_read_again_as_the_same(uri: Uri) -> None:
    assert Uri.parse(str(uri)) == uri


@given(st.text(min_size=1, max_size=30))
def test_any_text_can_be_a_user(text: str) -> None:
    uri = Uri.parse(str(Uri("sip", escape_user(text), host="example.com")))

    assert uri.user_text == text
    assert uri.host == "example.com"


@given(st.text(max_size=60))
def test_whatever_comes_is_read_or_refused_and_never_changes_when_written(text: str) -> None:
    try:
        uri = Uri.parse(text)
    except GrammarError:
        return
    assert Uri.parse(str(uri)) == uri


def test_every_part_is_found() -> None:
    uri = Uri.parse("sips:alice:secret@Example.COM:5061;transport=TCP;lr;maddr=192.0.2.1?Subject=a%20b&Replaces=x%3Bto")

    assert (uri.scheme, uri.user, uri.password) == ("sips", "alice", "secret")
    assert (uri.host, uri.port, uri.host_port) == ("Example.COM", 5061, "Example.COM:5061")
    assert uri.params == {"transport": "TCP", "lr": None, "maddr": "192.0.2.1"}
    assert (uri.transport, uri.is_loose) == ("tcp", True)
    assert uri.headers == {"Subject": "a b", "Replaces": "x;to"}


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("sip:[2001:db8::1]", "2001:db8::1", None),
        ("sip:bob@[2001:db8::1]:5070;lr", "2001:db8::1", 5070),
        ("sip:bob@[::ffff:192.0.2.1]", "::ffff:192.0.2.1", None),
        ("sip:registrar_1.default.svc", "registrar_1.default.svc", None),
    ],
)
def test_hosts_of_every_kind(text: str, host: str, port: int | None) -> None:
    uri = Uri.parse(text)

    assert (uri.host, uri.port) == (host, port)
    assert str(uri) == text


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("sip:+1-212-555;phone-context=x@h", "+1-212-555;phone-context=x"),
        ("sip:a?b@h", "a?b"),
        ("sip:%61lice@h", "alice"),
        ("sip:user%40home@h", "user@home"),
        ("sip:m%C3%BCller@h", "müller"),
        ("sip:müller@h", "müller"),
        ("sip:;@h", ";"),
    ],
)
def test_users_of_every_kind(text: str, user: str) -> None:
    assert Uri.parse(text).user_text == user
    assert str(Uri.parse(text)) == text


def test_a_tel_uri_keeps_its_number_and_parameters() -> None:
    uri = Uri.parse("TEL:+1-201-555-0123;ext=7;isub=x")

    assert (uri.scheme, uri.user, uri.host) == ("tel", "+1-201-555-0123", "")
    assert uri.params == {"ext": "7", "isub": "x"}
    assert not uri.is_sip
    assert str(uri) == "tel:+1-201-555-0123;ext=7;isub=x"


def test_another_scheme_is_kept_as_it_is() -> None:
    uri = Uri.parse("urn:service:sos;x=1")

    assert (uri.scheme, uri.user, uri.is_sip) == ("urn", "service:sos;x=1", False)
    assert str(uri) == "urn:service:sos;x=1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        "tel:",
        ":a@b",
        "sip:@host",
        "sip:user@",
        "sip:a b@host",
        "sip:a@host ",
        "sip:a@ho\tst",
        "sip:a@<host>",
        'sip:a@host"',
        "sip:a@host:port",
        "sip:a@host:65536",
        "sip:a@host:123456",
        "sip:a@[::1",
        "sip:a@::1",
        "sip:a@-host",
        "sip:a@host;=x",
        "sip:a@host?%0d%0aEvil=1",
        "1sip:a@host",
        "<sip:a@host>",
    ],
)
def test_what_is_no_uri_is_refused(text: str) -> None:
    with pytest.raises(GrammarError):
        Uri.parse(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("sip:%61lice@Example.com", "sip:alice@example.COM", True),
        ("sip:alice@h;transport=tcp", "sip:alice@h", True),
        ("sip:Alice@h", "sip:alice@h", False),
        ("sip:alice@h", "sip:alice@h:5060", False),
        ("sip:alice@h", "sips:alice@h", False),
        ("sip:alice@h", "sip:h", False),
    ],
)
def test_the_same_address(one: str, other: str, same: bool) -> None:
    assert Uri.parse(one).same_address(Uri.parse(other)) is same


def test_parameters_are_changed_in_a_copy() -> None:
    uri = Uri.parse("sip:a@h;transport=tcp?Subject=x")

    assert str(uri.with_params(lr=None, transport="ws")) == "sip:a@h;transport=ws;lr?Subject=x"
    assert str(uri.without("transport", "absent")) == "sip:a@h"
    assert str(uri) == "sip:a@h;transport=tcp?Subject=x"


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("tel:+1-201-555-0123", "+12015550123"),
        ("tel:7042;phone-context=example.com", "7042"),
        ("sip:+1(201)555.0123@example.com;user=phone", "+12015550123"),
        ("sip:1-800-flowers@example.com;user=phone", "1-800-flowers"),
        ("sip:john-doe@example.com", "john-doe"),
        ("sip:10-20@example.com", "10-20"),
        ("sip:%2B1201@example.com", "+1201"),
    ],
)
def test_numbers_are_compared_without_visual_separators(uri: str, number: str) -> None:
    assert Uri.parse(uri).number == number
