"""Hook payloads: snake_case keys, subtrees that stay as they are, the very text that is signed."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from jambones.common.hooks import encode, scalars, sign, snake, snake_keys


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("callSid", "call_sid"), ("call_sid", "call_sid"), ("CallSID", "call_sid"), ("SIPStatus", "sip_status"),
        ("X-Foo-Bar", "x_foo_bar"), ("X-foo", "x_foo"), ("b2bCall", "b2b_call"), ("a b.c", "a_b_c"), ("from", "from"),
        ("HTTPServer2Go", "http_server2_go"), ("-", "-"), ("", ""),
    ],
)  # fmt: skip
def test_names_become_snake_case(name: str, read: str) -> None:
    assert snake(name) == read


def test_keys_at_any_depth_are_changed_and_values_are_not() -> None:
    assert snake_keys({"aB": [{"cD": "eF"}, [{"gH": 1}]], "i-J": {"kL": "mN"}}) == {
        "a_b": [{"c_d": "eF"}, [{"g_h": 1}]],
        "i_j": {"k_l": "mN"},
    }


@pytest.mark.parametrize("name", ["customerData", "sip", "env_vars", "args"])
def test_these_subtrees_stay_as_they_are(name: str) -> None:
    tree = {"camelCase": {"X-Header": [1, {"innerKey": None}]}, "list": [{"aB": 1}]}

    assert snake_keys({name: tree}) == {name: tree}
    assert snake_keys({"outerKey": {name: tree}}) == {"outer_key": {name: tree}}


def test_what_is_not_known_is_left_out() -> None:
    assert snake_keys({"a": None, "b": {"c": None, "d": 0}, "e": False}) == {"b": {"d": 0}, "e": False}


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"a": 1.0, "b": 1.5, "c": 10**15 * 1.0}, '{"a":1,"b":1.5,"c":1000000000000000}'),
        ({"a": "Zoë 日本 /x"}, '{"a":"Zoë 日本 /x"}'),
        ({"customerData": {"n": 2.0, "deepKey": [3.0]}}, '{"customerData":{"n":2,"deepKey":[3]}}'),
        ({"a": '"\\\n'}, '{"a":"\\"\\\\\\n"}'),
        ({"a": True, "b": False}, '{"a":true,"b":false}'),
        ({"a": [5e-05, 1e-06, -1.5e-7, 0.0001, -0.0]}, '{"a":[0.00005,0.000001,-1.5e-7,0.0001,0]}'),
        ({"a": [2**53 + 1, 12345678901234567890, 1e21]}, '{"a":[9007199254740992,12345678901234567000,1e+21]}'),
        ({"a": 10**400}, '{"a":null}'),
        (
            {"customerData": {"b": 1e-05, "10": 1, "9": {"2": 0, "1": ""}, "09": 1}},
            '{"customerData":{"9":{"1":"","2":0},"10":1,"b":0.00001,"09":1}}',
        ),
    ],
)
def test_the_text_is_what_javascript_would_print(payload: dict[str, Any], text: str) -> None:
    assert encode(payload).decode() == text


def test_the_signature_can_be_computed_by_anybody_with_the_secret() -> None:
    body = encode({"callSid": "1", "from": "Zoë", "n": 1.0})
    text = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False)

    value = sign("wh_secret_abc", body, 1741000000)

    stamp, _, digest = value.partition(",v1=")
    assert stamp == "t=1741000000"
    assert digest == hmac.new(b"wh_secret_abc", b"1741000000." + text.encode(), hashlib.sha256).hexdigest()


def test_a_get_carries_flat_values_only() -> None:
    payload = {
        "callSid": "1",
        "n": 2.0,
        "ok": True,
        "sip": {},
        "customerData": {},
        "list": [1],
        "nested": {"a": 1},
        "none": None,
    }

    assert scalars(payload) == {"call_sid": "1", "n": "2", "ok": "true"}
