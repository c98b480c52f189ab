"""The runs that are recorded: together they do everything that a log can say.

This module knows graphs, and what people ask of runs of them. It does not know what is
written down of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from engine import Breakpoint
from engine.entry import NodeStarted
from tests.logs.tools import LARGE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    from engine import Engine, RunHandle

    Scene: TypeAlias = Callable[[Engine], Awaitable[RunHandle]]

NOTES: Final = {"reducers": {"notes": "append"}}


async def _run(engine: Engine, document: dict[str, Any], **told: Any) -> RunHandle:
    """Start a run under the name of its graph, and wait until it rests."""
    run = await engine.start(document, run_id=document["name"], **told)
    await run.rest()
    return run


async def joins(engine: Engine) -> RunHandle:
    """Branches of unlike length meet, and every reducer has something to do."""
    document: dict[str, Any] = {
        "name": "joins",
        "nodes": {"begin": "begin", **dict.fromkeys(("a", "b", "b2", "c", "meet"), "more")},
        "edges": {"begin": ["a", "b", "c"], "b": "b2", "a": "meet", "b2": "meet", "c": "meet"},
        "state": {
            "defaults": {"threshold": 8, "total": 0},
            "reducers": {
                "notes": "append",
                "list": "extend",
                "total": "sum",
                "settings": "merge",
                "set": "union",
                "low": "min",
                "high": "max",
                "one": "first",
            },
        },
    }
    return await _run(engine, document, state={"given": [1, 1.0, "1"]}, tags={"team": "blue"})


async def loops(engine: Engine) -> RunHandle:
    """A loop is left by a tool that names its successor, and by a condition."""
    document: dict[str, Any] = {
        "name": "loops",
        "nodes": {
            "start_again": None,
            "choose": {"tool": "choose", "routes": ["start_again", "note"]},
            "note": None,
        },
        "edges": {
            "start_again": "choose",
            "choose": ["start_again", "note"],
            "note": [{"when": "size(notes) < 3", "to": "note"}, {"to": None}],
        },
        "entry": "start_again",
        "state": {"defaults": {"n": 0, "notes": []}, **NOTES},
    }
    return await _run(engine, document)


async def first(engine: Engine) -> RunHandle:
    """The first of three branches goes on; one comes late, and one is cancelled."""
    document: dict[str, Any] = {
        "name": "first",
        "nodes": {
            "split": "note",
            "quick": "note",
            "slow": "linger",
            "slower": "later",
            "winner": {"tool": "note", "join": {"count": 1, "rest": "cancel"}},
            "early": "note",
            "late": "later",
            "any": {"tool": "note", "join": "first"},
        },
        "edges": {
            "split": ["quick", "slow", "slower"],
            **dict.fromkeys(("quick", "slow", "slower"), "winner"),
            "winner": ["early", "late"],
            "early": "any",
            "late": "any",
        },
        "state": NOTES,
    }
    return await _run(engine, document)


async def retries(engine: Engine) -> RunHandle:
    """A node succeeds in the end, another one fails and a rule takes that."""
    document: dict[str, Any] = {
        "name": "retries",
        "nodes": {
            "insist": {"tool": "insist", "retry": {"max_attempts": 3, "delay": 0.01}},
            "fail": {"tool": "fail", "retry": {"max_attempts": 2, "delay": 0, "jitter": 0}},
            "hasty": {"tool": "linger", "timeout": 0.01},
            "note": None,
        },
        "edges": {
            "insist": "fail",
            "fail": [{"to": None}, {"on": "BROKEN", "to": "hasty"}],
            "hasty": [{"to": None}, {"on": "error", "to": "note"}],
        },
        "state": NOTES,
    }
    return await _run(engine, document)


CONTROLLED: Final[dict[str, Any]] = {
    "nodes": {
        "a": "note",
        "b": "note",
        "c": "note",
        "d": {"tool": "fail", "on_exhausted": "pause"},
        "e": {"tool": "note", "max_visits": 1, "on_limit": "pause"},
    },
    "edges": {
        "a": "b",
        "b": "c",
        "c": "d",
        "d": "e",
        "e": [{"when": "again", "to": "e"}, {"to": None}],
    },
    "entry": "a",
    "state": {"defaults": {"again": False}, **NOTES},
}


async def controlled(engine: Engine) -> RunHandle:
    """A person pauses, looks, steps, sets, skips, raises a limit and resumes."""
    run = await _run(
        engine,
        {"name": "controlled", **CONTROLLED},
        breakpoints=[Breakpoint(node="b"), Breakpoint(node="c", when="nothing > 1")],
    )
    await run.step()
    await run.rest()
    await run.patch({"by": "hand", "again": True})
    await run.resume()
    await run.rest()  # before c: nobody knows whether that breakpoint's condition holds
    await run.set_breakpoints([Breakpoint(node="c", where="after", when="size(notes) > 1")])
    for _ in range(2):  # behind c, then at d, which fails
        await run.resume()
        await run.rest()
    await run.skip({"skipped": "d"})
    await run.resume()
    await run.rest()  # e may be visited once
    await run.patch({"again": False})
    await run.raise_limits({"max_visits": 5, "deadline": None}, resume=True)
    await run.result()
    return run


async def paused(engine: Engine) -> RunHandle:
    """A run waits for somebody, and has not ended."""
    run = await _run(engine, {"name": "paused", **CONTROLLED}, breakpoints=[Breakpoint(node="b")])
    await run.resume()
    await run.rest()  # at d
    return run


async def backing_off(engine: Engine) -> RunHandle:
    """A run waits for a time far away, beside a branch that has come to the join."""
    document: dict[str, Any] = {
        "name": "backing_off",
        "nodes": {
            "split": "note",
            "quick": "note",
            "meet": "note",
            "insist": {
                "tool": "insist",
                "retry": {"max_attempts": 3, "delay": 86_400, "max_delay": 86_400},
            },
        },
        "edges": {"split": ["quick", "insist"], "quick": "meet", "insist": "meet"},
        "state": NOTES,
    }
    run = await engine.start(document, run_id="backing_off")
    while await run.last() < 10:  # noqa: ASYNC110  # both have returned; nobody else waits for it
        await asyncio.sleep(0.01)
    return run


async def failed(engine: Engine) -> RunHandle:
    """A run fails while another branch goes on."""
    document: dict[str, Any] = {
        "name": "failed",
        "nodes": {"a": "note", "need": None, "side": "linger", "b": "note"},
        "edges": {"a": ["need", "side"], "need": "b"},
        "state": {"defaults": {"ok": False}, **NOTES},
    }
    return await _run(engine, document)


async def mended(engine: Engine) -> RunHandle:
    """A run that failed is forked with what it lacked, and with a branch skipped it completes."""
    run = await (await engine.find("failed")).fork(
        run_id="mended", patch={"ok": True}, keep_keys=True
    )
    await run.pause()
    rows = await engine._store.read(run.id)
    began = [each for row in rows for each in row.entries if isinstance(each, NodeStarted)]
    (side,) = [each.activation for each in began if each.node == "side"]
    await run.skip(activation=side)
    await run.resume()
    await run.result()
    return run


async def tried(engine: Engine) -> RunHandle:
    """A run is forked in its middle, to see what would have been."""
    run = await (await engine.find("joins")).fork(4, run_id="tried", patch={"total": 100})
    await run.rest()
    return run


async def cancelled(engine: Engine) -> RunHandle:
    """A run is cancelled."""
    document: dict[str, Any] = {"name": "cancelled", "nodes": ["linger"]}
    run = await engine.start(document, run_id="cancelled")
    await run.cancel("nobody waits for it")
    return run


async def drained(engine: Engine) -> RunHandle:
    """A run fails, and what was running ends first."""
    document: dict[str, Any] = {
        "name": "drained",
        "nodes": {
            "split": "note",
            "bad": "fail",
            "one": "later",
            "other": "later",
            "after": "note",
        },
        "edges": {"split": ["bad", "one", "other"], "one": "after"},
        "on_failure": "drain",
        "state": NOTES,
    }
    return await _run(engine, document)


async def misfit(engine: Engine) -> RunHandle:
    """Two branches write one key, so that where they meet cannot even fire."""
    document: dict[str, Any] = {
        "name": "misfit",
        "nodes": {
            "split": "note",
            "a": {"tool": "note", "output": "key"},
            "b": {"tool": "begin", "output": "key"},
            "meet": "note",
        },
        "edges": {"split": ["a", "b"], "a": "meet", "b": "meet"},
        "state": NOTES,
    }
    return await _run(engine, document)


async def cached(engine: Engine) -> RunHandle:
    """A result comes from the cache."""
    document: dict[str, Any] = {
        "name": "cached",
        "nodes": {"a": {"tool": "begin", "cache": {"key": "'k'"}}, "b": "note"},
        "edges": {"a": "b", "b": [{"when": "size(notes) < 4", "to": "a"}, {"to": None}]},
        "entry": "a",
        "state": NOTES,
    }
    return await _run(engine, document)


async def declared(engine: Engine) -> RunHandle:
    """A run is bound to the version of a tool that was declared."""
    await engine.tools.register(
        {
            "name": "hail",
            "kind": "template",
            "description": "Say hello.",
            "input": ["name"],
            "output": {"text": "Hello, {name}!"},
        }
    )
    document: dict[str, Any] = {"name": "declared", "nodes": ["hail"]}
    return await _run(engine, document, state={"name": "Ada"})


async def large(engine: Engine) -> RunHandle:
    """Values stand beside the log, whoever writes them."""
    document: dict[str, Any] = {
        "name": "large",
        "nodes": {"a": "swell", "b": {"tool": "fail", "on_exhausted": "pause"}},
        "edges": {"a": "b"},
    }
    run = await _run(engine, document, state={"given": LARGE})
    await run.patch({"patched": LARGE})
    await run.skip({"skipped": LARGE})
    await run.result()
    return run


SCENES: Final[tuple[Scene, ...]] = (
    *(joins, loops, first, retries, controlled, paused, backing_off, failed, mended, tried),
    *(cancelled, drained, misfit, cached, declared, large),
)
