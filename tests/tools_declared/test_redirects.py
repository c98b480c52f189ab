"""Where redirects lead, and what goes along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tools_declared.sending import refused, sent
from tests.tools_declared.site import answer, listening

if TYPE_CHECKING:
    from tests.tools_declared.site import Site


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "GET", "GET"), (302, "GET", "GET"), (303, "GET", "GET"), (307, "GET", "GET"),
        (301, "POST", "GET"), (302, "POST", "GET"), (303, "POST", "GET"), (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"), (301, "PUT", "PUT"), (307, "POST", "POST"), (308, "POST", "POST"),
    ],
)  # fmt: skip
async def test_a_redirect_is_followed_as_its_status_says(
    site: Site, status: int, method: str, then: str
) -> None:
    site.pages["/"] = answer("", status, Location="there?x=1#fragment")
    content = b"{}" if method in ("POST", "PUT") else None
    headers = {"Content-Type": "application/json", "Authorization": "one"} if content else {}
    got = await sent(site, method=method, headers=headers, content=content)

    second = site.asked[1]
    assert (second.method, second.path, got.url) == (then, "/there?x=1", site.at("/there?x=1"))
    assert second.body == (b"{}" if then in ("POST", "PUT") else b"")
    if content:
        assert ("content-type" in second.headers) == (then != "GET")
        assert second.headers["authorization"] == "one"  # it is the same origin


async def test_what_was_sent_to_one_origin_does_not_go_to_another(site: Site) -> None:
    async with listening() as other:
        site.pages["/"] = answer("", 302, Location=other.at("/"))
        headers = {
            "Authorization": "one", "X-Api-Key": "two", "Cookie": "three",
            "Idempotency-Key": "four", "Accept": "text/plain", "User-Agent": "me",
        }  # fmt: skip
        await sent(site, headers=headers)

        assert other.asked[0].headers == {
            "host": f"127.0.0.1:{other.port}",
            "accept-encoding": "gzip",
            "accept": "text/plain",
            "user-agent": "me",
        }


@pytest.mark.parametrize("place", ["http://[", "http://x:y/", "http://a b@c/", "mailto:me"])
async def test_a_redirect_to_what_is_no_url_is_not_followed(site: Site, place: str) -> None:
    site.pages["/"] = answer("", 302, Location=place)

    assert (await refused(site)).code == "EGRESS_REFUSED"


@pytest.mark.parametrize("status", [307, 308])
async def test_a_body_does_not_go_to_another_origin(site: Site, status: int) -> None:
    async with listening() as other:
        site.pages["/"] = answer("", status, Location=other.at("/"))
        error = await refused(site, method="POST", content=b"mine")

        assert (error.code, other.connections) == ("EGRESS_REFUSED", 0)


async def test_redirects_end(site: Site) -> None:
    site.pages["/"] = answer("", 302, Location="/")
    error = await refused(site)

    assert (error.code, error.retryable) == ("TOO_MANY_REDIRECTS", False)
    assert len(site.asked) == 6


async def test_five_redirects_are_followed(site: Site) -> None:
    for n in range(5):
        site.pages[f"/{n}"] = answer("", 302, Location=f"/{n + 1}")
    site.pages["/5"] = answer("here")

    assert (await sent(site, "/0")).content == b"here"


async def test_a_redirect_that_is_not_to_be_followed_is_an_answer(site: Site) -> None:
    site.pages["/"] = answer("", 302, Location="/there")

    assert (await sent(site, redirects=0)).status == 302


async def test_a_redirect_without_a_place_is_an_answer(site: Site) -> None:
    site.pages["/"] = answer("", 302)

    assert (await sent(site)).status == 302
