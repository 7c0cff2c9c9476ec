"""What can go wrong between us and rtpengine. `status` is the SIP status to answer where nobody knows better."""


class NgError(Exception):
    """rtpengine answered a command with an error."""

    status = 500

    def __init__(self, command: str, reason: str) -> None:
        super().__init__(f"{command}: {reason}")
        self.command = command
        self.reason = reason


class UnknownCall(NgError):
    """The session does not exist (any more): restarted, timed out or deleted. In a call the media are lost."""

    status = 481


class BadDescription(NgError):
    """rtpengine could not read the session description."""

    status = 488


class LoadLimit(NgError):
    """This rtpengine takes no new sessions now; another one may."""

    status = 503


class NgUnreachable(NgError):
    """No answer within the time allowed, or nobody listens there."""

    status = 503


class NoRtpengine(NgError):
    """There is no rtpengine left that takes the session."""

    status = 503

    def __init__(self, reason: str) -> None:
        super().__init__("offer", reason)


def from_reply(command: str, result: object, reason: str) -> NgError:
    """The error of a reply whose result is neither ok nor pong."""
    if result == "load limit":
        return LoadLimit(command, "load limit")
    lowered = reason.lower()
    if lowered.startswith("unknown call-id"):
        return UnknownCall(command, reason)
    if "out of ports" in lowered:
        return LoadLimit(command, reason)
    if "parse sdp" in lowered or "incomplete sdp" in lowered or "no sdp" in lowered:
        return BadDescription(command, reason)
    return NgError(command, reason or "no reason given")
