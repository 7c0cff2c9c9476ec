"""RFC 3261 section 7.3: header rows, their names in every form, and lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.grammar import GrammarError, parse_params, quote, split_commas, unquote
from jambones.sip.headers import Headers, header_name


@pytest.mark.parametrize(
    ("compact", "name"),
    [
        ("i", "Call-ID"), ("f", "From"), ("t", "To"), ("v", "Via"), ("m", "Contact"), ("c", "Content-Type"),
        ("l", "Content-Length"), ("s", "Subject"), ("k", "Supported"), ("e", "Content-Encoding"), ("b", "Referred-By"),
        ("d", "Request-Disposition"), ("j", "Reject-Contact"), ("o", "Event"), ("r", "Refer-To"), ("u", "Allow-Events"),
        ("x", "Session-Expires"), ("a", "Accept-Contact"), ("y", "Identity"),
    ],
)  # fmt: skip
def test_compact_forms_are_their_long_ones(compact: str, name: str) -> None:
    headers = Headers([(compact, "1"), (compact.upper(), "2")])

    assert headers.get_all(name) == ["1", "2"]
    assert list(headers) == [(name, "1"), (name, "2")]


def test_names_are_found_in_any_case_and_leave_in_the_usual_one() -> None:
    headers = Headers([("CALL-id", "1"), ("x-Custom-THING", "2")])

    assert (headers.get("call-ID"), headers.get("X-CUSTOM-thing")) == ("1", "2")
    assert str(headers) == "Call-ID: 1\r\nx-Custom-THING: 2\r\n"
    assert "cAlL-iD" in headers
    assert "Absent" not in headers


@pytest.mark.parametrize("name", ["", " ", "a b", "a:b", "ä", "a\r\n", "a\0"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(GrammarError):
        header_name(name)


@pytest.mark.parametrize("value", ["a\r\nEvil: 1", "a\nb", "a\rb", "a\0b"])
def test_a_value_cannot_smuggle_another_header(value: str) -> None:
    headers = Headers()

    for put in (headers.add, headers.set):
        with pytest.raises(GrammarError):
            put("Subject", value)
    with pytest.raises(GrammarError):
        headers.extend([("Subject", value)])
    assert len(headers) == 0


def test_set_takes_the_place_of_the_first_row_and_drops_the_others() -> None:
    headers = Headers([("X-A", "1"), ("X-B", "2"), ("x-a", "3"), ("X-C", "4")])

    headers.set("X-A", "9")

    assert list(headers) == [("X-A", "9"), ("X-B", "2"), ("X-C", "4")]
    headers.set("X-D", "5")
    assert list(headers)[-1] == ("X-D", "5")


def test_the_topmost_row_is_changed_alone() -> None:
    headers = Headers([("Via", "1"), ("Via", "2")])

    headers.set_first("v", "one")
    headers.insert_first("Via", "zero")

    assert headers.get_all("Via") == ["zero", "one", "2"]


def test_rows_and_comma_lists_are_the_same_list() -> None:
    headers = Headers([("Route", "<sip:a;x=1,2>, <sip:b>"), ("Subject", "-"), ("Route", '"Last, First" <sip:c>')])

    assert headers.get_list("Route") == ["<sip:a;x=1,2>", "<sip:b>", '"Last, First" <sip:c>']


def test_tokens_are_lower_case_and_empty_ones_left_out() -> None:
    assert Headers([("k", "100rel, Timer,,"), ("Supported", "")]).tokens("Supported") == {"100rel", "timer"}


def test_removing_and_copying_leave_others_alone() -> None:
    headers = Headers([("X-A", "1"), ("X-B", "2")])
    copy = headers.copy()

    copy.remove("x-a")

    assert (list(copy), len(headers)) == ([("X-B", "2")], 2)
    assert Headers([("x-a", "1")]) == Headers([("X-A", "1")])


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12)))
def test_quoted_elements_survive_a_comma_list(texts: list[str]) -> None:
    joined = ", ".join(quote(text) for text in texts)

    assert [unquote(part) for part in split_commas(joined)] == texts


@pytest.mark.parametrize(
    ("text", "params"),
    [
        ("", {}),
        (";a=1;B;c=", {"a": "1", "b": None, "c": ""}),
        (' ; a = "x;y" ; b', {"a": '"x;y"', "b": None}),
        (";;a", {"a": None}),
    ],
)
def test_parameters(text: str, params: dict[str, str | None]) -> None:
    assert parse_params(text) == params


def test_a_quote_that_never_ends_is_refused() -> None:
    with pytest.raises(GrammarError):
        parse_params(';a="x')
    with pytest.raises(GrammarError):
        split_commas('"a, b')
