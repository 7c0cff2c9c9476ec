"""One side of a call, by direction. What both share is in ``half``, for a B2BUA joins two of them."""

from jambones.sip.half import Leg
from jambones.sip.uac import OutgoingLeg
from jambones.sip.uas import IncomingLeg

__all__ = ["IncomingLeg", "Leg", "OutgoingLeg"]
