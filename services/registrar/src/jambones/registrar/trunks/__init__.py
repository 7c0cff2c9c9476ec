"""Supervision of trunks: one registrar of all pings gateways and keeps our registrations with carriers."""
