"""Calls and verbs."""
