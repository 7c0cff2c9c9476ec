"""The layout that every part relies on."""

import importlib

import pytest

PARTS = [
    "sip",
    "media",
    "sbc",
    "common",
    "testing",
    "api",
    "sbc_inbound",
    "sbc_outbound",
    "feature_server",
    "registrar",
    "local",
    "cli",
]


@pytest.mark.parametrize("part", PARTS)
def test_every_distribution_is_importable_from_the_namespace(part: str) -> None:
    assert importlib.import_module(f"jambones.{part}").__doc__
