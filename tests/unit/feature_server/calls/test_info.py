"""What applications are told of a call."""

from tests.support.calls import call_info


def test_only_what_is_known_is_told() -> None:
    payload = call_info(trunk_name="acme").payload()

    assert payload["originating_sip_trunk_name"] == "acme"
    assert (payload["call_status"], payload["sip_status"], payload["direction"]) == ("trying", 100, "inbound")
    assert not {"parent_call_sid", "customerData", "duration", "call_termination_by", "headers"} & set(payload)


def test_each_payload_is_a_dict_of_its_own() -> None:
    info = call_info()
    info.payload()["reason"] = "x"

    assert "reason" not in info.payload()


def test_the_end_is_told_only_when_it_is_over() -> None:
    info = call_info()
    info.terminated_by, info.duration, info.bye_headers = "caller", 3, {"X-A": "1"}
    assert "duration" not in info.payload()

    info.state.move(info.state.status.IN_PROGRESS, 200, "OK")
    info.state.end(200, "OK")

    payload = info.payload()
    assert (payload["call_termination_by"], payload["duration"], payload["headers"]) == ("caller", 3, {"X-A": "1"})


def test_numbers_do_not_show_when_it_is_printed() -> None:
    assert "+1555" not in repr(call_info())
