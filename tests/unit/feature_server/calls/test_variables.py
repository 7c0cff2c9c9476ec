"""What `config` says, laid over what held before, and over what a verb asks for itself."""

from jambones.common.verbs.speech import Recognizer, Synthesizer
from jambones.feature_server.calls.variables import Variables, laid_over


def test_only_what_config_says_changes() -> None:
    before = Synthesizer.model_validate({"vendor": "google", "language": "de-DE", "voice": "Anna", "label": "x"})
    said = Synthesizer.model_validate({"vendor": "default", "voice": "Hans", "language": "default"})

    assert laid_over(before, said) == Synthesizer(vendor="google", language="de-DE", voice="Hans", label="x")
    assert laid_over(None, said) is said


def test_a_recogniser_of_a_verb_takes_what_holds_for_all_and_keeps_what_it_says() -> None:
    session = Recognizer.model_validate(
        {"vendor": "google", "language": "de-DE", "hints": ["ja"], "asrTimeout": 2, "minConfidence": 0.5}
    )
    variables = Variables(recognizer=session)

    own = variables.recognizer_for(Recognizer.model_validate({"vendor": "deepgram", "asrTimeout": 1}))
    assert own is not None
    assert (own.vendor, own.language, own.asr_timeout, own.min_confidence) == ("deepgram", None, 1, None)
    assert [hint.phrase for hint in own.hints] == ["ja"]
    unnamed = variables.recognizer_for(Recognizer())
    assert unnamed is not None
    assert (unnamed.vendor, unnamed.language) == ("google", "de-DE")
    assert variables.recognizer_for(None) is session


def test_reset_goes_back_to_what_the_application_says() -> None:
    application = Synthesizer(vendor="google", voice="Anna")
    variables = Variables(default_synthesizer=application)
    variables.synthesizer = laid_over(variables.synthesizer, Synthesizer(voice="Hans"))

    assert variables.synthesizer == Synthesizer(vendor="google", voice="Hans")
    assert application.voice == "Anna"
