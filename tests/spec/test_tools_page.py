"""The page about tools says what the code does: its examples run, its table is complete.

The block marked `tools` is the module `my_tools` that the others use.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

import pytest

from engine import Engine, RunFailed, ToolError, Tools, entry
from engine.graph.words import NODE_CODES
from engine.tool import GROUP

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "tools.md").read_text()
BLOCKS: Final[dict[str, str]] = dict(
    re.findall(r"^```([\w ]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
)
DOCUMENT: Final = json.loads(BLOCKS["json"])
ROWS: Final = {
    code: (retried, rule)
    for code, retried, rule in re.findall(
        r"^\| `([A-Z_]+)` \| .*? \| (\w+) \| (\w+) \|$", PAGE, re.MULTILINE
    )
}
OF_RUNS: Final = set(re.findall(r"^\| `([A-Z_]+)` \| [^|]* \|$", PAGE, re.MULTILINE))


@pytest.fixture(autouse=True)
def my_tools(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Make a module of the tools on the page."""
    made = ModuleType("my_tools")
    monkeypatch.setitem(sys.modules, "my_tools", made)
    exec(compile(BLOCKS["python tools"], "my_tools.py", "exec"), vars(made))  # noqa: S102  # ours
    return made


@pytest.fixture
async def engine(my_tools: ModuleType) -> AsyncGenerator[Engine, None]:
    """Give an engine with the tools on the page."""
    async with Engine(tools=[my_tools.split, my_tools]) as engine:
        yield engine


def test_there_is_one_block_of_each_kind_and_no_other() -> None:
    assert PAGE.count("\n```") == 2 * len(BLOCKS)
    assert {*BLOCKS} == {"python tools", "python", "python signature", "json", "toml"}


def test_the_engine_runs_the_tools_and_the_graph_of_the_page() -> None:
    code = compile(BLOCKS["python"], "tools.md", "exec")
    exec(code, {"DOCUMENT": DOCUMENT})  # noqa: S102  # the page is ours


def test_the_entry_point_of_the_page_gives_the_tools_of_its_module() -> None:
    (point,) = tomllib.loads(BLOCKS["toml"])["project"]["entry-points"][GROUP].items()

    tools = Tools([EntryPoint(*point, GROUP).load()])
    assert set(tools) == {"text.longest", "decide", "publish", "reject", "slow"}


def test_a_tool_error_takes_what_the_page_says() -> None:
    names = re.findall(r"(\w+)(?:=(\S+?))?[,)]", BLOCKS["python signature"])
    told = {name: default or None for name, default in names}
    takes = inspect.signature(ToolError).parameters.values()

    assert told == {
        each.name: None if each.default is each.empty else str(each.default) or '""'
        for each in takes
    }


async def test_a_tool_that_has_no_word_fails_as_it_says(engine: Engine) -> None:
    nodes = {"decide": {"routes": ["reject"]}, "reject": {"retry": {"max_attempts": 3}}}
    graph = await engine.create({"name": "g", "nodes": nodes})

    with pytest.raises(RunFailed) as failed:
        await engine.run(graph, {})
    assert (failed.value.code, failed.value.report.attempt) == ("NO_WORD", 1)


def test_every_code_of_an_error_of_a_node_is_on_the_page() -> None:
    assert {*ROWS} == NODE_CODES


def test_every_code_that_the_core_gives_is_on_the_page() -> None:
    sources = [*(ROOT / "engine" / "decide").glob("*.py"), ROOT / "engine" / "call.py"]
    given = {code for path in sources for code in re.findall(r'code="([A-Z_]+)"', path.read_text())}

    assert given <= {*ROWS} | OF_RUNS


FAILING: Final[dict[str, tuple[dict[str, object], list[object]]]] = {
    # Code to a node that fails with it, and the rules behind that node.
    "TOOL_FAILED": ({"tool": "split", "args": {"text": 3}}, []),
    "TIMEOUT": ({"tool": "slow", "timeout": 0.01}, []),
    "TOTAL_TIMEOUT": ({"tool": "slow", "total_timeout": 0.01}, []),
    "MISSING_INPUT": ({"tool": "split"}, []),
    "MISSING_OUTPUT": ({"tool": "split", "args": {"text": ""}, "outputs": {"a": "b"}}, []),
    "BAD_RESULT": ({"tool": "text.longest", "args": {"words": ["a"]}}, []),
    "BAD_OUTPUT": ({"tool": "split", "args": {"text": "a " * 2000}}, []),
    "REDUCER_FAILED": ({"tool": "text.longest", "args": {"words": ["a"]}, "output": "sum"}, []),
    "STATE_TOO_LARGE": ({"tool": "split", "args": {"text": "a " * 1200}}, []),
    "NO_ROUTE": ({"tool": "slow"}, [{"when": "n > 1", "to": "end"}]),
    "ROUTE_NOT_DECLARED": ({"tool": "decide"}, []),
    "CONDITION_MISSING_KEY": ({"tool": "split", "inputs": {"text": "nothing"}}, []),
    "CONDITION_TYPE": ({"tool": "slow"}, [{"when": "n > 'a'", "to": "end"}]),
    "CONDITION_NOT_BOOL": ({"tool": "slow"}, [{"when": "n", "to": "end"}]),
    "CONDITION_TOO_EXPENSIVE": (
        {"tool": "slow"},
        [{"when": "many.all(a, many.all(b, a == b || a != b))", "to": "end"}],
    ),
}


@pytest.mark.parametrize("code", sorted(NODE_CODES))
async def test_an_error_is_retried_and_taken_by_a_rule_as_the_table_says(
    engine: Engine, code: str
) -> None:
    node, rules = FAILING[code]
    graph = await engine.create(
        {
            "nodes": {
                "n": {**node, "retry": {"max_attempts": 2, "delay": 0}},
                "end": {"tool": "split", "args": {"text": "taken"}},
            },
            "edges": {"n": [*rules, {"on": code, "to": "end"}]},
            "state": {
                "defaults": {"n": 1, "sum": 1, "many": [*range(200)]},
                "reducers": {"sum": "sum"},
            },
            "limits": {"max_state": 5000, "max_patch": 5500},
        }
    )
    run = await engine.start(graph)
    state = await run.result()

    attempts = [each.attempt async for each in run.tail() if isinstance(each, entry.NodeStarted)]
    assert state["words"] == ["taken"]
    assert ROWS[code] == ("yes" if len(attempts) == 3 else "no", "yes")
