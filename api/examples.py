"""Examples, as the description of the API shows them: what is sent, and what is answered.

This module knows words. A test sends each body to a server, which accepts it, and holds each
answer against what the server says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from engine import Json

    Example: TypeAlias = dict[str, Json]

_AT: Final = "2026-11-23T10:00:00.123456Z"

NAMES: Final[Mapping[str, str]] = {
    "run_id": "first",
    "graph_id": "chorus",
    "tool": "greet",
    "template": "code-review",
    "sha256": "c09b94a583f520cbae4ecf9462080b3001cf5ec7ece3dd88097c89b8294ef0a6",
}
"""Parts of paths."""

CHORUS: Final[Example] = {
    "name": "chorus",
    "description": "Greets, and says the last word again until there are enough of them.",
    "edges": {
        "greet": "count_words",
        "count_words": [{"when": "words < 5", "to": "echo"}, {"to": None}],
        "echo": "count_words",
    },
    "entry": "greet",
    "state": {"defaults": {"name": "world"}},
}
"""A graph with a loop."""

MISTAKEN: Final[Example] = {"nodes": ["greet"], "edges": {"greet": "gret"}, "entry": "greet"}
"""A document that is no graph."""

BEGUN: Final[Example] = {
    "graph_id": "chorus",
    "run_id": "first",
    "initial_state": {"name": "Ada"},
    "breakpoints": [{"node": "echo"}],
    "wait": 10,
}
"""A run that pauses."""

_WHICH: Final[Example] = {"graph_id": "chorus", "version": 1}

_PAUSED: Final[Example] = {
    "run_id": "first",
    **_WHICH,
    "status": "paused",
    "seq": 9,
    "state": {"name": "Ada", "greeting": "Hello, Ada!", "words": 2},
    "waiting": [],
}

_ERROR: Final[Example] = {
    "code": "BAD_INPUT",
    "message": "tool 'greet' of node 'greet' can't take 7 as its parameter 'name', which is str: "
    "expected `str`, got `int`",
    "hint": "mend what writes 'name' to the state, or the annotation in the tool",
    "details": {"parameter": "name", "expected": "str", "at": "name"},
    "retryable": False,
}

_LISTED: Final[Example] = {
    "run_id": "third",
    **_WHICH,
    "status": "failed",
    "began": _AT,
    "changed": _AT,
    "error": "BAD_INPUT",
}

_CHORUS_CREATED: Final[Example] = {**_WHICH, "warnings": []}


def _entry(kind: str, seq: int, last: int, /, **more: Json) -> dict[str, Json]:
    return {"type": kind, "seq": seq, "batch": last, "at": _AT, "run_id": "first", **more}


def _done(status: str, entry: dict[str, Json]) -> Example:
    return {"run_id": "first", "status": status, "seq": entry["batch"], "entry": entry}


def _parted(run: str, origin: str, at: int, seq: int) -> Example:
    return {
        "run_id": run,
        "status": "running",
        "seq": seq,
        "origin": {"run_id": origin, "seq": at},
    }


_EVENTS: Final = (
    'retry: 1000\n\ndata: {"type":"stream.opened","ephemeral":true,"run_id":"first","epoch":0,'
    '"seq":9}\n\nid: 1\ndata: {"type":"message.sent","seq":1,"batch":2,'
    f'"at":"{_AT}","run_id":"first","to":"greet"}}\n\n'
)

_MERMAID: Final = """flowchart TD
  s(( ))
  n0["<b>greet</b>"]
  n1["<b>count_words</b>"]
  s --> n0
  n0 --> n1
"""

_GREET: Final[Example] = {
    "name": "greet",
    "description": "Greet somebody: `greeting` from `name`.",
    "execution": "thread",
    "kind": "python",
}

_REGISTERED: Final[Example] = {"name": "forecast", "kind": "http", "version": 1}

ANSWERS: Final[Mapping[str, Mapping[str, Example | str]]] = {
    "createGraph": {"201": _CHORUS_CREATED, "200": _CHORUS_CREATED},
    "listGraphs": {
        "200": {
            "graphs": [
                {**_WHICH, "versions": [1], "nodes": 3, "description": CHORUS["description"]}
            ]
        }
    },
    "getGraph": {
        "200": {
            **_WHICH,
            "versions": [1],
            "document": {
                "name": "chorus",
                "description": CHORUS["description"],
                "nodes": {
                    "greet": {"tool": "greet"},
                    "count_words": {"tool": "count_words"},
                    "echo": {"tool": "echo"},
                },
                "edges": {
                    "greet": [{"to": ["count_words"]}],
                    "count_words": [{"when": "words < 5", "to": ["echo"]}, {"to": []}],
                    "echo": [{"to": ["count_words"]}],
                },
                "entry": "greet",
                "state": {"defaults": {"name": "world"}},
            },
            "warnings": [],
        }
    },
    "validateGraph": {
        "200": {
            "valid": False,
            "problems": [
                {
                    "code": "UNKNOWN_NODE",
                    "path": "/edges/greet",
                    "message": 'the edge from "greet" leads nowhere: there is no node "gret"',
                    "hint": "did you mean 'greet'?",
                }
            ],
            "warnings": [],
        }
    },
    "runGraph": {
        "200": _PAUSED,
        "202": {"run_id": "first", "status": "running", "seq": 2},
    },
    "getState": {"200": _PAUSED},
    "listRuns": {
        "200": {
            "runs": [
                {**_LISTED, "run_id": "fourth", "origin": {"run_id": "third", "seq": 4}},
                _LISTED,
            ],
            "next": "WyIyMDI2LTExLTIzVDEwOjAwOjAwLjEyMzQ1NloiLCJ0aGlyZCJd",
        }
    },
    "cancelRun": {
        "200": _done(
            "cancelled",
            _entry(
                "run.cancelled",
                10,
                10,
                command=1,
                reason="nobody waits for it any more",
                messages={"sent": 3, "consumed": 2, "withdrawn": 0, "open": 1},
            ),
        )
    },
    "pauseRun": {"200": _done("paused", _entry("run.paused", 3, 3, command=1, reason="command"))},
    "resumeRun": {"200": _done("running", _entry("run.resumed", 10, 11, command=1))},
    "stepRun": {"200": _done("paused", _entry("run.stepped", 10, 11, command=1))},
    "setBreakpoints": {
        "200": _done(
            "paused",
            _entry(
                "breakpoints.set",
                10,
                10,
                command=1,
                breakpoints=[{"node": "echo", "where": "after", "when": "words > 3"}],
            ),
        )
    },
    "patchRun": {
        "200": _done(
            "paused",
            _entry(
                "state.patched", 10, 10, command=1, patch={"greeting": "Good day"}, messages=[7]
            ),
        )
    },
    "skipRun": {
        "200": _done(
            "paused",
            _entry(
                "node.skipped",
                5,
                6,
                command=1,
                node="greet",
                activation=1,
                patch={"greeting": "Good day"},
            ),
        )
    },
    "raiseLimits": {"200": _done("running", _entry("run.resumed", 11, 12, command=2))},
    "forkRun": {"201": _parted("second", "first", 2, 4)},
    "retryRun": {"201": _parted("fourth", "third", 4, 6)},
    "getLog": {
        "200": {
            "entries": [
                _entry(
                    "run.started",
                    0,
                    2,
                    graph="chorus",
                    version="59cb45fa008c789c80f686a1cbc7d114eb6b70f13317b6f231be0e6c1c47842b",
                    state={"name": "Ada"},
                    breakpoints=[{"node": "echo"}],
                ),
                _entry("message.sent", 1, 2, to="greet"),
            ],
            "next": 1,
        }
    },
    "diffStates": {
        "200": {
            "run_id": "first",
            "from": 9,
            "to": 13,
            "added": {},
            "removed": {},
            "changed": {"greeting": {"from": "Hello, Ada!", "to": "Hello, Ada! Ada!"}},
        }
    },
    "getReport": {
        "200": {
            "run_id": "third",
            "graph_id": "chorus",
            "status": "failed",
            "error": _ERROR,
            "state": {"name": 7},
            "actions": [
                {
                    "method": "POST",
                    "path": "/api/v1/runs/third/retry",
                    "body": {},
                    "says": "make another attempt of node 'greet' in a new run, on the same state; "
                    "what has completed is not done again",
                }
            ],
            "node": "greet",
            "activation": 1,
            "attempt": 1,
            "messages": [1],
        }
    },
    "followRun": {"200": _EVENTS},
    "getDiagramText": {"200": _MERMAID},
    "listTools": {
        "200": {
            "tools": [
                {
                    "name": "forecast",
                    "description": "The weather of a city in the days to come.",
                    "execution": "async",
                    "kind": "http",
                    "version": 1,
                },
                _GREET,
            ]
        }
    },
    "getTool": {
        "200": {
            **_GREET,
            "input_schema": {
                "type": "object",
                "description": "Greet somebody: `greeting` from `name`.",
                "properties": {"name": {"type": "string"}},
                "required": ["name"],
            },
            "output_schema": {"type": "object"},
        }
    },
    "registerTool": {"201": _REGISTERED, "200": _REGISTERED},
    "removeTool": {"200": {"name": "forecast", "version": 1}},
    "tryTool": {"200": {"took": 0.213, "patch": {"temperature": 4.5}}},
    "healthz": {"200": {"status": "ok", "version": "0.1.0"}},
    "readyz": {"200": {"status": "ready", "version": "0.1.0"}},
}
"""By the name of an operation and the status."""
