"""Scripts as applications send them: what is read, what is refused and with which words."""

import json
from typing import Any

import pytest

from jambones.common.verbs import Hook, ScriptError, parse_script, parse_verb
from jambones.common.verbs.agent import Agent
from jambones.common.verbs.catalogue import QUEUEING, VERBS, WAITING
from jambones.common.verbs.conference import Conference
from jambones.common.verbs.config import BargeIn, Config
from jambones.common.verbs.dial import Dial, DtmfCapture
from jambones.common.verbs.gather import Gather
from jambones.common.verbs.hangup import Hangup
from jambones.common.verbs.listen import Listen
from jambones.common.verbs.llm import Llm
from jambones.common.verbs.pause import Pause
from jambones.common.verbs.play import Play
from jambones.common.verbs.say import Say
from jambones.common.verbs.sip_decline import SipDecline
from jambones.common.verbs.target import PhoneTarget, SipTarget, TeamsTarget

SMALLEST: dict[str, dict[str, Any]] = {
    "agent": {"llm": {"vendor": "openai"}},
    "alert": {"message": "look"},
    "answer": {},
    "conference": {"name": "room"},
    "config": {},
    "dequeue": {"name": "support"},
    "dial": {"target": [{"type": "user", "name": "ann"}]},
    "dialogflow": {"project": "p", "lang": "en", "credentials": "{}"},
    "dtmf": {"dtmf": "1w2#"},
    "dub": {"action": "addTrack", "track": "a"},
    "enqueue": {"name": "support"},
    "gather": {},
    "hangup": {},
    "leave": {},
    "lex": {"botId": "b", "botAliasId": "a", "region": "eu-west-2"},
    "listen": {"url": "wss://a.example/"},
    "llm": {"vendor": "openai", "llmOptions": {}},
    "message": {"to": "1", "from": "2", "text": "hi"},
    "pause": {"length": 1},
    "play": {"url": "https://a.example/a.wav"},
    "rasa": {"url": "https://a.example/"},
    "redirect": {"actionHook": "/next"},
    "rest:dial": {"call_hook": "/start", "from": "1", "to": {"type": "phone", "number": "2"}},
    "say": {"text": "hello"},
    "sip:decline": {"status": 486},
    "sip:refer": {"referTo": "sip:b@b.example"},
    "sip:request": {"method": "INFO"},
    "tag": {"data": {"aB": 1}},
    "transcribe": {},
    "transfer": {"mode": "blind", "target": {"type": "phone", "number": "1"}},
}


@pytest.mark.parametrize("name", sorted(VERBS))
def test_both_shapes_of_every_verb_are_read_and_written_again(name: str) -> None:
    body = SMALLEST[name]
    flat, keyed = parse_script([{"verb": name, **body, "id": "x"}, {name: {**body, "id": "x"}}]).verbs
    assert keyed == flat
    assert flat.verb == name
    assert flat.id == "x"
    again = parse_script(json.loads(json.dumps([flat.wire()])))
    assert again.verbs == (flat,)
    assert again.notes == ()


@pytest.mark.parametrize("name", sorted(VERBS))
def test_a_verb_shows_which_properties_it_has_but_no_values(name: str) -> None:
    shown = repr(parse_verb({"verb": name, **SMALLEST[name], "id": "canary"}))
    assert "canary" not in shown
    assert "id" in shown


def test_shapes_may_be_mixed() -> None:
    script = parse_script([{"say": {"text": "a"}}, {"verb": "pause", "length": 1}, {"hangup": None}])
    assert script.verbs == (Say(text=("a",)), Pause(length=1), Hangup())


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({}, "script: must be an array of verbs, not an object"),
        (None, "script: must be an array of verbs, not null"),
        ("[]", "script: must be an array of verbs, not a string"),
        ([1], "item 0: must be an object, not a number"),
        ([{"pause": {"length": 1}, "say": {}}], "item 0: must have a verb property, or one key"),
        ([{}], "item 0: must have a verb property, or one key"),
        ([{"verb": 5}], "item 0: verb must be a string"),
        ([{"hangup": {}}, {"verb": "park"}], "item 1 (park): is not a verb"),
        ([{"verb": "sip:notify"}], "item 0 (sip:notify): is not a verb"),
        ([{"say": {}}], "item 0 (say): text is required unless stream is true"),
        ([{"say": {"text": 5}}], "item 0 (say): text[0] must be a string"),
        ([{"say": 5}], "item 0 (say): must be an object"),
        ([{"pause": {}}], "item 0 (pause): length is required"),
        ([{"pause": {"length": None}}], "item 0 (pause): length is required"),
        ([{"pause": {"length": "soon"}}], "item 0 (pause): length must be a number"),
        ([{"pause": {"length": True}}], "item 0 (pause): length must be a number"),
        ([{"pause": {"length": float("nan")}}], "item 0 (pause): length must be a finite number"),
        ([{"pause": {"length": 10**400}}], "item 0 (pause): length is too large"),
        ([{"play": {"url": None}}], "item 0 (play): url is required"),
        ([{"play": {"url": "a", "loop": "often"}}], 'item 0 (play): loop must be a whole number or "forever"'),
        ([{"gather": {"bargein": "yes"}}], "item 0 (gather): bargein must be true or false"),
        ([{"gather": {"numDigits": 1.5}}], "item 0 (gather): numDigits must be a whole number"),
        ([{"gather": {"input": ["touch"]}}], "item 0 (gather): input[0] must be 'digits' or 'speech'"),
        ([{"gather": {"say": {}}}], "item 0 (gather): say.text is required unless stream is true"),
        ([{"gather": {"actionHook": {"method": "GET"}}}], "item 0 (gather): actionHook.url is required"),
        ([{"gather": {"actionHook": 5}}], "item 0 (gather): actionHook must be an object"),
        ([{"redirect": {"actionHook": ""}}], "item 0 (redirect): actionHook.url must not be empty"),
        ([{"dial": {"target": []}}], "item 0 (dial): target must name 1 to 10 targets"),
        ([{"dial": {"target": [{"type": "phone"}]}}], "item 0 (dial): target[0].number is required"),
        ([{"dial": {"target": [{"number": "1"}]}}], "item 0 (dial): target[0].type is required"),
        ([{"dial": {"target": [{"type": "fax"}]}}], "item 0 (dial): target[0].type must be one of 'phone', 'sip'"),
        ([{"sip:decline": {"status": 200}}], "item 0 (sip:decline): status must be at least 400"),
        ([{"hangup": {"headers": {"X A": "b"}}}], "item 0 (hangup): headers has a header name that SIP does not allow"),
        ([{"hangup": {"headers": {"X-A": "b\r\nX: y"}}}], "item 0 (hangup): headers must not hold line breaks"),
        ([{"dtmf": {"dtmf": "call me"}}], "item 0 (dtmf): dtmf may hold only"),
        ([{"listen": {"url": "/x", "sampleRate": 9000}}], "item 0 (listen): sampleRate must be one of 8000"),
        ([{"config": {"listen": {"url": "/x"}}}], "item 0 (config): listen.enable is required"),
        ([{"config": {"actionHookDelayAction": {"actions": [{"hangup": {}}]}}}], "actions may hold only play, say"),
        ([{"message": {"to": "1", "from": "2"}}], "item 0 (message): text is required unless media is given"),
        ([{"hangup": {}}] * 1001, "script: has 1001 verbs; 1000 is the limit"),
    ],
)
def test_a_bad_script_is_refused_with_item_verb_property_and_reason(payload: Any, words: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse_script(payload)
    assert words in str(caught.value)


def test_an_error_names_everything_that_is_wrong_and_shows_no_values() -> None:
    with pytest.raises(ScriptError) as caught:
        parse_script([{"answer": {}}, {"pause": {"length": "canary"}}, {"play": {"url": 1, "loop": "canary"}}])
    error = caught.value
    assert (error.index, error.verb, error.property) == (1, "pause", "length")
    assert [problem.property for problem in error.problems] == ["length", "url[0]", "loop"]
    assert "canary" not in str(error)
    assert error.sip_status == 480
    assert error.alert == "invalid-app-payload"


def test_unknown_properties_are_noted_with_their_place() -> None:
    script = parse_script(
        [
            {"verb": "answer", "_": {"moved": True}},
            {
                "verb": "gather",
                "hook": "/x",
                "recognizer": {"vendor": "google", "fancy": 1},
                "say": {"text": "a", "mood": "happy"},
            },
            {"verb": "dial", "method": "GET", "target": [{"type": "phone", "number": "1", "colour": "red"}]},
        ]
    )
    assert [(note.index, note.verb, note.property) for note in script.notes] == [
        (1, "gather", "hook"),
        (1, "gather", "recognizer.fancy"),
        (1, "gather", "say.mood"),
        (2, "dial", "method"),
        (2, "dial", "target[0].colour"),
    ]


def test_numbers_and_flags_may_be_text() -> None:
    verb = parse_verb({"verb": "gather", "numDigits": "4", "timeout": "7.5", "bargein": "true", "dtmfBargein": "False"})
    assert isinstance(verb, Gather)
    assert (verb.num_digits, verb.timeout, verb.bargein, verb.dtmf_bargein) == (4, 7.5, True, False)


@pytest.mark.parametrize(("loop", "read"), [(0, 1), (-3, 1), ("2", 2), (3, 3), ("forever", "forever")])
def test_a_loop_is_at_least_once(loop: Any, read: Any) -> None:
    assert parse_verb({"play": {"url": "a", "loop": loop}}) == Play(url=("a",), loop=read)


def test_nested_bodies_may_be_plain_texts() -> None:
    gather = parse_verb({"gather": {"say": "hello", "play": ["a", "b"]}})
    assert isinstance(gather, Gather)
    assert gather.say == Say(text=("hello",))
    assert gather.play == Play(url=("a", "b"))
    assert parse_verb({"say": "hello"}) == Say(text=("hello",))


def test_a_hook_is_a_url_or_an_object() -> None:
    plain = parse_verb({"redirect": {"actionHook": "/next"}})
    full = parse_verb({"redirect": {"actionHook": {"url": "/next", "method": "get", "username": "u", "password": "p"}}})
    assert plain.wire()["actionHook"] == {"url": "/next", "method": "POST"}
    assert full.wire()["actionHook"] == {"url": "/next", "method": "GET", "username": "u", "password": "p"}
    assert parse_verb({"play": {"url": "a", "actionHook": ""}}) == Play(url=("a",))
    newest = {"url": "/next", "method": "GET", "basicAuth": {"username": "u", "password": "p"}}
    assert parse_verb({"redirect": {"actionHook": newest}}) == full


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"verb": "stream", "url": "/a"}, Listen(url="/a")),
        ({"verb": "stream", "url": "/a", "auth": {"username": "u", "password": "p"}}, None),
        ({"openai_s2s": {"llmOptions": {}}}, Llm(vendor="openai", llm_options={})),
        ({"openai_s2s": {"vendor": "google", "llmOptions": {}}}, Llm(vendor="google", llm_options={})),
        ({"voiceagent_s2s": {"llmOptions": {}}}, Llm(vendor="deepgram", llm_options={})),
        ({"sip_decline": {"status": 480}}, SipDecline(status=480)),
        ({"gather": {"input": ["dtmf", "digits", "speech"]}}, Gather(input=("digits", "speech"))),
        ({"say": {"streaming": True}}, Say(stream=True)),
        ({"play": {"url": []}}, Play(url=())),
        ({"pipeline": {"preflightLlm": True}}, Agent(early_generation=True)),
        ({"agent": {"llm": {}, "toolFiller": False}}, Agent(llm={})),
        ({"elevenlabs_s2s": {"auth": {"agent_id": "a"}}}, Llm(vendor="elevenlabs", auth={"agent_id": "a"})),
        ({"room": {"name": "r", "statusEvents": ["join", "say-start"]}}, Conference(name="r", status_events=("join",))),
        ({"config": {"reset": ["recognizer", "vad"]}}, Config(reset=("recognizer",))),
        ({"config": {"bargeIn": {"input": ["speech"]}}}, Config(barge_in=BargeIn(input=("speech",), enable=False))),
    ],
)
def test_other_spellings_mean_the_same(written: Any, meant: Any) -> None:
    verb = parse_verb(written)
    assert list(verb.unknown()) == []
    if meant is not None:
        assert verb == meant


def test_older_spellings_of_dial_and_config() -> None:
    target = {"type": "teams", "number": "1", "voicemail": True}
    dial = parse_verb(
        {
            "dial": {
                "action": "/done",
                "confirmUrl": "/ok",
                "confirmMethod": "GET",
                "target": target,
                "dtmfCapture": ["*1"],
            }
        }
    )
    assert isinstance(dial, Dial)
    assert dial.action_hook == Hook(url="/done")
    assert dial.confirm_hook == Hook(url="/ok", method="GET")
    assert dial.target == (TeamsTarget(number="1", vmail=True),)
    assert dial.dtmf_capture == DtmfCapture(child_call=("*1",), parent_call=("*1",))
    config = parse_verb(
        {
            "config": {
                "bargein": {"enable": True},
                "actionHookDelayAction": {
                    "enable": False,
                    "noResponseGiveupTimeout": 9,
                    "actions": [{"say": "one moment"}, {"verb": "play", "url": "a"}],
                    "giveUpActions": [{"hangup": {}}],
                },
                "boostAudioSignal": "6 dB",
            }
        }
    )
    assert isinstance(config, Config)
    assert config.barge_in is not None
    delay = config.action_hook_delay_action
    assert delay is not None
    assert (delay.enabled, delay.no_response_give_up_timeout) == (False, 9)
    assert delay.actions == (Say(text=("one moment",)), Play(url=("a",)))
    assert config.boost_audio_signal == 6
    assert parse_verb(config.wire()) == config


def test_the_same_target_is_called_once() -> None:
    dial = parse_verb(
        {
            "dial": {
                "target": [
                    {"type": "phone", "number": "1"},
                    {"type": "phone", "number": "1"},
                    {"type": "sip", "sipUri": "sip:a@a.example"},
                ]
            }
        }
    )
    assert isinstance(dial, Dial)
    assert dial.target == (PhoneTarget(number="1"), SipTarget(sip_uri="sip:a@a.example"))


@pytest.mark.parametrize(
    ("written", "tts", "stt"),
    [
        ("Google", "google", "google"),
        ("AWS", "aws", "aws"),
        ("polly", "aws", "aws"),
        ("azure", "microsoft", "microsoft"),
        ("openai", "whisper", "openai"),
        ("whisper", "whisper", "openai"),
        ("custom:MyVendor", "custom:MyVendor", "custom:MyVendor"),
    ],
)
def test_vendors_have_one_name_a_direction(written: str, tts: str, stt: str) -> None:
    gather = parse_verb(
        {"gather": {"say": {"text": "a", "synthesizer": {"vendor": written}}, "recognizer": {"vendor": written}}}
    )
    assert isinstance(gather, Gather)
    assert gather.say is not None
    assert gather.say.synthesizer is not None
    assert gather.recognizer is not None
    assert (gather.say.synthesizer.vendor, gather.recognizer.vendor) == (tts, stt)


def test_a_script_for_waiting_holds_only_what_may_be_heard_while_waiting() -> None:
    script = parse_script([{"say": "a"}, {"leave": {}}, {"hangup": {}}])
    assert script.outside(WAITING) == ("leave", "hangup")
    assert script.outside(QUEUEING) == ("hangup",)
    assert script.only(QUEUEING).verbs == script.verbs[:2]


def test_tag_keeps_its_data_as_it_is() -> None:
    data = {"someKey": {"Deep-Key": [None, 1.0, "ü"]}}
    assert parse_verb({"tag": {"data": data}}).wire() == {"verb": "tag", "data": data}


@pytest.mark.parametrize(
    "verb",
    [
        {"verb": "dtmf", "dtmf": "1" * 501},
        {"verb": "play", "url": ["silence_stream://10"] * 1001},
        {"verb": "say", "text": ["x"] * 1001},
    ],
)
def test_what_no_worker_can_be_told_at_once_is_refused(verb: dict[str, Any]) -> None:
    with pytest.raises(ScriptError):
        parse_script([verb])
