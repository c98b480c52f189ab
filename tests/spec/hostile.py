"""A graph whose names and texts try to be something else than names and texts."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from engine.graph import Graph

NAMES: Final = (
    "end",
    "subgraph",
    '"); click n0 "javascript:alert(1)"',
    "a-->b",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt;&#34;",
    "}}-->",
    "%%{init: {}}%%",
    "`markdown` **bold**",
    "日本語のノード",
    "مرحبا",
    "e\u0301\u0323",
    "style: #fff;",
    "' onload='alert(1)",
    "x" * 70,
)

CONDITION: Final = (
    "name == '\"|--> <br/> ]]> </text><script>alert(1)</script> %%{init}%% ;:#34; \u202e'"
)

HOSTILE: Final = Graph.parse(
    {
        "name": "<script>alert(1)<script>",
        "nodes": {name: {"tool": f"tool of {name}"} for name in NAMES},
        "edges": {
            before: [{"when": CONDITION, "to": after}, {"on": "error", "to": after}]
            for before, after in pairwise(NAMES)
        },
        "entry": NAMES[0],
    }
)
