"""Files that a browser is given as they are: a directory below a path, with its index page."""

from pathlib import Path

from aiohttp import web


def add(app: web.Application, path: str, directory: Path) -> None:
    """Serve `directory` below `path`. Raises ValueError when there is no such directory."""
    index = directory / "index.html"

    async def page(request: web.Request) -> web.FileResponse:
        return web.FileResponse(index, headers={"Cache-Control": "no-cache"})

    async def to_page(request: web.Request) -> web.Response:
        raise web.HTTPFound(f"{path}/")

    app.router.add_get(path, to_page)
    app.router.add_get(f"{path}/", page)
    app.router.add_static(f"{path}/", directory)
