"""Whether an object store takes recordings: a small object is written, read back and deleted."""

import json
from typing import Any

from pydantic import BaseModel, RootModel

from jambones.api import bucket, guards, object_store
from jambones.api.ask import Ask
from jambones.api.errors import Refused
from jambones.api.operations import Resource

resource = Resource("BucketCredentialTest", "Whether an object store takes recordings.")


class BucketCredential(RootModel[dict[str, Any]]):
    """`vendor` and its members, as in an account's `bucket_credential`; an obscured secret means the stored one."""


class BucketTestResult(BaseModel):
    """Whether it worked, and why not."""

    status: str
    reason: str | None = None


@resource.post(
    "/Accounts/{account_sid}/BucketCredentialTest", summary="Try a bucket credential", id="testBucketCredential",
    body=BucketCredential, status=200, returns=BucketTestResult,
)  # fmt: skip
async def test(ask: Ask, body: BucketCredential) -> Any:
    account = await guards.account_item(ask)
    try:
        text = bucket.stored(body.root, account.bucket_credential)
        if text is None:
            return {"status": "failed", "reason": "no storage vendor"}
        await object_store.check(object_store.opened(json.loads(text)))
    except (Refused, object_store.StoreFailed) as exc:
        return {"status": "failed", "reason": exc.message}
    return {"status": "ok"}
