"""The interactive description of the API at /docs: Swagger UI (Apache-2.0), served from here and from nowhere else.

The assets come with the Python package swagger-ui-py at installation; the page works without the internet, and its
content security policy keeps it from asking anybody else. Of that package only the files are used, none of its code.
"""

import gzip
from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from aiohttp import web

PREFIX = "/docs"
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
INIT = """window.ui = SwaggerUIBundle({
  url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null, docExpansion: "none",
  filter: true, displayRequestDuration: true, presets: [SwaggerUIBundle.presets.apis], layout: "BaseLayout",
});
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>jambones API</title>
<link rel="stylesheet" href="docs/swagger-ui.css"><link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript; the description itself is <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script><script src="docs/init.js"></script>
</body>
</html>
"""


class DocsPage:
    """Answers what is below /docs. `api_origin`: where the API is, when it is elsewhere ("https://api.example.com")."""

    def __init__(self, api_origin: str = "") -> None:
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            f"connect-src 'self' {api_origin}".rstrip()
            + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    def answer(self, path: str, request: web.Request) -> web.Response | None:
        """The response for a path without the API's prefix; None when it is not the page's."""
        if path == PREFIX:
            return web.Response(text=PAGE, content_type="text/html", headers={"Content-Security-Policy": self._policy})
        if path == f"{PREFIX}/":  # its links are relative to the path without the slash
            return web.Response(status=308, headers={"Location": "../docs"})
        if not path.startswith(f"{PREFIX}/"):
            return None
        name = path.removeprefix(f"{PREFIX}/")
        if name == "init.js":
            return web.Response(text=INIT, content_type="text/javascript")
        return _asset(name, request) if name in ASSETS else None


def _asset(name: str, request: web.Request) -> web.Response:
    plain, packed, etag = _load(name)
    headers = {"ETag": etag, "Cache-Control": "public, max-age=86400", "Vary": "Accept-Encoding"}
    if request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=headers)
    body = plain
    if "gzip" in request.headers.get("Accept-Encoding", ""):
        body = packed
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, content_type=ASSETS[name], headers=headers)


@lru_cache(maxsize=len(ASSETS))
def _load(name: str) -> tuple[bytes, bytes, str]:
    """The file, the file compressed, and its entity tag."""
    spec = find_spec("swagger_ui")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package swagger-ui-py is not installed")
    data = (Path(next(iter(spec.submodule_search_locations))) / "static" / name).read_bytes()
    return data, gzip.compress(data, mtime=0), f'"{sha256(data).hexdigest()[:16]}"'
