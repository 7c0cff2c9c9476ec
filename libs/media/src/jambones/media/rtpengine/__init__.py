"""rtpengine as a service of ours sees it: a cluster, sessions on it, and profiles of peers."""

from jambones.media.rtpengine.client import NgClient, Reply, Timing
from jambones.media.rtpengine.cluster import Node, RtpengineCluster, Session
from jambones.media.rtpengine.errors import (
    BadDescription,
    LoadLimit,
    NgError,
    NgUnreachable,
    NoRtpengine,
    UnknownCall,
)
from jambones.media.rtpengine.profiles import FEATURE_SERVER, PLAIN, SDES, WEBRTC, F, P, Profile, S, W
from jambones.media.rtpengine.vocabulary import UnknownWord

__all__ = [
    "FEATURE_SERVER",
    "PLAIN",
    "SDES",
    "WEBRTC",
    "BadDescription",
    "F",
    "LoadLimit",
    "NgClient",
    "NgError",
    "NgUnreachable",
    "NoRtpengine",
    "Node",
    "P",
    "Profile",
    "Reply",
    "RtpengineCluster",
    "S",
    "Session",
    "Timing",
    "UnknownCall",
    "UnknownWord",
    "W",
]
