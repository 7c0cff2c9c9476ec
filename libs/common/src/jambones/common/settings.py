"""Settings: read once from JAMBONES_* environment variables into a frozen model.

A value may also come from a file, for secrets: JAMBONES_DB_DSN_FILE names a file that holds JAMBONES_DB_DSN. A
JAMBONES_* name that no part of the platform knows is an error, since it is most likely a misspelt one.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from jambones.common.ids import NodeId, new_sid

PREFIX = "JAMBONES_"


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


CommaList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Words between commas: "udp:127.0.0.1:5060,tcp:127.0.0.1:5060"; empty text is no word."""

# Names that the parts declare in settings classes of their own. They are here so that one environment can serve all
# processes: a name of another part is no misspelling. A test keeps the list to what the classes declare.
OTHER_PARTS = frozenset(
    {
        # several parts
        "account_max_cps", "api_url", "fs_lost_after", "max_calls", "max_cps", "max_loop_lag", "private_cidrs",
        "private_listen", "reconcile_every", "ring_timeout",
        # the edge
        "advertise", "blocked_sources", "device_app_first", "flow_grace", "fs_attempts", "fs_timeout",
        "scanner_action", "scanner_agents", "source_burst", "source_rate", "trust_registered_flows",
        "trusted_http_proxies", "trusted_sip_proxies", "unknown_sources", "user_calling", "ws_origins",
        # the egress
        "allowed_targets", "invite_timeout", "own_domains", "session_expires",
        # feature servers
        "audio_directory", "audio_timeout", "flite_voice", "hook_timeout", "listen_subprotocols", "listen_timeout",
        "max_call_duration", "max_tick_late", "media_legs", "media_port_max", "media_port_min", "media_release",
        "media_workers", "rtp_timeout",
        # the registrar
        "auth_failures", "auth_failures_user", "block_seconds", "challenge_sha256", "default_expires",
        "edge_lost_after", "exclusive_contact", "leader_lease", "max_contacts", "max_expires", "max_expires_stream",
        "min_expires", "nat_expires", "nonce_lifetime", "options_ping_interval", "ping_timeout", "ping_ttl",
        "registration_hook_timeout", "sweep_every", "trunk_expires", "trunk_spread",
        # the API
        "admin_carrier", "api_cors_origins", "audit_days", "count_limits", "jwt_lifetime", "jwt_secret",
        "login_max_failures", "login_window", "max_body", "min_gateway_netmask", "phone_directory", "portal_url",
        "rate_limit", "rate_limit_account", "record_days", "smtp_from", "smtp_host", "smtp_password", "smtp_port",
        "smtp_username",
        # the command line
        "cli_token", "cli_url",
    }
)  # fmt: skip


class SettingsError(ValueError):
    """The environment cannot be used; the text has one line a problem."""


class ServiceSettings(BaseSettings):
    """What every process reads. A service derives its own settings from it and declares what it needs besides."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True
    )

    cluster: str = "default"
    node_id: NodeId = Field(default_factory=lambda: NodeId(new_sid()[:8]))
    zone: str = ""
    """Nodes of the same zone are preferred."""

    nats_urls: CommaList = ("nats://127.0.0.1:4222",)
    nats_creds: Path | None = None
    """A NATS credentials file."""
    nats_replicas: int = Field(1, ge=1, le=5)
    """Copies of each stream and bucket in a cluster of NATS servers."""
    spool_dir: Path = Path("~/.local/state/jambones/spool")
    """Where call records wait on disk while NATS is away."""
    spool_max_bytes: int = Field(256 * 1024 * 1024, ge=0)

    db_dsn: SecretStr | None = None
    db_pool: int = Field(10, ge=1)

    http_host: str = "127.0.0.1"
    http_port: int = Field(3000, ge=0, le=65535)
    """Probes and metrics; 0 takes any free port."""
    http_port_max: int = Field(0, ge=0, le=65535)
    """When http_port is taken, the next ones up to this are tried (several processes on one host)."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "text"] = "json"
    drain_timeout: float = Field(900.0, ge=0)
    """Seconds that calls may take to end after SIGTERM."""

    encryption_keys: SecretStr | None = None
    internal_key: SecretStr | None = None
    """Signs what services say to each other in SIP headers, and keys the tokens of private values."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _Files(settings_cls)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **values: Any) -> Self:
        """Read the environment; `values` win over it.

        Raises SettingsError, which lists every problem at once, names the variable and never shows the value.
        """
        problems = unknown_names(os.environ if environ is None else environ, set(cls.model_fields))
        try:
            settings = cls(**values)
        except ValidationError as exc:
            problems += [f"{PREFIX}{str(e['loc'][0]).upper()}: {e['msg']}" for e in exc.errors(include_input=False)]
            raise SettingsError("\n".join(problems)) from None
        if problems:
            raise SettingsError("\n".join(problems))
        return settings

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.node_id})"  # URLs may hold passwords

    __str__ = __repr__

    def public(self) -> dict[str, Any]:
        """The settings in force, for the log: secrets are masked, passwords in URLs too."""
        shown = self.model_dump(mode="json", exclude_none=True)
        shown["nats_urls"] = [url.rpartition("@")[2] for url in self.nats_urls]
        return shown


class SipSettings(ServiceSettings):
    """What the processes that speak SIP read besides."""

    sip_listen: CommaList = ("udp:127.0.0.1:5060", "tcp:127.0.0.1:5060")
    private_ip: str | None = None
    """The address other processes of the platform reach this one at; default: that of the first listener."""
    public_ip: str | None = None
    """The address the outside reaches this one at, when it differs."""
    tls_cert: Path | None = None
    """The certificate chain (PEM) for listeners on tls and wss; read again when it changes."""
    tls_key: Path | None = None
    tls_min: Literal["1.2", "1.3"] = "1.2"
    """The oldest version of TLS that is spoken."""
    tls_ca: Path | None = None
    """Authorities (PEM) that vouch for the servers we connect to; default: the system's."""
    tls_verify: bool = True
    """Whether a server we connect to by TLS must prove its name."""
    sip_udp_limit: int = Field(0, ge=0)
    """Bytes of a request to the outside above which TCP is tried instead of UDP (RFC 3261 section 18.1.1); 0: none."""
    rtpengines: CommaList = ()
    """NG addresses, "127.0.0.1:22222,…"; none: audio goes straight between the outside and the media engine."""


T = TypeVar("T", bound=ServiceSettings)


def unknown_names(environ: Mapping[str, str], fields: set[str]) -> list[str]:
    """One line for each JAMBONES_* name in `environ` that neither `fields` nor another part knows."""
    known = fields | OTHER_PARTS | set(ServiceSettings.model_fields) | set(SipSettings.model_fields)
    problems = []
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        field = name[len(PREFIX) :].lower()
        if field in known or field.removesuffix("_file") in known:
            continue
        close = difflib.get_close_matches(field, known, n=1)
        hint = f"; did you mean {PREFIX}{close[0].upper()}?" if close else ""
        problems.append(f"{name}: unknown setting{hint}")
    return problems


class _Files(PydanticBaseSettingsSource):
    """Values in files: JAMBONES_X_FILE holds the path of the file that holds X."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        values = {}
        for field in self.settings_cls.model_fields:
            path = os.environ.get(f"{PREFIX}{field.upper()}_FILE")
            if path:
                try:
                    values[field] = Path(path).read_text(encoding="utf-8").strip()
                except OSError as exc:
                    raise SettingsError(f"{PREFIX}{field.upper()}_FILE: {exc.strerror}: {path}") from exc
        return values
