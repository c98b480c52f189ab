"""The description of the API says what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openapi_spec_validator

from api.app import create_app
from engine import Engine

if TYPE_CHECKING:
    import httpx2


async def test_it_is_openapi(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/openapi.json")

    assert answer.status_code == 200
    openapi_spec_validator.validate(answer.json())


async def test_it_describes_every_route_and_no_other(client: httpx2.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()["paths"]
    routes = {
        (route.path, method.lower())  # type: ignore[attr-defined]  # those of ours have both
        for route in create_app(Engine()).routes
        for method in (getattr(route, "methods", None) or ())
        if method != "HEAD" and route.include_in_schema  # type: ignore[attr-defined]  # as above
    }

    assert {(path, method) for path, methods in described.items() for method in methods} == routes


async def test_the_server_says_that_it_is_well(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/healthz")

    assert answer.json() == {"status": "ok", "version": "0.1.0"}
