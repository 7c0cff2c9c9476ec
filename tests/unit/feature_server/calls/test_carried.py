"""Whether the packets of two legs may be passed on as they are."""

from dataclasses import replace
from typing import Any

import pytest

from jambones.feature_server.calls.carried import NOT_TOLD, Carried, in_the_way, stays_of
from jambones.sip.sdp import PCMA, PCMU, LocalMedia
from jambones.sip.sdp.offer_answer import answer, offer

HERE, THERE = LocalMedia("192.0.2.1", 4000, (PCMU, PCMA)), LocalMedia("192.0.2.2", 5000, (PCMA,))
LEG = Carried("", "PCMU", (0, 0), (101, 101))


def test_legs_that_agreed_on_the_same_need_nobody_between_them() -> None:
    assert in_the_way(LEG, LEG) == ""


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"stays": "no rtpengine"}, "no rtpengine"),
        ({"both_ways": False}, "hold"),
        ({"codec": "PCMA", "numbers": (8, 8)}, "codecs differ"),
        ({"numbers": (0, 96)}, "codecs differ"),
        ({"keys": (101, 96)}, "telephone-event differs"),
        ({"keys": (None, None)}, "telephone-event differs"),
        ({"packet_ms": 30}, "packet times differ"),
    ],
)
def test_what_differs_keeps_the_media_engine_between_them(change: dict[str, Any], why: str) -> None:
    assert in_the_way(LEG, replace(LEG, **change)) == why
    assert in_the_way(replace(LEG, **change), LEG) == why


def test_a_leg_is_read_from_what_was_agreed_on() -> None:
    _, agreed = answer(offer(THERE), HERE)
    assert Carried.of(agreed, "") == Carried("", "PCMA", (8, 8), (101, 101))
    assert Carried.of(None, "").stays == "no media"


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (None, NOT_TOLD),
        ("partial", ""),
        ("full;no rtpengine", "no rtpengine"),
        ("full", NOT_TOLD),
        ("something new", NOT_TOLD),
    ],
)
def test_the_sbc_says_whether_it_can(header: str | None, why: str) -> None:
    assert stays_of(header) == why
