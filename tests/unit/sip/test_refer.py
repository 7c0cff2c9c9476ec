"""REFER, its notifications, and Replaces."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.events import Answered, Requested
from jambones.sip.grammar import GrammarError
from jambones.sip.leg import IncomingLeg, Leg
from jambones.sip.message import Request
from jambones.sip.refer import (
    ReferTo,
    Sipfrag,
    TransferProgress,
    progress_of,
    send_progress,
    send_refer,
    wants_progress,
)
from jambones.sip.replaces import Replaces
from jambones.sip.session_timer import SessionExpires
from jambones.sip.uri import Uri
from tests.support.sip_peer import SDP, Peer
from tests.support.virtual_time import in_virtual_time

# -- values


@pytest.mark.parametrize(
    "text", ["12345@192.0.2.1;to-tag=12345;from-tag=5FFE-3994", "a;to-tag=0;from-tag=1;early-only"]
)
def test_replaces_is_written_as_it_was_read(text: str) -> None:
    assert str(Replaces.parse(text)) == text


@pytest.mark.parametrize("text", ["", "a", "a;to-tag=1", "a;from-tag=1", ";to-tag=1;from-tag=2", "a;to-tag;from-tag=1"])
def test_replaces_needs_all_its_parts(text: str) -> None:
    with pytest.raises(GrammarError):
        Replaces.parse(text)


def test_a_target_with_replaces_survives_the_escapes() -> None:
    # As in RFC 5589 section 7.1.
    text = "<sips:carol@192.0.2.4?Replaces=090459243588173445%3Bto-tag%3D7553452%3Bfrom-tag%3D31431>"
    target = ReferTo.parse(text)
    assert target.replaces == Replaces("090459243588173445", "7553452", "31431")
    assert str(target.uri) == "sips:carol@192.0.2.4"
    assert target.method == "INVITE"
    made = ReferTo.to(Uri.parse("sips:carol@192.0.2.4"), target.replaces)
    assert ReferTo.parse(str(made)) == made
    assert made.replaces == target.replaces


@pytest.mark.parametrize("rows", [[], [("Refer-To", "<sip:a@b>"), ("Refer-To", "<sip:c@d>")], [("Refer-To", '"')]])
def test_a_refer_has_exactly_one_target(rows: list[tuple[str, str]]) -> None:
    with pytest.raises(GrammarError):
        ReferTo.of(Request("REFER", "sip:x", rows))


def test_a_target_may_be_short_or_name_a_method() -> None:
    assert ReferTo.of(Request("REFER", "sip:x", [("r", "sip:a@b;method=BYE")])).uri.host == "b"
    assert ReferTo.parse("<sip:a@b;method=BYE>").method == "BYE"
    assert str(ReferTo.parse("<sip:a@b;method=BYE>").uri) == "sip:a@b"


@pytest.mark.parametrize(
    ("body", "frag"),
    [
        (b"SIP/2.0 180 Ringing", Sipfrag(180, "Ringing")),
        (b"SIP/2.0 200 OK\r\nTo: x\r\n\r\n", Sipfrag(200, "OK")),
        (b"\r\nSIP/2.0 603\r\n", Sipfrag(603, "")),
    ],
)
def test_fragments(body: bytes, frag: Sipfrag) -> None:
    assert Sipfrag.parse(body) == frag
    assert Sipfrag.parse(bytes(frag)).status == frag.status


@pytest.mark.parametrize("body", [b"", b"hello", b"SIP/2.0 20 OK", b"SIP/2.0 999 x", b"INVITE sip:x SIP/2.0", b"\xff"])
def test_what_is_no_fragment(body: bytes) -> None:
    with pytest.raises(GrammarError):
        Sipfrag.parse(body)


def test_what_a_notification_says() -> None:
    def notify(body: bytes, *rows: tuple[str, str]) -> TransferProgress | None:
        return progress_of(Request("NOTIFY", "sip:x", rows, body))

    active, over = ("Subscription-State", "active;expires=10"), ("Subscription-State", "terminated;reason=noresource")
    assert notify(b"SIP/2.0 100 Trying", ("Event", "refer;id=7"), active) == TransferProgress(
        "active", Sipfrag(100, "Trying"), "7"
    )
    ended = notify(b"", ("Event", "refer"), over)
    assert ended is not None
    assert (ended.frag, ended.over) == (None, True)
    known = notify(b"SIP/2.0 486 Busy Here", ("o", "refer"), active)
    assert known is not None
    assert known.over
    assert notify(b"", ("Event", "presence"), active) is None
    assert progress_of(Request("INFO", "sip:x")) is None


@given(st.text(max_size=60), st.binary(max_size=60))
def test_no_text_raises_anything_but_grammar_errors(text: str, body: bytes) -> None:
    for parse in (Replaces.parse, ReferTo.parse, SessionExpires.parse):
        with suppress(GrammarError):
            parse(text)
    with suppress(GrammarError):
        Sipfrag.parse(body)
    with suppress(GrammarError):
        assert progress_of(Request("NOTIFY", "sip:x", [("Event", "refer;id"), ("Subscription-State", text)], body))


# -- in a dialog


async def unused(leg: IncomingLeg) -> None:
    raise AssertionError("nobody calls")


@in_virtual_time
async def test_we_refer_a_peer_and_hear_how_it_goes() -> None:
    async with Endpoint.open([], unused) as endpoint:
        peer = Peer(endpoint)
        leg = await peer.called()
        events = leg.events()
        assert isinstance(await anext(events), Answered)

        by = NameAddr(Uri.parse("sip:us@example.com"))
        asked = asyncio.create_task(send_refer(leg, ReferTo.parse("<sip:carol@example.com>"), referred_by=by))
        refer = await peer.hears_request("REFER")
        assert refer.headers.get("Refer-To") == "<sip:carol@example.com>"
        assert refer.headers.get("Referred-By") == "<sip:us@example.com>"
        assert wants_progress(refer)
        peer.answer(refer, 202)
        assert (await asked).status == 202

        for status, state in ((100, "active"), (200, "terminated")):
            rows = [("Event", "refer"), ("Subscription-State", state)]
            peer.says(peer.in_dialog("NOTIFY", leg, headers=rows, body=bytes(Sipfrag(status))))
            event = await anext(events)
            assert isinstance(event, Requested)
            progress = progress_of(event.request)
            assert progress is not None
            assert progress.frag is not None
            assert (progress.frag.status, progress.over) == (status, status == 200)
            await leg.respond(event, 200)
            await peer.hears(200)


@in_virtual_time
async def test_we_can_do_without_notifications() -> None:
    async with Endpoint.open([], unused) as endpoint:
        peer = Peer(endpoint)
        leg = await peer.called()
        asked = asyncio.create_task(send_refer(leg, ReferTo.parse("<sip:carol@example.com>"), subscribe=False))
        refer = await peer.hears_request("REFER")
        assert not wants_progress(refer)
        assert "norefersub" in refer.supported
        peer.answer(refer, 200)
        await asked


@in_virtual_time
async def test_we_tell_a_peer_how_its_refer_goes() -> None:
    async with Endpoint.open([], unused) as endpoint:
        peer = Peer(endpoint)
        leg = await peer.called()
        for frag, state in ((Sipfrag(180), "active;expires=60"), (Sipfrag(486), "terminated;reason=noresource")):
            telling = asyncio.create_task(send_progress(leg, frag))
            notify = await peer.hears_request("NOTIFY")
            assert notify.headers.get("Subscription-State") == state
            assert notify.headers.get("Content-Type") == "message/sipfrag;version=2.0"
            assert Sipfrag.parse(notify.body).status == frag.status
            peer.answer(notify, 200)
            assert (await telling).status == 200


# -- the dialog that is replaced


@in_virtual_time
async def test_a_leg_is_found_by_replaces_with_its_tags_in_either_order() -> None:
    legs: list[Leg] = []

    async def on_invite(leg: IncomingLeg) -> None:
        legs.append(leg)
        await leg.answer(SDP)
        await asyncio.Event().wait()

    async with Endpoint.open([], on_invite) as endpoint:
        peer = Peer(endpoint)
        response = await peer.calls()
        ours, theirs = response.to.tag or "", peer.tag

        assert endpoint.leg_for(Replaces("call-1", ours, theirs)) is legs[0]
        assert endpoint.leg_for(Replaces("call-1", theirs, ours)) is legs[0]
        assert endpoint.leg_for(Replaces("call-1", ours, theirs, early_only=True)) is None
        assert endpoint.leg_for(Replaces("call-1", ours, "other")) is None
        assert endpoint.leg_for(Replaces("call-2", ours, theirs)) is None
        await legs[0].hangup()
        assert endpoint.leg_for(Replaces("call-1", ours, theirs)) is None


@in_virtual_time
async def test_an_early_leg_is_replaced_only_where_we_called() -> None:
    ringing = asyncio.Event()

    async def on_invite(leg: IncomingLeg) -> None:
        await leg.progress(180)
        ringing.set()
        await asyncio.Event().wait()

    async with Endpoint.open([], on_invite) as endpoint:
        peer = Peer(endpoint)
        leg = await endpoint.invite(
            Uri("sip", "x", host="x.com"), from_=NameAddr(Uri("sip", "us", host="x")), sdp=SDP, flow=peer.flow
        )
        peer.answer(await peer.hears("INVITE"), 180)
        peer.says(peer.request("INVITE", body=SDP))
        incoming = await peer.hears_response(180)

        assert endpoint.leg_for(Replaces(leg.sip_call_id, leg.local_tag, peer.tag, early_only=True)) is leg
        assert endpoint.leg_for(Replaces("call-1", incoming.to.tag or "", peer.tag)) is None
