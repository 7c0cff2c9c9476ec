"""Settings of the REST API."""

from pydantic import Field, SecretStr

from jambones.common.settings import CommaList, ServiceSettings


class ApiSettings(ServiceSettings):
    """What the API reads besides the settings of every process."""

    api_cors_origins: CommaList = ("*",)
    api_url: str = ""
    """The public address of the API ("https://api.example.com/v1"); default: what the caller used."""
    jwt_secret: SecretStr | None = None
    """Signs the tokens of logged-in users; without it nobody can log in."""
    jwt_lifetime: int = Field(60, ge=1)
    """Minutes."""
    rate_limit: int = Field(0, ge=0)
    """Requests in five minutes for each API key or user; 0 is no limit."""
    record_days: int = Field(90, ge=1)
    """Days that call records and alerts are kept."""
    max_body: int = Field(1024 * 1024, ge=1024)
    """Bytes of a request body."""
    audio_cache_dir: str = ""
