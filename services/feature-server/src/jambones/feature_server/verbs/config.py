"""config: what holds for the rest of the call."""

import asyncio

from jambones.common.tasks import cancel
from jambones.common.verbs.config import BargeIn, Config
from jambones.common.verbs.gather import Gather
from jambones.feature_server.calls.leg import LegGone, MediaEndpoint
from jambones.feature_server.calls.reasons import GatherEnd
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.calls.variables import laid_over
from jambones.feature_server.verbs.gather import BARGE_IN, Gathering, rules
from jambones.feature_server.verbs.later import tell_of_later
from jambones.feature_server.verbs.listen import set_background
from jambones.feature_server.verbs.registry import runs

AGAIN = 1.0
"""Seconds before a recogniser that failed is tried again."""
LATER = (
    "tts_stream", "record", "transcribe", "amd", "filler_noise", "action_hook_delay_action",
    "boost_audio_signal", "vad", "noise_isolation", "turn_taking", "notify_stt_latency", "auto_stream_tts",
    "track_tts_playout",
)  # fmt: skip


@runs(Config)
async def config(verb: Config, call: CallSession) -> None:
    """Only what is given changes; what this server cannot do is an alert, and the rest is done."""
    variables = call.variables
    for name in verb.reset:
        setattr(variables, name, getattr(variables, f"default_{name}"))
    if verb.synthesizer is not None:
        variables.synthesizer = laid_over(variables.synthesizer, verb.synthesizer)
    if verb.recognizer is not None:
        variables.recognizer = laid_over(variables.recognizer, verb.recognizer)
    if verb.notify_events is not None:
        variables.notify_events = verb.notify_events
    if verb.disable_tts_cache is not None:
        variables.tts_cache = not verb.disable_tts_cache
    if verb.on_hold_music is not None:
        variables.on_hold_music = verb.on_hold_music or None
    if "sip_request_within_dialog_hook" in verb.model_fields_set:  # an empty one turns it off
        variables.sip_request_hook = verb.sip_request_within_dialog_hook
    if "refer_hook" in verb.model_fields_set:
        variables.refer_hook = verb.refer_hook
    if verb.early_media and not call.state.answered:
        await call.media(early=True)
    if verb.barge_in is not None:
        await _set_barge_in(verb.barge_in, call, early=verb.early_media)
    if verb.listen is not None:
        await set_background(verb.listen, call)
    tell_of_later(verb, LATER, call)


async def _set_barge_in(wanted: BargeIn, call: CallSession, *, early: bool) -> None:
    running = call.background.get(BARGE_IN)
    if running is not None:
        await cancel(running)
    call.variables.barge_in = wanted if wanted.enable else None
    if wanted.enable:
        endpoint = await call.media(early=early)
        call.background[BARGE_IN] = asyncio.get_running_loop().create_task(_beneath(wanted, call, endpoint))


async def _beneath(wanted: BargeIn, call: CallSession, endpoint: MediaEndpoint) -> None:
    try:
        await _listen(wanted, call, endpoint)
    except LegGone:
        return
    except Exception:
        call.log.exception("background gather failed")
    finally:
        _over(call)


def _over(call: CallSession) -> None:
    """Nobody listens in the background any more, unless another one has begun."""
    if call.background.get(BARGE_IN) is asyncio.current_task():
        del call.background[BARGE_IN]


async def _listen(wanted: BargeIn, call: CallSession, endpoint: MediaEndpoint) -> None:
    """Gather beneath the other verbs; an answer with verbs replaces them."""
    verb = Gather(
        action_hook=wanted.action_hook,
        partial_result_hook=wanted.partial_result_hook,
        input=wanted.input,
        finish_on_key=wanted.finish_on_key,
        num_digits=wanted.num_digits,
        min_digits=wanted.min_digits,
        max_digits=wanted.max_digits,
        inter_digit_timeout=wanted.inter_digit_timeout,
        bargein=True,
        dtmf_bargein=wanted.dtmf_bargein,
        min_bargein_word_count=wanted.min_bargein_word_count,
        timeout=0,
    )
    while True:
        result = await Gathering(verb, rules(verb, call), call, endpoint, beneath=True).collect()
        if result is None:
            return  # nothing can recognise speech here, and nothing ever will in this call
        if not wanted.sticky:
            _over(call)  # before the hook: the verbs of its answer may gather
        await call.ask(verb.action_hook, of_verb=False, **result.payload())
        if not wanted.sticky:
            return
        if result.reason is GatherEnd.ERROR:
            await asyncio.sleep(AGAIN)
