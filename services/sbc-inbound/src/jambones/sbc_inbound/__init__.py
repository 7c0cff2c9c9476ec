"""The edge: SIP from outside, admission, routing, media anchoring."""
