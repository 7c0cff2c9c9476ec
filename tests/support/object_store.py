"""A small S3 for tests: path-style buckets in memory; it takes only requests that are signed with its key (SigV4)."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from aiohttp import web

from jambones.common.ops import serve_http

ACCESS_KEY, SECRET_KEY = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@dataclass
class ObjectStore:
    """`objects` by "bucket/key"."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)

    def credential(self, **changes: object) -> dict[str, object]:
        """The `bucket_credential` of an account that keeps its recordings here."""
        return {
            "vendor": "s3_compatible", "endpoint": self.url, "name": "recordings", "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        } | changes  # fmt: skip

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not is_signed(request):
            return web.Response(status=403, text="<Error><Code>SignatureDoesNotMatch</Code></Error>")
        key = request.path.lstrip("/")
        if request.method == "PUT":
            self.objects[key] = body
            return web.Response(headers={"ETag": f'"{hashlib.md5(body).hexdigest()}"'})
        if key not in self.objects:
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        if request.method == "DELETE":
            del self.objects[key]
            return web.Response(status=204)
        headers = {"ETag": '"x"', "Last-Modified": "Sat, 01 Jan 2028 00:00:00 GMT"}
        return web.Response(body=self.objects[key], headers=headers)


def is_signed(request: web.Request) -> bool:
    """Whether the Authorization header is the one that our secret makes (AWS Signature Version 4)."""
    words = dict(
        part.strip().split("=", 1)
        for part in request.headers.get("Authorization", "").removeprefix("AWS4-HMAC-SHA256 ").split(",")
        if "=" in part
    )
    if not {"Credential", "SignedHeaders", "Signature"} <= set(words):
        return False
    key, date, region, service, _ = words["Credential"].split("/")
    names = words["SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            request.method,
            quote(request.path, safe="/~"),
            "&".join(sorted(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in request.query.items())),
            *(f"{name}:{' '.join(request.headers[name].split())}" for name in names),
            "",
            ";".join(names),
            request.headers["x-amz-content-sha256"],
        ]
    )
    scope = f"{date}/{region}/{service}/aws4_request"
    text = (
        f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    )
    secret = b"AWS4" + SECRET_KEY.encode()
    for word in (date, region, service, "aws4_request"):
        secret = hmac.digest(secret, word.encode(), "sha256")
    return key == ACCESS_KEY and hmac.digest(secret, text.encode(), "sha256").hex() == words["Signature"]


@asynccontextmanager
async def object_store() -> AsyncIterator[ObjectStore]:
    """An empty store, on a free port."""
    store = ObjectStore()
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{key:.*}", store.handle)
    async with serve_http(app, "127.0.0.1", 0) as port:
        store.url = f"http://127.0.0.1:{port}"
        yield store
