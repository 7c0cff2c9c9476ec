"""What the database refuses, in our words and with the status to answer."""

from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def verdicts() -> Iterator[None]:
    """Turn what asyncpg raises into our errors. Wrap database calls only: an OSError means the database here."""
    try:
        yield
    except asyncpg.UniqueViolationError as exc:
        raise Taken(_taken(exc), constraint=exc.constraint_name) from exc
    except asyncpg.ForeignKeyViolationError as exc:
        # PostgreSQL names the table with the key in both cases; only the text tells insert from delete.
        if "still referenced" in str(exc.detail):
            raise StillReferenced(
                f"still referenced by {_words(exc.table_name)}", constraint=exc.constraint_name
            ) from exc
        raise UnknownReference(f"unknown {_column(exc)}", constraint=exc.constraint_name) from exc
    except asyncpg.NotNullViolationError as exc:
        raise Invalid(f"missing field {exc.column_name}", column=exc.column_name) from exc
    except asyncpg.CheckViolationError as exc:
        raise Invalid(f"invalid {_column(exc)}", constraint=exc.constraint_name) from exc
    except asyncpg.InsufficientPrivilegeError as exc:
        raise Forbidden from exc
    except (asyncpg.DataError, asyncpg.CharacterNotInRepertoireError) as exc:
        raise Invalid(_data(exc)) from exc
    except _AWAY as exc:
        raise DatabaseUnavailable(cause=type(exc).__name__) from exc
    except asyncpg.InterfaceError as exc:  # the connection or the pool was closed under us
        if isinstance(exc, ValueError):  # an argument that does not fit its type
            raise Invalid("a value has the wrong type") from exc
        raise DatabaseUnavailable(cause=str(exc)) from exc


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
