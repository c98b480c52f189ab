"""How these tests declare tools, call them, and say what is wrong with a declaration."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from engine import Engine, InvalidDeclaration
from tools.expression import ExpressionKind
from tools.http import Egress, HttpKind
from tools.http.allowance import Allowance
from tools.template import TemplateKind

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator

    from engine import ErrorInfo, Json, Store
    from engine.declaration import AnyToolKind, Trial

EXPRESSION: dict[str, Json] = {
    "name": "count",
    "kind": "expression",
    "input": ["text"],
    "output": {"length": "size(text)"},
}

FETCH: dict[str, Json] = {"name": "fetch", "kind": "http", "input": ["url"], "url": "{url}"}
"""A tool that asks for whatever it is told to."""


def kinds(*allow: str, certificates: ssl.SSLContext | None = None) -> list[AnyToolKind]:
    """Make the kinds there are; what is listed may be reached."""
    egress = Egress(Allowance(allow), certificates=certificates)
    return [HttpKind(egress), ExpressionKind(), TemplateKind()]


@asynccontextmanager
async def declaring(
    *allow: str, certificates: ssl.SSLContext | None = None, store: Store | None = None
) -> AsyncGenerator[Engine, None]:
    """Give an engine in which tools may be declared."""
    async with Engine(tool_kinds=kinds(*allow, certificates=certificates), store=store) as engine:
        yield engine


async def tried(engine: Engine, declared: dict[str, Json], /, **arguments: Json) -> Trial:
    """Declare a tool and call it once."""
    await engine.tools.register(declared)
    return await engine.tools.attempt(str(declared["name"]), arguments, timeout=10)


async def written(engine: Engine, declared: dict[str, Json], /, **arguments: Json) -> object:
    """Declare a tool, call it once, and give what it writes."""
    trial = await tried(engine, declared, **arguments)
    assert trial.error is None, trial.error
    return trial.patch


async def error_of(engine: Engine, declared: dict[str, Json], /, **arguments: Json) -> ErrorInfo:
    """Declare a tool, call it once, and give its error."""
    trial = await tried(engine, declared, **arguments)
    assert trial.error is not None, trial.patch
    return trial.error


async def problems(declared: dict[str, Json]) -> dict[tuple[str, str], tuple[str, str]]:
    """Declare a tool that can't be: by code and path, what is said, and the next step."""
    async with declaring() as engine:
        try:
            await engine.tools.register(declared)
        except InvalidDeclaration as error:
            assert len(engine.tools) == 0
            return {(p.code, p.path): (p.message, p.hint) for p in error.problems}
    raise AssertionError(f"{declared} is a declaration")
