"""Figures in what rtpengine says of a session: any of them may be missing."""

from jambones.media.rtpengine import Reply


def packets(reply: Reply, tag: str) -> int:
    """RTP packets that came from the side with this tag."""
    tags = reply.get("tags")
    side = tags.get(tag) if isinstance(tags, dict) else None
    medias = side.get("medias") if isinstance(side, dict) else None
    total = 0
    for media in medias if isinstance(medias, list) else ():
        streams = media.get("streams") if isinstance(media, dict) else None
        for stream in streams if isinstance(streams, list) else ():
            stats = stream.get("stats") if isinstance(stream, dict) else None
            flags = stream.get("flags") if isinstance(stream, dict) else None
            if isinstance(stats, dict) and isinstance(flags, list) and "RTP" in flags:
                total += number(stats.get("packets")) or 0
    return total


def number(value: object) -> int | None:
    return value if isinstance(value, int) else None
