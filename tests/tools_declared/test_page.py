"""The page about declared tools says what the code does: its examples run, its tables are whole."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from engine import DeclaredTool, Engine, InvalidDeclaration, installed_tools
from engine.declaration import problems as of_problems
from engine.declaration import reading
from tests.api.conftest import client_of, serving
from tests.tools_declared.declaring import declaring, kinds, tried, written
from tests.tools_declared.site import as_json
from tools import evaluation, template
from tools.http import answer, fields
from tools.http.allowance import SETTING, Allowance
from tools.http.fields import HttpFields

if TYPE_CHECKING:
    from tests.tools_declared.site import Site

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "registered-tools.md").read_text()
BLOCKS = re.findall(r"^```([\w ]+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
DECLARED: dict[str, dict[str, Any]] = {
    kind.removeprefix("json "): json.loads(text) for kind, text in BLOCKS if "json" in kind
}
CODE = dict(block for block in BLOCKS if "python" in block[0])


def section(title: str) -> str:
    found = re.search(
        rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", PAGE, re.DOTALL | re.MULTILINE
    )
    assert found, f"the page has no section {title!r}"
    return found[2]


def rows(title: str) -> dict[str, str]:
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|$", section(title), re.MULTILINE))


def test_every_kind_has_an_example() -> None:
    assert {*DECLARED} == {"expression", "template", "http"}
    assert all(kind == declared["kind"] for kind, declared in DECLARED.items())


async def test_the_expression_of_the_page_is_worked_out() -> None:
    async with declaring() as engine:
        got = await written(engine, DECLARED["expression"], text="x" * 1001)
        assert got == {"length": 1001, "is_long": True}


async def test_the_template_of_the_page_is_filled() -> None:
    async with declaring() as engine:
        got = await written(engine, DECLARED["template"], name="Ada")
        assert got == {
            "subject": "Your 2 seats",
            "letter": "Dear Ada,\n\n2 seats are yours {until Friday}.",
        }
        trial = await tried(engine, DECLARED["template"], name="", seats=0)
        assert trial.error is not None
        assert len(trial.error.details["problems"]) == 2  # type: ignore[arg-type]  # it is a list


async def test_the_request_of_the_page_is_sent(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWE_SECRET_WEATHER", "sunny")
    site.pages["/v1/cities/Oslo/forecast"] = as_json(
        {"daily": [{"temperature": -3}]}, X_Calls_Left="17"
    )
    declared = DECLARED["http"]
    there = declared["url"].replace("https://api.example.com", site.at(""))
    async with declaring(site.host) as engine:
        await engine.tools.register(declared)  # as it stands there
        got = await written(engine, {**declared, "url": there}, city="Oslo")

    assert got == {"temperature": -3, "left": "17"}
    (asked,) = site.asked
    assert asked.path == "/v1/cities/Oslo/forecast?days=3&format=json"
    assert asked.headers["authorization"] == "Bearer sunny"


def test_the_python_of_the_page_runs() -> None:
    """As it stands there, with nothing brought along; and of what the page declares."""
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(CODE["python"], "registered-tools.md", "exec"), names)  # noqa: S102  # the page is ours
    assert names["SIZE_UP"] == DECLARED["expression"]


async def test_the_kind_of_the_page_makes_tools() -> None:
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(CODE["python kind"], "registered-tools.md", "exec"), names)  # noqa: S102  # as above
    async with Engine(tool_kinds=[names["ConstantKind"]()]) as engine:
        constant = {"name": "seven", "kind": "constant", "value": 7}
        made = (await engine.tools.register(constant)).tool
        assert isinstance(made, DeclaredTool)
        assert await engine.run({"nodes": ["seven"]}) == {"value": 7}
        with pytest.raises(InvalidDeclaration, match="turn it round"):
            await engine.tools.register({**constant, "value": -7})


async def test_the_request_to_the_server_of_the_page_is_answered() -> None:
    ((body, path),) = re.findall(r"^curl --json '(.*)' localhost:8000(\S+)$", PAGE, re.MULTILINE)
    engine = Engine(tool_kinds=kinds(), tools=installed_tools())
    async with serving(engine) as address, client_of(address) as client:
        made = await client.post("/api/v1/tools", json=DECLARED["expression"])
        assert made.status_code == 201
        tried = await client.post(path, json=json.loads(body))
        assert tried.json()["patch"] == {"length": 5, "is_long": False}


def test_the_list_of_the_page_can_be_read() -> None:
    (setting,) = re.findall(rf"^{SETTING}=(\S+) awe serve$", PAGE, re.MULTILINE)

    allowance = Allowance.read(setting)
    assert allowance.names("localhost", 9200)
    assert not allowance.names("localhost", 80)


def test_the_tables_have_every_field() -> None:
    common = {"name", "kind", "description", "input", "output"}

    assert {*rows("What every declaration says")} == common
    assert {*rows("`http`")} - {*rows("Its errors")} == {
        each.name for each in msgspec.structs.fields(HttpFields)
    }


def test_the_limits_are_those_of_the_code() -> None:
    said = rows("`http`")

    assert f"at most {fields.MAX_TIMEOUT};" in said["timeout"]
    assert f"at most {fields.MAX_BYTES >> 20} MiB" in said["max_bytes"]
    assert f"at most {fields.MAX_REDIRECTS}," in said["redirects"]
    assert f"{template.MAX_TEXT:,} characters" in PAGE
    assert f"at most {reading.MAX_DOCUMENT >> 10} KiB" in PAGE
    assert f"more than {of_problems.MAX_EXPRESSIONS}." in PAGE
    assert f"at most {evaluation.MOST:,} values" in PAGE
    assert f"all of one call together {evaluation.MOST_IN_ALL:,}." in PAGE
    assert f"{evaluation.TEXT} characters of a text count as one value" in PAGE
    assert "408, 425, 429 and from 500 on, but for 501 and 505" in PAGE
    assert {408, 425, 429} == answer._AGAIN
    assert {501, 505} == answer._NEVER


_ADDED = re.compile(r'\.add\(\s*"([A-Z_]+)"|\bcode="([A-Z_]+)"|Problem\(\s*"([A-Z_]+)"')


def test_the_tables_have_every_code() -> None:
    sources = [*(ROOT / "tools" / "http").glob("*.py"), *(ROOT / "engine/declaration").glob("*.py")]
    sources += [
        *(ROOT / "engine/validator").glob("*.py"),
        ROOT / "tools/placeholders.py",
        ROOT / "tools/evaluation.py",
    ]
    used = {
        next(filter(None, found))
        for source in sources
        for found in _ADDED.findall(source.read_text())
    }
    told = set(re.findall(r"`([A-Z_]+)`", PAGE))

    assert used - told - {"MISSING_INPUT"} == set()
    assert {*rows("Its errors")} - {"HTTP_404"} <= used
