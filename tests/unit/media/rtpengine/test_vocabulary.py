"""A misspelt word never reaches the daemon, which would ignore it."""

import pytest

from jambones.media.rtpengine.profiles import FEATURE_SERVER, PLAIN, SDES, WEBRTC, Profile
from jambones.media.rtpengine.vocabulary import UnknownWord, check


def test_known_options_pass_under_their_wire_names() -> None:
    assert check({"rtcp_mux": ["demux"], "transport-protocol": "RTP/AVP", "ptime": 20}) == {
        "rtcp-mux": ["demux"],
        "transport-protocol": "RTP/AVP",
        "ptime": 20,
    }
    codecs = {"strip": ["all"], "offer": ["PCMA", "opus/48000/2", "telephone-event"]}
    assert check({"codec": codecs}) == {"codec": codecs}


@pytest.mark.parametrize(
    "options",
    [
        {"flag": ["port-latching"]},
        {"flags": ["port-laching"]},
        {"flags": "port-latching"},
        {"flags": ["strict_source"]},
        {"ICE": "removed"},
        {"ICE": ["remove"]},
        {"ice": "remove"},
        {"SDES": "off"},
        {"SDES": ["no-AES_CM_128_HMAC_SHA1_81"]},
        {"transport-protocol": "RTP/SAVFP"},
        {"ptime": "20"},
        {"ptime": 0},
        {"codec": ["PCMU"]},
        {"codec": {"accepts": ["PCMU"]}},
        {"codec": {"mask": "G729"}},
        {"direction": ["public", "pri vate"]},
    ],
)
def test_anything_else_is_our_mistake(options: dict[str, object]) -> None:
    with pytest.raises(UnknownWord):
        check(options)  # type: ignore[arg-type]


@pytest.mark.parametrize("profile", [PLAIN, SDES, WEBRTC, FEATURE_SERVER])
@pytest.mark.parametrize("command", ["offer", "answer"])
def test_profiles_speak_the_vocabulary_and_leave_nothing_open(profile: Profile, command: str) -> None:
    options = check(profile.options(command, {}))

    assert {"transport-protocol", "ICE", "DTLS", "SDES", "rtcp-mux", "flags", "replace"} <= set(options)
    assert "port-latching" in options["flags"]  # type: ignore[operator]


def test_extra_flags_are_added_and_other_options_replaced() -> None:
    options = WEBRTC.options("answer", {"flags": ["strict-source", "port-latching"], "rtcp_mux": ["reject"]})

    assert options["flags"] == ("port-latching", "generate-mid", "strict-source")
    assert options["rtcp-mux"] == ["reject"]
    assert options["ICE"] == "default"
    assert WEBRTC.options("offer", {})["ICE"] == "force"
