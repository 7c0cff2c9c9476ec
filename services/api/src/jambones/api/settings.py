"""Settings of the REST API."""

from pathlib import Path

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
    rate_limit_account: int = Field(0, ge=0)
    """The same for all keys and users of an account, where its limit `api_rate` does not say another number."""
    admin_carrier: bool = False
    """Accounts may not make or change carriers, gateways and numbers."""
    count_limits: bool = False
    """Accounts may have 50 applications, 10 carriers, 150 gateways, 200 numbers."""
    min_gateway_netmask: int = Field(0, ge=0, le=32)
    """The widest network a gateway may be; 0 is any."""
    login_max_failures: int = Field(6, ge=1)
    login_window: int = Field(1800, ge=1)
    """Seconds that failed logins are counted, and that too many of them lock the user out."""
    record_days: int = Field(90, ge=1)
    """Days that call records and alerts are kept."""
    audit_days: int = Field(400, ge=90)
    """Days that the audit log is kept."""
    max_body: int = Field(1024 * 1024, ge=1024)
    """Bytes of a request body."""
    portal_url: str = "http://localhost:3001"
    """Where the portal is: links in mails lead there."""
    phone_directory: Path | None = None
    """A browser phone for trying (scripts/browser-phone puts one together), served at /phone/."""
    smtp_host: str = ""
    """Sends mail to users; without it nobody can reset a forgotten password."""
    smtp_port: int = Field(587, ge=1, le=65535)
    """465 is TLS from the start, others use STARTTLS when the server has it."""
    smtp_username: str = ""
    smtp_password: SecretStr | None = None
    smtp_from: str = "jambones <no-reply@localhost>"
