"""A kind of tools for tests, which the engine knows nothing of, and a graph that calls one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from engine import Breakpoint, Context, DeclaredTool, Engine, ToolError

if TYPE_CHECKING:
    from engine import Declaration, Json, Problems, RunHandle, Store


class Words(msgspec.Struct):
    """What the kind of these tests says."""

    says: str
    does: str = "say"


class Saying:
    """A kind whose tools say something, and count how often they do."""

    name = "saying"
    fields = Words

    def __init__(self) -> None:
        self.called: list[str] = []
        self.calls = asyncio.Semaphore(0)

    def make(self, declaration: Declaration, fields: Words, _: Problems) -> DeclaredTool:
        """Make a tool that says what is declared."""

        async def say(arguments: dict[str, Json], context: Context) -> dict[str, Json]:
            self.called.append(fields.says)
            self.calls.release()
            match fields.does:
                case "fail":
                    raise ToolError(fields.says, code="SAID", retryable=False)
                case "wait":
                    await asyncio.Event().wait()
                case "key":
                    return {"key": context.idempotency_key, "attempt": context.attempt}
                case "nonsense":
                    return {"said": {1, 2}}  # type: ignore[dict-item]  # that is the nonsense
                case "raise":
                    raise TimeoutError(fields.says)
            return {"said": fields.says, **arguments}

        return DeclaredTool(declaration, say, writes=["said"])


def tool(says: str, name: str = "say", **more: Json) -> dict[str, Json]:
    """Declare a tool that says something."""
    return {"name": name, "kind": "saying", "says": says, **more}


GRAPH: dict[str, Json] = {"name": "g", "nodes": ["first", "say"], "edges": {"first": "say"}}


def first() -> None:
    """Come before."""


def engine_of(store: Store | None = None, kind: Saying | None = None, **more: object) -> Engine:
    """Make an engine in which such tools may be declared."""
    return Engine(tools=[first], tool_kinds=[kind or Saying()], store=store, **more)  # type: ignore[arg-type]  # by name


async def paused_before(engine: Engine, run_id: str) -> RunHandle:
    """Start a run that is paused before the tool is called."""
    run = await engine.start("g", run_id=run_id, breakpoints=[Breakpoint(node="say")])
    await run.rest()
    return run


async def goes_on(run: RunHandle) -> object:
    """Let a run go on to its end, and give what the tool said."""
    await run.resume()
    return (await run.result())["said"]
