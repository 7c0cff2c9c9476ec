"""Registrations of devices, and ours towards carriers."""
