"""What the database refuses, in our words and with the status to answer."""

from types import TracebackType

import asyncpg

from jambones.common.errors import Invalid, JambonesError, NotFound, Unavailable


class DatabaseUnavailable(Unavailable):
    """PostgreSQL is away, starting, shutting down, or too busy to answer in time."""

    reason = "database unavailable"


class Taken(JambonesError):
    """Another row has this unique value."""

    sip_status = 403
    http_status = 422
    reason = "already exists"


class UnknownReference(JambonesError):
    """A sid that this row should point at does not exist."""

    sip_status = 400
    http_status = 422
    reason = "refers to something unknown"


class StillReferenced(JambonesError):
    """Other rows point at this one."""

    sip_status = 403
    http_status = 422
    reason = "still in use"


class Forbidden(JambonesError):
    """Row-level security refused: the row is another tenant's."""

    sip_status = 403
    http_status = 403
    reason = "insufficient permissions"


__all__ = ["DatabaseUnavailable", "Forbidden", "Invalid", "NotFound", "StillReferenced", "Taken", "UnknownReference"]

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,  # statement_timeout
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidAuthorizationSpecificationError,  # not restored yet, or wrongly configured: not the caller's fault
    asyncpg.InvalidCatalogNameError,
    asyncpg.InternalClientError,  # PostgreSQL was killed in the middle of an exchange; the connection is of no use
    asyncpg.ReadOnlySQLTransactionError,  # a standby during a failover
    OSError,
    TimeoutError,
)


class _Verdicts:
    """A context without a state: five of them are entered for each request, so a generator would be felt."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(exc, Exception) and (verdict := _verdict(exc)) is not None:
            raise verdict from exc


_VERDICTS = _Verdicts()


def verdicts() -> _Verdicts:
    """Turn what asyncpg raises into our errors. Wrap database calls only: an OSError means the database here."""
    return _VERDICTS


def _verdict(exc: Exception) -> JambonesError | None:
    """Our error for what asyncpg raised; None when it is none of its errors."""
    match exc:
        case asyncpg.UniqueViolationError():
            return Taken(_taken(exc), constraint=exc.constraint_name)
        case asyncpg.ForeignKeyViolationError() if "still referenced" in str(exc.detail):
            # PostgreSQL names the table with the key in both cases; only the text tells insert from delete.
            return StillReferenced(f"still referenced by {_words(exc.table_name)}", constraint=exc.constraint_name)
        case asyncpg.ForeignKeyViolationError():
            return UnknownReference(f"unknown {_column(exc)}", constraint=exc.constraint_name)
        case asyncpg.NotNullViolationError():
            return Invalid(f"missing field {exc.column_name}", column=exc.column_name)
        case asyncpg.CheckViolationError():
            return Invalid(f"invalid {_column(exc)}", constraint=exc.constraint_name)
        case asyncpg.InsufficientPrivilegeError():
            return Forbidden()
        case asyncpg.DataError() | asyncpg.CharacterNotInRepertoireError():
            return Invalid(_data(exc))
    if isinstance(exc, _AWAY):
        return DatabaseUnavailable(cause=type(exc).__name__)
    if isinstance(exc, asyncpg.InterfaceError):  # the connection or the pool was closed under us
        if isinstance(exc, ValueError):  # an argument that does not fit its type
            return Invalid("a value has the wrong type")
        return DatabaseUnavailable(cause=str(exc))
    return None


def _words(table: str | None) -> str:
    return (table or "other rows").replace("_", " ")


def _column(exc: asyncpg.IntegrityConstraintViolationError) -> str:
    """`phone_numbers_application_sid_fkey` → `application_sid`: our migrations name constraints so."""
    name = exc.constraint_name or "reference"
    return name.removeprefix(f"{exc.table_name}_").removesuffix("_fkey").removesuffix("_check")


def _taken(exc: asyncpg.UniqueViolationError) -> str:
    columns = (exc.constraint_name or "").removeprefix(f"{exc.table_name}_").removesuffix("_key")
    return f"{_words(exc.table_name)}: this {columns} already exists" if columns else Taken.reason


def _data(exc: Exception) -> str:
    return "a value is too long" if isinstance(exc, asyncpg.StringDataRightTruncationError) else "a value is not valid"
