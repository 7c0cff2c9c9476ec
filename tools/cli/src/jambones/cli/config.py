"""Where the API is and with which token: a file that only its owner reads, or the environment."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

URL, TOKEN = "JAMBONES_CLI_URL", "JAMBONES_CLI_TOKEN"
DEFAULT_URL = "http://127.0.0.1:3000/v1"


@dataclass(frozen=True)
class Profile:
    """`token` is an API key, or the token of a user who logged in."""

    url: str = DEFAULT_URL
    token: str = ""


def path() -> Path:
    """The file: $XDG_CONFIG_HOME/jambones/config.json, usually below ~/.config."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "jambones" / "config.json"


def load() -> Profile:
    """The environment before the file. Raises ValueError when the file is unreadable."""
    stored: dict[str, str] = {}
    try:
        stored = json.loads(path().read_text("utf-8"))
    except FileNotFoundError:
        pass
    except ValueError as exc:
        raise ValueError(f"{path()} is not JSON") from exc
    return Profile(
        os.environ.get(URL) or stored.get("url") or DEFAULT_URL, os.environ.get(TOKEN) or stored.get("token") or ""
    )


def save(profile: Profile) -> Path:
    """Write the file anew, readable by its owner only from its first byte on."""
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = target.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(profile), file, indent=1)
    fresh.replace(target)
    return target


def forget() -> bool:
    """Remove the file; False when there is none."""
    try:
        path().unlink()
    except FileNotFoundError:
        return False
    return True
