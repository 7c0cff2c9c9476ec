"""Bodies of several parts (RFC 5621): finding the one part of a type in multipart/mixed and its kin."""

from jambones.sip.grammar import GrammarError, parse_params, unquote

_MAX_PARTS = 16


def media_type(content_type: str) -> str:
    """``Application/SDP;charset=x`` as ``application/sdp``."""
    return content_type.partition(";")[0].strip().lower()


def find_part(body: bytes, content_type: str | None, wanted: str) -> bytes | None:
    """The body itself, or the first part of it, that has the type ``wanted``; None when there is none."""
    if not body or not content_type:
        return None
    kind = media_type(content_type)
    if kind == wanted:
        return body
    if not kind.startswith("multipart/"):
        return None
    for part_type, part in parts(body, content_type):
        if media_type(part_type) == wanted:
            return part
    return None


def parts(body: bytes, content_type: str) -> list[tuple[str, bytes]]:
    """The parts of a multipart body as (content type, bytes). A damaged body gives the parts that can be read."""
    try:
        boundary = unquote(parse_params(content_type.partition(";")[2]).get("boundary") or "")
    except GrammarError:
        return []
    if not boundary:
        return []
    found: list[tuple[str, bytes]] = []
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    for section in sections[1 : _MAX_PARTS + 1]:
        if section.startswith(b"--"):
            break
        head, gap, content = section.partition(b"\r\n\r\n")
        if not gap:
            continue
        part_type = "text/plain"
        for line in head.decode("utf-8", "replace").split("\r\n"):
            name, _, value = line.partition(":")
            if name.strip().lower() in {"content-type", "c"}:
                part_type = value.strip()
        found.append((part_type, content))
    return found
