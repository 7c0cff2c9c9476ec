"""Passwords: hashing (argon2id) off the event loop, and the platform's rules for new ones."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from jambones.api.errors import bad
from jambones.common.db.platform import PasswordSettings

SPECIAL = "!@#$%^&*()_+-=[]{};':\"\\|,.<>/?"
LONGEST = 128
_hasher = PasswordHasher()
_at_once = asyncio.Semaphore(2)  # each takes tens of MiB and a processor
_DUMMY = "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$Nn6hnBXgYZ8RzUzQm9iAgvSBGwDDqn5IiBwYjmXyyIo"


async def hashed(password: str) -> str:
    """The argon2id hash with its parameters and salt."""
    async with _at_once:
        return await asyncio.to_thread(_hasher.hash, password)


async def matches(password: str, stored: str | None) -> bool:
    """Whether `password` is the one hashed; takes as long when there is none."""
    async with _at_once:
        return await asyncio.to_thread(_verify, password, stored or _DUMMY) and stored is not None


def _verify(password: str, stored: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False


def check(password: str, settings: PasswordSettings | None) -> None:
    """Raises Refused unless a new password follows the rules."""
    rules = settings or PasswordSettings()
    if len(password) > (LONGEST if settings is not None else 20):
        raise bad("password is too long")
    if len(password) < rules.min_password_length:
        raise bad(f"password must be at least {rules.min_password_length} characters")
    if rules.require_digit and not any(char.isdigit() for char in password):
        raise bad("password must contain at least one digit")
    if rules.require_special_character and not any(char in SPECIAL for char in password):
        raise bad("password must contain at least one special character")
