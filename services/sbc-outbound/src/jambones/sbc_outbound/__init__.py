"""Egress: calls towards users, carriers and SIP URIs."""
