"""The feature server's settings, from JAMBONES_* variables."""

from pathlib import Path

from pydantic import Field

from jambones.common.settings import CommaList, SipSettings
from jambones.feature_server.verbs.listen_wire import SUBPROTOCOLS


class FeatureServerSettings(SipSettings):
    """What the feature server reads besides what every SIP process reads."""

    max_calls: int = Field(1000, ge=0)
    """Calls at once on this node; 0: no limit."""
    max_cps: float = Field(0, ge=0)
    """New calls a second; 0: no limit."""
    max_loop_lag: float = Field(0.2, ge=0)
    """Seconds the event loop may be late, three times in a row, before new calls are sent elsewhere."""
    max_tick_late: float = Field(0.02, ge=0)
    """Seconds that one media tick in ten may be late, over five seconds, before new calls are sent elsewhere.

    A few late ones do no harm, the far end's jitter buffer covers them; one in ten means that the machine is full.
    """
    max_call_duration: float = Field(10_800, gt=0)
    """Seconds after which an answered call is ended."""
    hook_timeout: float = Field(10, gt=0)
    """Seconds for an application's answer."""
    audio_timeout: float = Field(10, gt=0)
    """Seconds for a sound file to come."""
    audio_directory: Path | None = None
    """Where `file:` URLs of applications may point to; none: nowhere."""
    listen_subprotocols: CommaList = SUBPROTOCOLS
    """Sub-protocols offered to applications' audio sockets, the preferred first."""
    listen_timeout: float = Field(10, gt=0)
    """Seconds for an audio socket to connect."""
    flite_voice: str = "rms"
    """The built-in English voice: rms, slt, awb, kal."""
    api_url: str | None = None
    """The REST API as applications reach it; told to them in hooks."""

    media_workers: int = Field(1, ge=1, le=64)
    """Media processes; one a core left to media."""
    media_port_min: int = Field(25000, ge=1024, le=65534)
    media_port_max: int = Field(39000, ge=1025, le=65535)
    media_legs: int = Field(3000, ge=1)
    """Legs a media process takes."""
    media_release: bool = True
    """Whether the audio of a dial leaves the media engine where nothing needs it there."""
    rtp_timeout: float = Field(60, gt=0)
    """Seconds without a packet from the caller after which a call is ended."""
