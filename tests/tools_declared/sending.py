"""How these tests send requests, and how they are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import ToolError
from tools.http import Egress, Sending
from tools.http.allowance import Allowance

if TYPE_CHECKING:
    from tests.tools_declared.site import Site
    from tools.http import Answer


async def sent(site: Site, path: str = "/", **told: object) -> Answer:
    """Ask the site, which is all that may be reached."""
    egress = Egress(Allowance([site.host]))
    return await egress.send(Sending(**{"method": "GET", "url": site.at(path), **told}))


async def refused(site: Site, path: str = "/", **told: object) -> ToolError:
    """Ask the site for what does not come."""
    with pytest.raises(ToolError) as caught:
        await sent(site, path, **told)
    assert caught.value.hint
    return caught.value
