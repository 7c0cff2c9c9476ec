"""gather: collect keys and speech, with a prompt or without. The rules are in `collecting`."""

import asyncio
from contextlib import suppress

from jambones.common.tasks import cancel
from jambones.common.verbs.gather import Gather
from jambones.feature_server.calls.collaborators import Heard, Hearing, VerbFailed
from jambones.feature_server.calls.leg import CallEvent, Digit, MediaEndpoint, Voice
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.verbs.collecting import (
    Collector,
    Do,
    Input,
    Key,
    PromptEnded,
    RecognitionFailed,
    Result,
    Rules,
    Talking,
    Tick,
)
from jambones.feature_server.verbs.later import tell_of_later
from jambones.feature_server.verbs.play import play_prompt
from jambones.feature_server.verbs.registry import Needs, runs
from jambones.feature_server.verbs.say import say_prompt

LATER = ("filler_noise", "action_hook_delay_action", "vad")
DEFAULT_TIMEOUT = 15.0
BARGE_IN = "barge-in"
"""The name of the gather that `config` runs beneath other verbs."""
INBOX_SIZE = 256  # events that wait while we act on one; far more than a caller can cause


def _early(verb: Gather) -> bool:
    prompt = verb.say or verb.play
    return bool(getattr(verb, "early_media", None) or (prompt is not None and prompt.early_media))


@runs(Gather, Needs.MEDIA, early=_early)
async def gather(verb: Gather, call: CallSession) -> None:
    """Ends with keys, speech or time; a hang-up or another script ends it without an action hook."""
    if (beneath := call.background.get(BARGE_IN)) is not None:
        below = call.variables.barge_in
        if "speech" not in verb.input or below is None or "speech" in below.input:
            return  # the background gather listens already
        call.variables.barge_in = None
        await cancel(beneath)
    endpoint = await call.media(early=_early(verb))
    tell_of_later(verb, LATER, call)
    result = await Gathering(verb, rules(verb, call), call, endpoint).collect()
    if result is not None:
        await call.ask(verb.action_hook, **result.payload())


def rules(verb: Gather, call: CallSession) -> Rules:
    """The verb's properties over those of the session."""
    wanted = {str(kind) for kind in verb.input or ("digits",)}
    recognizer = call.variables.recognizer_for(verb.recognizer)
    digits = bool(wanted & {"digits", "dtmf"})
    return Rules(
        digits=digits,
        speech="speech" in wanted,
        finish_on_key=verb.finish_on_key or "",
        num_digits=verb.num_digits,
        min_digits=verb.min_digits or 1,
        max_digits=verb.max_digits,
        inter_digit_timeout=verb.inter_digit_timeout,
        timeout=DEFAULT_TIMEOUT if verb.timeout is None else verb.timeout,
        bargein=bool(verb.bargein),
        dtmf_bargein=digits if verb.dtmf_bargein is None else verb.dtmf_bargein,
        min_words=1 if verb.min_bargein_word_count is None else verb.min_bargein_word_count,
        listen_during_prompt=verb.listen_during_prompt is not False,
        asr_timeout=getattr(recognizer, "asr_timeout", None) or 0.0,
        asr_termination_digit=getattr(recognizer, "asr_dtmf_termination_digit", None) or "",
        fast_timeout=getattr(recognizer, "fast_recognition_timeout", None) or 0.0,
        min_confidence=getattr(recognizer, "min_confidence", None) or 0.0,
    )


class Gathering:
    """The shell of a Collector: feeds it what the leg, the prompt and the recogniser do, and obeys it."""

    def __init__(
        self, verb: Gather, rules: Rules, call: CallSession, endpoint: MediaEndpoint, *, beneath: bool = False
    ) -> None:
        """`beneath` other verbs: what the caller does first stops the `say` or `play` that is heard then."""
        self._verb = verb
        self._beneath = beneath
        self._call = call
        self._endpoint = endpoint
        self._collector = Collector(rules, prompting=bool(verb.say or verb.play), beneath=beneath)
        self._inbox: asyncio.Queue[Input] = asyncio.Queue(INBOX_SIZE)
        self._prompt: asyncio.Task[None] | None = None
        self._ear: asyncio.Task[None] | None = None
        self._deaf = False

    async def collect(self) -> Result | None:
        """Until there is a result; None when speech alone was asked for and nothing can recognise it."""
        loop = asyncio.get_running_loop()
        collector = self._collector
        with self._call.listening(self._heard_event):
            try:
                if collector.prompting:
                    self._prompt = loop.create_task(self._say_prompt())
                self._obey(collector.start(loop.time()))
                while collector.result is None:
                    if self._deaf and not collector.rules.digits:
                        return None
                    todo = collector.handle(await self._next(collector.deadline), loop.time())
                    self._obey(todo)
                self._obey(collector.barge_in())
                return collector.result
            finally:
                await cancel(*(task for task in (self._prompt, self._ear) if task is not None))

    async def _next(self, deadline: float | None) -> Input:
        if deadline is None:
            return await self._inbox.get()
        try:
            async with asyncio.timeout_at(deadline):
                return await self._inbox.get()
        except TimeoutError:
            return Tick()

    def _put(self, happened: Input) -> None:
        with suppress(asyncio.QueueFull):
            self._inbox.put_nowait(happened)

    def _heard_event(self, event: CallEvent) -> None:
        match event:
            case Digit(digit, duration):
                collector = self._collector
                if collector.prompting and collector.listening and collector.rules.dtmf_bargein:
                    self._call.emit("dtmf-bargein-detected", verb="gather", dtmf=digit, duration=duration)
                self._put(Key(digit))
            case Voice(active=True):
                self._put(Talking())

    async def _say_prompt(self) -> None:
        try:
            if self._verb.say is not None:
                await say_prompt(self._verb.say, self._call, self._endpoint)
            elif self._verb.play is not None:
                await play_prompt(self._verb.play, self._call, self._endpoint)
        except VerbFailed as exc:
            self._call.alert(exc.alert, exc.message, **exc.data)
        finally:
            self._put(PromptEnded())

    def _obey(self, todo: list[Do]) -> None:
        for do in todo:
            match do:
                case Do.STOP_PROMPT:
                    if self._beneath:
                        self._call.interrupt()
                    if self._prompt is not None:
                        self._prompt.cancel()
                case Do.STOP_HEARING:
                    if self._ear is not None:
                        self._ear.cancel()
                case Do.START_HEARING:
                    self._ear = asyncio.get_running_loop().create_task(self._hear())

    async def _hear(self) -> None:
        call, verb = self._call, self._verb
        interim = bool(verb.partial_result_hook or verb.bargein or self._collector.rules.timeout > 0)
        hearing: Hearing | None = None
        try:
            if call.kit.ear is None:
                raise VerbFailed("no-stt", "no speech recogniser is configured")
            hearing = await call.kit.ear.listen(
                self._endpoint, call.variables.recognizer_for(verb.recognizer), interim=interim
            )
            async for heard in hearing:
                self._tell_partial(heard)
                self._put(heard)
        except VerbFailed as exc:
            call.alert(exc.alert, exc.message, **exc.data)
            if exc.alert == "stt-failure" and hearing is not None:
                self._put(RecognitionFailed(exc.message))
            else:
                self._deaf = True
                self._put(Tick())
        finally:
            if hearing is not None:
                await hearing.stop()

    def _tell_partial(self, heard: Heard) -> None:
        if not heard.final and self._verb.partial_result_hook is not None:
            self._call.tell(self._verb.partial_result_hook, of_verb=not self._beneath, speech=dict(heard.speech))
