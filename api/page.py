"""The page at `/`: its files, as a browser asks for them.

This module knows which files there are and how they may be kept. It does not know what they
show: the page asks the API like any other client.

The page holds what runs hold, which comes from anywhere. It is made of elements and text
alone; should that ever fail, the browser is told to execute nothing but these files, and to
speak to no other host.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING, Final, NamedTuple

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from engine import DIAGRAM_STYLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""By suffix; files of other kinds are no part of the page."""

_SHEET: Final = b64encode(sha256(DIAGRAM_STYLE.encode()).digest()).decode()
"""The style of diagrams. The page leaves it out, but a browser looks at it when it reads one."""

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-cache",  # kept, but asked about each time: a new version is seen at once
    "Content-Security-Policy": f"default-src 'self'; style-src 'self' 'sha256-{_SHEET}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_FIRST: Final = "index.html"


class _Asset(NamedTuple):
    """A file, and the tag that is another one when it has changed."""

    data: bytes
    media_type: str
    tag: str


def _read() -> dict[str, _Asset]:
    """Read the files, once: what is asked for is looked up by name, never on the disk."""
    assets: dict[str, _Asset] = {}
    for file in resources.files("api").joinpath("page").iterdir():
        media_type = MEDIA_TYPES.get(f".{file.name.rpartition('.')[2]}")
        if media_type is not None:
            data = file.read_bytes()
            assets[file.name] = _Asset(data, media_type, f'"{sha256(data).hexdigest()[:32]}"')
    return assets


_ASSETS: Final[Mapping[str, _Asset]] = _read()


async def page(request: Request) -> Response:
    """Give the page."""
    return _answer(request, _ASSETS[_FIRST])


async def asset(request: Request) -> Response:
    """Give a file of the page: 404 if it has none of that name."""
    found = _ASSETS.get(request.path_params["name"])
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return _answer(request, found)


def _answer(request: Request, asset: _Asset) -> Response:
    """Give a file, or say that the client has it already."""
    headers = {**HEADERS, "ETag": asset.tag}
    known = request.headers.get("if-none-match", "")
    # A proxy that compresses makes a tag weak; it is the same file all the same.
    if known.strip() == "*" or asset.tag in (
        each.strip().removeprefix("W/") for each in known.split(",")
    ):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(asset.data, media_type=asset.media_type, headers=headers)


ROUTES: Final = (
    Route("/", page, include_in_schema=False),
    Route("/assets/{name}", asset, include_in_schema=False),
)
"""The routes of the page; they are no part of the API."""
