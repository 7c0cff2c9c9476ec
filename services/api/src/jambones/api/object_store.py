"""Object stores of accounts: where recordings lie, reached with the credential that the account gave."""

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from obstore.exceptions import BaseError, NotFoundError
from obstore.store import AzureStore, GCSStore, S3Store

from jambones.common.errors import JambonesError

if TYPE_CHECKING:
    from obstore.store import ClientConfig

Store = S3Store | GCSStore | AzureStore
CHUNK = 256 * 1024
_CLIENT: "ClientConfig" = {"timeout": "20s", "connect_timeout": "5s"}
_RETRY = {"max_retries": 1, "retry_timeout": timedelta(seconds=20)}
_ABSENT = (NotFoundError, FileNotFoundError)
_FAILED = (BaseError, OSError)  # the library raises some of its errors as the OSError that they resemble


class StoreFailed(JambonesError):
    """The store refused, or does not answer."""

    http_status = 424
    reason = "object store failed"


def opened(credential: Mapping[str, Any]) -> Store:
    """The store of a stored `bucket_credential`. Raises StoreFailed for one that cannot be read."""
    try:
        return _opened(credential)
    except (*_FAILED, ValueError, KeyError, TypeError) as exc:
        raise StoreFailed(f"the bucket credential cannot be used: {type(exc).__name__}") from exc


def _opened(credential: Mapping[str, Any]) -> Store:
    name = credential["name"]
    match credential["vendor"]:
        case "aws_s3" | "s3_compatible":
            endpoint = credential.get("endpoint")
            config: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
            return S3Store(
                name,
                access_key_id=credential["access_key_id"],
                secret_access_key=credential["secret_access_key"],
                region=credential.get("region") or "us-east-1",
                client_options={**_CLIENT, "allow_http": bool(endpoint and endpoint.startswith("http://"))},
                retry_config=_RETRY,  # type: ignore[arg-type]  # a TypedDict of the library
                disable_bulk_delete=True,  # few stores but Amazon's have it
                **config,
            )
        case "google":
            key = credential["service_key"]
            json.loads(key)
            return GCSStore(name, service_account_key=key, client_options=_CLIENT, retry_config=_RETRY)  # type: ignore[arg-type]
        case "azure":
            words = dict(item.split("=", 1) for item in credential["connection_string"].split(";") if "=" in item)
            return AzureStore(
                name,
                account_name=words["AccountName"],
                account_key=words["AccountKey"],
                client_options=_CLIENT,
                retry_config=_RETRY,  # type: ignore[arg-type]
                **({"endpoint": words["BlobEndpoint"]} if "BlobEndpoint" in words else {}),
            )
        case vendor:
            raise ValueError(vendor)


async def read(store: Store, key: str) -> tuple[int, AsyncIterator[bytes]] | None:
    """Size and bytes of an object; None when it is not there. Raises StoreFailed."""
    try:
        found = await store.get_async(key)
    except _ABSENT:
        return None
    except _FAILED as exc:
        raise StoreFailed(_why(exc)) from exc

    async def chunks() -> AsyncIterator[bytes]:
        async for chunk in found.stream(min_chunk_size=CHUNK):
            yield bytes(chunk)

    return int(found.meta["size"]), chunks()


async def delete(store: Store, key: str) -> bool:
    """False when there is no such object. Raises StoreFailed."""
    try:
        await store.head_async(key)
        await store.delete_async(key)
    except _ABSENT:
        return False
    except _FAILED as exc:
        raise StoreFailed(_why(exc)) from exc
    return True


async def check(store: Store) -> None:
    """Write a small object, read it back and delete it. Raises StoreFailed."""
    key, word = f"jambones-test-{secrets.token_hex(8)}.txt", b"jambones"
    try:
        await store.put_async(key, word)
        got = await (await store.get_async(key)).bytes_async()
        await store.delete_async(key)
    except _FAILED as exc:
        raise StoreFailed(_why(exc)) from exc
    if bytes(got) != word:
        raise StoreFailed("the store gave back something else than was written")


def _why(exc: Exception) -> str:
    """The first line of the library's words: the rest is its stack of causes."""
    return str(exc).strip().partition("\n")[0][:300] or type(exc).__name__
