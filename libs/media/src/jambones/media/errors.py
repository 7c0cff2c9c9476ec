"""What goes wrong between a service and its media engine."""


class MediaError(Exception):
    """Media cannot do what was asked; the text says why."""


class MediaRefused(MediaError):
    """No leg: the description cannot be agreed on (488), or there is no room (503)."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class MediaGone(MediaError):
    """The leg is closed, or its worker died."""
