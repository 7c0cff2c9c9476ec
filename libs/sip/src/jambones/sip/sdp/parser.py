"""Reading a session description: RFC 8866 section 5, liberal in what it takes.

Lines may end in LF alone, come in another order, or be unknown; only what leaves no usable description is an error.
"""

from dataclasses import dataclass, field

from jambones.sip.sdp.model import Attribute, Connection, Media, Origin, SdpError, SessionDescription

LONGEST = 65_536  # bytes
MOST_LINES = 2_000
MOST_MEDIA = 64
MOST_FORMATS = 128


@dataclass
class _Section:
    """Lines gathered for the session or for one m= section."""

    connection: Connection | None = None
    attributes: list[Attribute] = field(default_factory=list)
    lines: list[tuple[str, str]] = field(default_factory=list)

    def take(self, letter: str, value: str, letters: str) -> None:
        match letter:
            case "c":
                # Some media sections list several multicast addresses; only the first can be ours.
                self.connection = self.connection or Connection.parse(value)
            case "a":
                self.attributes.append(Attribute.parse(value))
            case _ if letter in letters:
                self.lines.append((letter, value))


def parse(body: bytes) -> SessionDescription:
    """Raises `SdpError`, nothing else."""
    if len(body) > LONGEST:
        raise SdpError("longer than 64 KiB")
    lines = [line for line in body.replace(b"\r", b"\n").split(b"\n") if line.strip(b" \t\0")]
    if len(lines) > MOST_LINES:
        raise SdpError("too many lines")
    session = _Section()
    media: list[tuple[str, _Section]] = []
    origin, name = Origin(), "-"
    for number, raw in enumerate(lines):
        text = raw.decode("utf-8", "surrogateescape").replace("\0", "")
        letter, equals, value = text[:1], text[1:2], text[2:].rstrip()
        if number == 0 and (letter, equals, value.strip()) != ("v", "=", "0"):
            raise SdpError("does not begin with v=0")
        if equals != "=":
            continue  # debris between lines
        if letter == "m":
            if len(media) >= MOST_MEDIA:
                raise SdpError("too many m= lines")
            media.append((value, _Section()))
        elif media:
            media[-1][1].take(letter, value, "ibk")
        elif letter == "o":
            origin = Origin.parse(value)
        elif letter == "s":
            name = value or "-"
        else:
            session.take(letter, value, "iuepbtrzk")
    if not lines:
        raise SdpError("empty")
    if not any(letter == "t" for letter, _ in session.lines):
        session.lines.append(("t", "0 0"))
    return SessionDescription(
        origin=origin,
        media=tuple(_media(value, section) for value, section in media),
        connection=session.connection,
        attributes=tuple(session.attributes),
        name=name,
        lines=tuple(session.lines),
    )


def _media(value: str, section: _Section) -> Media:
    words = value.split()
    if len(words) < 3:
        raise SdpError("unreadable m= line")
    kind, ports, proto, *formats = words
    if len(formats) > MOST_FORMATS:
        raise SdpError("too many formats")
    port, slash, count = ports.partition("/")
    if slash and not (count.isascii() and count.isdigit() and len(count) <= 5):
        raise SdpError("unreadable count of ports")
    if not (port.isascii() and port.isdigit() and len(port) <= 5) or int(port) > 65535:
        raise SdpError("unreadable port")
    return Media(
        kind=kind.lower(),
        port=int(port),
        proto=proto,
        formats=tuple(formats),
        attributes=tuple(section.attributes),
        connection=section.connection,
        port_count=max(int(count), 1) if slash else 1,
        lines=tuple(section.lines),
    )
