"""The interactive description: it works, and asks nobody but us."""

import re

import pytest

from tests.integration.api.conftest import World
from tests.support import chromium


async def test_every_link_of_the_page_is_served_from_here(world: World) -> None:
    page = await world.admin.with_token(None).get("/docs")
    assert page.status == 200
    links = re.findall(r'(?:src|href)="([^"]+)"', page.body)
    assert len(links) == 5
    for link in links:
        assert not re.match(r"[a-z]+:|//", link)
        reply = await world.admin.with_token(None).get(f"/{link}")
        assert (reply.status, len(str(reply.body)) > 100) == (200, True), link
    css = (await world.admin.get("/docs/swagger-ui.css")).body
    assert [url for url in re.findall(r"url\(([^)]*)\)", css) if not url.strip("\"'").startswith("data:")] == []
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy


async def test_assets_are_cached_by_their_tag_and_the_rest_is_not_there(world: World) -> None:
    first = await world.admin.get("/docs/swagger-ui-bundle.js")
    again = await world.admin.ask("GET", "/docs/swagger-ui-bundle.js", headers={"If-None-Match": first.headers["Etag"]})
    assert (again.status, again.body) == (304, "")
    assert (await world.admin.get("/docs/swagger-editor.js")).status == 404
    assert (await world.admin.get("/docs/..%2f..%2fetc%2fpasswd")).status == 404


@pytest.mark.skipif(not chromium.installed(), reason="chromium is not installed")
async def test_a_browser_shows_the_operations_and_asks_one_origin(world: World) -> None:
    origin = world.admin.url.removesuffix("/v1")
    async with chromium.browser() as page:
        await page.open(f"{origin}/v1/docs")
        await page.until("document.querySelectorAll('.opblock-tag').length > 10", within=40)
        await page.evaluate("document.querySelector('#operations-tag-Applications button, .opblock-tag').click()")
        await page.until("document.querySelectorAll('.opblock').length > 0")
        asked = await page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
        assert not page.console
    assert len(asked) >= 4
    assert {url for url in asked if not url.startswith(f"{origin}/")} <= {
        url for url in asked if url.startswith("data:")
    }
