"""What scripted parties of a call have in common: they hear, press, say and hang up, and note what happens."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jambones.common.bus.control import CallUpdated, UpdateCall
from jambones.common.ids import CallSid
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.leg import (
    CallEvent,
    Digit,
    Ended,
    Headers,
    Held,
    InDialog,
    LegGone,
    Listener,
    Reply,
    Requested,
    Transferred,
)
from jambones.feature_server.calls.reasons import EndedBy
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.control import update
from jambones.testing.endpoint import ScriptedEndpoint
from jambones.testing.platform import Ears
from jambones.testing.referral import ScriptedReferral
from jambones.testing.sound import Hearing
from jambones.testing.timeline import Timeline
from jambones.testing.virtual_time import settle

PATIENCE = 120.0  # virtual seconds a party listens for what it expects


@dataclass(frozen=True)
class SipRequest:
    """A request that the platform sent inside the call."""

    method: str
    headers: Mapping[str, str]
    body: str


class Party:
    """One end of the platform's calls, as a person and a telephone."""

    far_end = EndedBy.CALLER

    def __init__(self, name: str, timeline: Timeline) -> None:
        self._name = name
        self._timeline = timeline
        self._sounds: list[Hearing] = []
        self._cursor = 0
        self._listener: Listener | None = None
        self._ears: Ears | None = None
        self._session: CallSession | None = None
        self._endpoint = ScriptedEndpoint(self._on_sound, self._on_key)
        self.statuses: list[dict[str, Any]] = []
        """The payloads of the status events of this leg, in order, whether or not the application wants them."""
        self.keys = ""
        """The keys the party got, from the platform (verb dtmf) or from the other party."""
        self.sip_requests: list[SipRequest] = []
        """What the platform sent inside the call: `sip:request`, and REFER."""
        self.sip_answer = Reply(200, "OK")
        """What the party answers to them; a REFER is answered 202 where this is a 200."""
        self.answered = False
        self.gone = False
        self.status: int | None = None
        """The final SIP status of a refused call."""
        self.reason: str | None = None
        self.headers: dict[str, str] = {}
        """The extra headers of the refusal or of the BYE."""
        self.ending: Ending | None = None
        """How the platform sees the end; set when the call is over."""

    @property
    def released(self) -> bool:
        """Whether the party's audio goes past the platform's media engine now, to the one it is bridged with."""
        return self._endpoint.released

    @property
    def media_stays(self) -> str:
        """Why its audio cannot leave the media engine, if it cannot; to be set."""
        return self._endpoint.stays

    @media_stays.setter
    def media_stays(self, why: str) -> None:
        self._endpoint.stays = why

    # -- what the party does -----------------------------------------------------------------------------------

    def presses(self, keys: str, *, duration_ms: int = 100) -> None:
        """Press `keys`, all at this moment."""
        self.note(f"presses {keys}")
        for key in keys:
            self._tell(Digit(key, duration_ms))
            if (peer := self._endpoint.peer) is not None:
                peer.key(key)

    def says(self, words: str, *, confidence: float = 0.9, final: bool = True) -> None:
        """Say `words`: the recogniser that listens understands exactly them, and so does a party that is bridged."""
        self.note(f"says {words!r}")
        if self._ears is not None:
            self._ears.hear(self._endpoint, words, confidence=confidence, final=final)
        if (peer := self._endpoint.peer) is not None:
            peer.overhear(words)

    def speaks(self, pcm: bytes) -> None:
        """Speak 16-bit linear audio at 8 kHz, in real time from now on; a `listen` that runs brings it."""
        self.note(f"speaks for {len(pcm) / 16000:.2f} s")
        self._endpoint.mouth.speak(pcm)

    def hangs_up(self, headers: Mapping[str, str] | None = None) -> None:
        """BYE, or CANCEL when the call was not answered; `headers` are its extra headers."""
        if self.gone:
            return
        self.note("hangs up")
        self.gone = True
        status, reason = (200, "OK") if self.answered else (487, "Request Terminated")
        self._tell(Ended(self.far_end, status, reason, headers=dict(headers or {})))

    def holds(self, on: bool = True) -> None:
        """Put the call on hold, or (`on` false) take it back."""
        self.note("holds" if on else "takes the call back")
        self._tell(Held(on, InDialog("INVITE", {"from": f"<sip:{self._name}@test>", "to": "<sip:platform@test>"})))

    def sends(self, method: str, body: str = "", headers: Mapping[str, str] | None = None) -> None:
        """Send INFO, MESSAGE or NOTIFY inside the call."""
        self.note(f"sends {method}")
        self._tell(Requested(InDialog(method, dict(headers or {}), body)))

    async def refers(self, to: str, **details: str) -> int:
        """Send REFER; the status of the platform's answer. `details` are further attributes (`x_reason="busy"`)."""
        self.note(f"refers to {to}")
        referral = ScriptedReferral(to, details)
        self._tell(referral.event)
        async with asyncio.timeout(PATIENCE):
            return await referral.answer

    def reports(self, status: int, *, over: bool | None = None) -> None:
        """Tell how the call to the target of the platform's REFER goes (NOTIFY with a sipfrag)."""
        self.note(f"reports {status}")
        self._tell(Transferred(status, status >= 200 if over is None else over))

    async def is_changed(self, **changes: Any) -> CallUpdated:
        """Live call control of this leg, as over the REST API. Raises what the API answers with."""
        assert self._session is not None
        info = self._session.info
        self.note(f"live control: {', '.join(changes)}")
        answer = await update(
            self._session, UpdateCall(call_sid=info.call_sid, account_sid=info.account_sid, changes=changes)
        )
        await settle()
        return answer

    async def advance(self, seconds: float) -> None:
        """Let `seconds` of the call pass."""
        await asyncio.sleep(seconds)
        await settle()

    # -- what the party notices -------------------------------------------------------------------------------

    async def hears(self, text: str | re.Pattern[str], *, within: float = PATIENCE) -> str:
        """Wait until something with `text` in it was heard to its end; what came before it may be anything.

        For played files the text is their URL. Returns all of what was said. Fails after `within` seconds, when the
        call ends first, and when the sound was cut off.
        """
        hearing = await self._expect(text, within)
        await self._until(lambda: hearing.ended is not None, within, f"{_shown(text)} to end")
        if not hearing.whole:
            raise AssertionError(self._told(f"{_shown(text)} was cut off"))
        await settle()
        return hearing.sound.text

    async def starts_hearing(self, text: str | re.Pattern[str], *, within: float = PATIENCE) -> str:
        """Wait until something with `text` in it begins, in order to interrupt it."""
        return (await self._expect(text, within)).sound.text

    async def hears_nothing(self, seconds: float) -> None:
        """Fails when a sound is heard within the next `seconds`."""
        before = len(self._sounds)
        playing = [hearing for hearing in self._sounds if hearing.ended is None and not hearing.sound.silent]
        await self.advance(seconds)
        new = [hearing for hearing in self._sounds[before:] if not hearing.sound.silent]
        if playing or new:
            raise AssertionError(self._told(f"expected silence, heard {(playing + new)[0].sound.text!r}"))

    async def is_answered(self, *, within: float = PATIENCE) -> None:
        """Wait until the call is answered."""
        await self._until(lambda: self.answered, within, "the call to be answered")

    async def is_hung_up_on(self, *, within: float = PATIENCE) -> Ending:
        """Wait until the platform ends or refuses the call."""
        await self._until(lambda: self.ending is not None, within, "the platform to hang up")
        assert self.ending is not None
        return self.ending

    @property
    def heard(self) -> list[str]:
        """What was heard so far, cut off or not."""
        return [hearing.sound.text for hearing in self._sounds if not hearing.sound.silent]

    @property
    def pushed(self) -> bytes:
        """The audio that applications pushed to the caller over their sockets, as they sent it."""
        return bytes(self._endpoint.pushed)

    @property
    def status_words(self) -> list[str]:
        """The status events in short: ["trying/100", "in-progress/200", …]."""
        return [f"{event['call_status']}/{event['sip_status']}" for event in self.statuses]

    @property
    def is_muted(self) -> bool:
        """Whether nobody hears the party."""
        return self._endpoint.muted

    @property
    def call_sid(self) -> CallSid:
        assert self._session is not None
        return self._session.info.call_sid

    def note(self, text: str) -> None:
        """Add a line to the timeline, which failures show."""
        self._timeline.note(f"{self._name}: {text}" if self._name else text)

    def told(self) -> str:
        """The timeline as text."""
        return str(self._timeline)

    # -- the platform's side of the leg ------------------------------------------------------------------------

    def listen(self, listener: Listener) -> None:
        self._listener = listener

    async def hangup(self, headers: Headers = ()) -> None:
        self.gone, self.headers = True, dict(headers)
        self.note("the platform hangs up")

    async def request(
        self, method: str, *, headers: Headers = (), body: str = "", content_type: str | None = None
    ) -> Reply:
        self._still_there()
        kinds = {"Content-Type": content_type} if content_type is not None else {}
        self.sip_requests.append(SipRequest(method, {**dict(headers), **kinds}, body))
        self.note(f"gets {method}")
        return self.sip_answer

    async def refer(self, to: str, *, by: str | None, by_name: str | None, headers: Headers = ()) -> Reply:
        answer = await self.request(
            "REFER", headers=[("Refer-To", to), *([("Referred-By", by)] if by else []), *headers]
        )
        return Reply(202, "Accepted") if answer.status == 200 else answer

    def attach(self, session: CallSession, ears: Ears) -> None:
        self._session, self._ears = session, ears

    def over(self, ending: Ending) -> None:
        self.ending = ending
        self.note(f"over: {ending.by.value}, {ending.cause}")

    # -- inside ------------------------------------------------------------------------------------------------

    def _still_there(self) -> None:
        if self.gone:
            raise LegGone

    def _tell(self, event: CallEvent) -> None:
        if self._listener is not None:
            self._listener(event)

    def _on_sound(self, hearing: Hearing) -> None:
        if hearing.ended is None:
            self._sounds.append(hearing)
            self.note(f"hears {hearing.sound.text!r}")
        elif not hearing.whole:
            self.note(f"  cut off: {hearing.sound.text!r}")
        self._timeline.changed()

    def _on_key(self, key: str) -> None:
        self.keys += key
        self.note(f"gets the key {key}")

    async def _expect(self, text: str | re.Pattern[str], within: float) -> Hearing:
        def found() -> bool:
            while self._cursor < len(self._sounds):
                self._cursor += 1
                if _matches(text, self._sounds[self._cursor - 1].sound.text):
                    return True
            return False

        await self._until(found, within, f"to hear {_shown(text)}")
        return self._sounds[self._cursor - 1]

    async def _until(self, condition: Any, within: float, what: str) -> None:
        try:
            async with asyncio.timeout(within):
                while not condition():
                    if self.ending is not None:
                        raise AssertionError(self._told(f"the call ended while waiting for {what}"))
                    await self._timeline.until_changed()
        except TimeoutError:
            raise AssertionError(self._told(f"waited {within} s for {what}")) from None

    def _told(self, problem: str) -> str:
        return f"{problem}\n\n{self.told()}"


def _matches(wanted: str | re.Pattern[str], text: str) -> bool:
    return wanted in text if isinstance(wanted, str) else wanted.search(text) is not None


def _shown(wanted: str | re.Pattern[str]) -> str:
    return repr(wanted if isinstance(wanted, str) else wanted.pattern)
