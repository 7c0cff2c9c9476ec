"""Where an account's recordings go: the credential of an object store, its secret obscured when it is shown."""

import json
from typing import Any

from jambones.api.errors import bad
from jambones.api.obscure import is_obscured, obscured
from jambones.common.private import Private

REQUIRED = {
    "aws_s3": ("access_key_id", "secret_access_key", "name", "region"),
    "s3_compatible": ("access_key_id", "secret_access_key", "name", "endpoint"),
    "google": ("service_key", "name"),
    "azure": ("name", "connection_string"),
}
OPTIONAL = {"aws_s3": ("tags",), "s3_compatible": ("region", "tags"), "google": ("tags",), "azure": ("tags",)}
SECRET = {
    "aws_s3": "secret_access_key",
    "s3_compatible": "secret_access_key",
    "google": "service_key",
    "azure": "connection_string",
}


def shown(stored: Private[str] | None) -> dict[str, Any] | None:
    """The credential as it goes out."""
    if stored is None:
        return None
    value: dict[str, Any] = json.loads(stored.reveal())
    name = SECRET.get(value.get("vendor", ""))
    if name and isinstance(value.get(name), str):
        value[name] = obscured(value[name])
    return value


def stored(given: dict[str, Any] | None, before: Private[str] | None) -> str | None:
    """What to keep of `given`; a secret that comes back obscured is the one of `before`. Raises Refused."""
    if given is None or given.get("vendor") in ("none", ""):
        return None
    vendor = given.get("vendor")
    if not isinstance(vendor, str) or vendor not in REQUIRED:
        raise bad(f"unknown storage vendor: {str(vendor)[:32]}")
    old: dict[str, Any] = json.loads(before.reveal()) if before is not None else {}
    value: dict[str, Any] = {"vendor": vendor}
    for name in REQUIRED[vendor]:
        item = given.get(name)
        if name == SECRET[vendor]:
            if isinstance(item, dict):
                item = json.dumps(item)
            if isinstance(item, str) and is_obscured(item) and old.get("vendor") == vendor:
                item = old.get(name)
        if not isinstance(item, str) or not item:
            raise bad(f"missing field bucket_credential.{name}")
        if len(item) > 8192:
            raise bad(f"bucket_credential.{name} is too long")
        value[name] = item
    value |= {name: given[name] for name in OPTIONAL[vendor] if given.get(name) is not None}
    return json.dumps(value)
