"""Every test here runs in asyncio's debug mode, and leaves no task, thread or error behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.host.conftest import _nothing_is_left  # noqa: F401  # it is used by itself
from tests.tools_declared.declaring import declaring
from tests.tools_declared.site import listening

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from engine import Engine
    from tests.tools_declared.site import Site


@pytest.fixture
async def site() -> AsyncGenerator[Site, None]:
    """Serve on loopback."""
    async with listening() as site:
        yield site


@pytest.fixture
async def engine(site: Site) -> AsyncGenerator[Engine, None]:
    """Give an engine whose tools may reach the site, and nothing else that is inside."""
    async with declaring(f"127.0.0.1:{site.port}") as engine:
        yield engine
