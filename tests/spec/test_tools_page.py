"""The page about tools says what the code does: its examples run, its table is complete.

The block marked `tools` is the module `my_tools` that the others use.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

import pytest

from engine import Context, Engine, MemoryCache, RunFailed, ToolError, Tools, entry, results
from engine.graph.words import NODE_CODES
from engine.hosts.local import actor, processes, threads
from engine.tool import GROUP, Execution
from tests.host import heavy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from types import ModuleType

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "tools.md").read_text()
BLOCKS: Final[dict[str, str]] = dict(
    re.findall(r"^```([\w ]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
)
PAUSES: Final = {"TOOL_MISSING"}
"""Codes after which a run waits for a person: no rule of a graph can name them."""
DOCUMENT: Final = json.loads(BLOCKS["json"])
ROWS: Final = {
    code: (retried, rule)
    for code, retried, rule in re.findall(
        r"^\| `([A-Z_]+)` \| .*? \| (\w+) \| (\w+) \|$", PAGE, re.MULTILINE
    )
}
OF_RUNS: Final = set(re.findall(r"^\| `([A-Z_]+)` \| [^|]* \|$", PAGE, re.MULTILINE))


@pytest.fixture(autouse=True)
def my_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """Make a module of the tools on the page, which processes find as well."""
    (tmp_path / "my_tools.py").write_text(BLOCKS["python tools"])
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_tools", raising=False)
    return importlib.import_module("my_tools")


@pytest.fixture
async def engine(my_tools: ModuleType) -> AsyncGenerator[Engine, None]:
    """Give an engine with the tools on the page."""
    async with Engine(tools=[my_tools.split, my_tools, heavy.leave]) as engine:
        yield engine


def test_there_is_one_block_of_each_kind_and_no_other() -> None:
    assert PAGE.count("\n```") == 2 * len(BLOCKS)
    assert {*BLOCKS} == {
        "python tools", "python", "python cache", "python signature", "json", "toml",
    }  # fmt: skip


def test_the_engine_runs_the_tools_and_the_graph_of_the_page() -> None:
    code = compile(BLOCKS["python"], "tools.md", "exec")
    exec(code, {"DOCUMENT": DOCUMENT})  # noqa: S102  # the page is ours


def test_the_entry_point_of_the_page_gives_the_tools_of_its_module() -> None:
    (point,) = tomllib.loads(BLOCKS["toml"])["project"]["entry-points"][GROUP].items()

    tools = Tools([EntryPoint(*point, GROUP).load()])
    assert set(tools) == {
        "text.longest", "decide", "publish", "reject", "slow", "read", "anagrams", "double",
    }  # fmt: skip


async def test_the_cache_of_the_page_forgets() -> None:
    code = compile(BLOCKS["python cache"], "tools.md", "exec")
    made: dict[str, object] = {}
    exec(code, made)  # noqa: S102  # the page is ours
    cache, forget = made["cache"], made["forget"]
    assert isinstance(cache, MemoryCache)
    assert callable(forget)
    await cache.set("text.longest/1", b"1", None)
    await forget()
    assert len(cache) == 0


async def test_a_typed_tool_of_the_page_reads_pages_and_tells_about_it(engine: Engine) -> None:
    pages = [{"url": "a", "title": "A"}, {"url": "b"}]
    run = await engine.start({"nodes": ["read"]}, {"pages": pages})
    assert (await run.result())["last"] == {"url": "b", "title": ""}


@pytest.mark.timeout(60)
async def test_the_tools_of_the_page_run_where_they_say(engine: Engine) -> None:
    document = {"nodes": ["anagrams", "double"], "edges": {"anagrams": "double"}}
    state = await engine.run(document, {"longest": "bee", "n": 4})
    assert (state["anagrams"], state["n"]) == (3, 8)


def test_the_page_names_every_place_where_a_tool_can_run() -> None:
    named = {word for word in get_args(Execution) if f'execution="{word}"' in PAGE}
    assert named == {*get_args(Execution)} - {"thread"}  # which is the default


def test_the_page_names_all_that_a_context_has() -> None:
    cells = re.findall(r"^\| (`[^|]+`) \| ", PAGE, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)[`(]", cell)}
    has = {name for name in dir(Context) if not name.startswith("_")}
    assert has <= named


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    assert f"{threads.LIMIT} threads for all" in PAGE
    assert f"{actor.PARALLEL} of a node" in PAGE
    assert (processes.ATTEMPTS, processes.IDLE, results.PATIENCE) == (3, 60, 2)  # in words
    assert f"{MemoryCache().max_bytes >> 20} MiB" in PAGE


async def test_a_run_whose_tool_is_missing_goes_on_when_it_is_there(my_tools: ModuleType) -> None:
    async with Engine(tools=[my_tools]) as engine:
        graph = await engine.create({"nodes": {"double": {"retry": {"max_attempts": 3}}}})
        tools = engine.tools._tools
        double = tools.pop("double")
        run = await engine.start(graph, {"n": 1})
        await run.rest()
        (failed,) = [each async for each in aiter_until_paused(run.tail())]
        assert failed.error.code == "TOOL_MISSING"

        engine.tools.add(double)
        await run.resume()
        assert (await run.result())["n"] == 2


async def aiter_until_paused(
    entries: AsyncGenerator[entry.AnyEntry, None],
) -> AsyncGenerator[entry.NodeFailed, None]:
    """Go through the failures of a run up to where it pauses."""
    async for each in entries:
        if isinstance(each, entry.NodeFailed):
            yield each
        if isinstance(each, entry.RunPaused):
            return


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
    # Those that graphs can name, and those that stop a run before any rule is asked.
    assert {*ROWS} >= NODE_CODES
    assert {*ROWS} - NODE_CODES <= {"BAD_INPUT", "WORKER_LOST", *PAUSES}


def test_every_code_that_the_core_gives_is_on_the_page() -> None:
    names = "call.py outcome.py failure.py hosts/local/calls.py hosts/local/threads.py"
    sources = [
        *(ROOT / "engine" / "decide").glob("*.py"),
        *(ROOT / "engine" / name for name in [*names.split(), "hosts/local/processes.py"]),
    ]
    given = {code for path in sources for code in re.findall(r'code="([A-Z_]+)"', path.read_text())}

    assert given <= {*ROWS} | OF_RUNS


FAILING: Final[dict[str, tuple[dict[str, object], list[object]]]] = {
    # Code to a node that fails with it, and the rules behind that node.
    "TOOL_FAILED": ({"tool": "text.longest", "args": {"words": []}}, []),
    "BAD_INPUT": ({"tool": "split", "args": {"text": 3}}, []),
    "WORKER_LOST": ({"tool": "leave", "args": {"code": 1}}, []),
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


@pytest.mark.timeout(60)
@pytest.mark.parametrize("code", sorted({*ROWS} - PAUSES))
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
