"""The page about runs says what the code does: its blocks run, its tables are complete.

A word behind the language says what is special about a block: `server` starts the server, or
kills it and starts it again, `refused` is answered with an error, `setup` is what the other
Python stands in. A block of JSON is in the answer to the request before it, which is made
again until it is, if it only reads: runs go on by themselves.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import time
from pathlib import Path
from typing import Final, get_args

import msgspec
import pytest

import engine
from api import control, following, forks, guard, stream
from engine import Durability, Engine, RunHandle, entry, tail
from engine.frame import AnyFrame
from engine.hosts.local import MOST_RUNS, rested
from tests.pages import holds, served
from tests.test_readme import free_port

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = (ROOT / "docs" / "runs.md").read_text()
ADDRESS: Final = "127.0.0.1:8000"
BLOCKS: Final[list[tuple[str, str, str]]] = re.findall(
    r"^```(\w+) ?(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)
PATIENCE: Final = 10.0
"""Seconds in which a run comes to where the page says it is."""


def asked(code: str, home: Path, *, refused: bool) -> dict[str, object]:
    """Make the requests of a block, and give the last answer."""
    told = code if refused else code.replace("curl ", "curl --fail-with-body ")
    done = subprocess.run(
        ["bash", "-euc", told.replace("curl ", "curl -w '\\n' ")],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
    answer: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


@pytest.mark.timeout(120)
def test_the_requests_of_the_page_are_answered_as_it_says(tmp_path: Path) -> None:
    port = free_port()
    blocks = [(*block[:2], block[2].replace(ADDRESS, f"127.0.0.1:{port}")) for block in BLOCKS]
    servers = [n for n, block in enumerate(blocks) if block[:2] == ("bash", "server")]
    assert servers[0] == 0
    for start, end in zip(servers, [*servers[1:], len(blocks)], strict=True):
        with served(blocks[start][2], port, tmp_path):
            play(blocks[start + 1 : end], tmp_path)


def play(blocks: list[tuple[str, str, str]], home: Path) -> None:
    """Make the requests of some blocks, one after the other."""
    for n, (language, mark, code) in enumerate(blocks):
        if language != "bash":
            continue
        answer = asked(code, home, refused=mark == "refused")
        follows = blocks[n + 1] if n + 1 < len(blocks) else ("", "", "")
        if follows[0] == "json":
            part = json.loads(follows[2])
            until = time.monotonic() + PATIENCE
            reads = "POST" not in code and "--json" not in code
            while reads and not holds(part, answer) and time.monotonic() < until:
                answer = asked(code, home, refused=False)
            assert holds(part, answer), f"{part}\n{answer}"


@pytest.mark.timeout(60)
async def test_the_python_of_the_page_runs_and_hears_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    codes = {mark: code for language, mark, code in BLOCKS if language == "python" and mark}
    body = "".join(code for language, mark, code in BLOCKS if language == "python" and not mark)
    around, _, _ = codes["setup"].partition("    ...")
    inside = "".join(f"    {line}" if line.strip() else line for line in body.splitlines(True))
    code = compile(around + inside, "runs.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    made: dict[str, object] = {}
    await eval(code, made)  # noqa: S307  # the page is ours
    assert made["said"][:2] == shown_frames()  # type: ignore[index]  # a list
    opened = [json.loads(code) for _, _, code in BLOCKS if '"stream.opened"' in code]
    assert [each["run_id"] for each in opened] == ["fifth"]


def shown_frames() -> list[AnyFrame]:
    """Give the frames on the page."""
    return [
        msgspec.json.decode(code, type=AnyFrame)
        for language, _, code in BLOCKS
        if language == "json" and '"type": "node.' in code
    ]


def test_nobody_has_forgotten_a_block() -> None:
    marks = {(language, mark) for language, mark, _ in BLOCKS}

    assert marks == {
        ("bash", "server"), ("bash", ""), ("bash", "refused"), ("json", ""),
        ("python", "setup"), ("python", ""),
    }  # fmt: skip
    assert PAGE.count("\n```") == 2 * len(BLOCKS)


# -- its tables ---------------------------------------------------------------------------


def rows(columns: int) -> list[list[str]]:
    """Give the rows of all tables with so many columns."""
    lines = re.findall(r"^\| (.*) \|$", PAGE, re.MULTILINE)
    split = [re.split(r" ?\| ?", line) for line in lines]
    return [row for row in split if len(row) == columns and row[0].startswith("`")]


REQUESTS: Final = {
    each.path.rpartition("/")[2]: each.body
    for each in (*control.OPERATIONS, *forks.OPERATIONS)
    if each.body is not None
}


def test_every_command_is_on_the_page_with_its_body_and_its_method() -> None:
    told = [row for row in (*rows(5), *rows(4)) if row[0].strip("`") in REQUESTS]

    assert [row[0].strip("`") for row in told] == [*REQUESTS]
    for name, body, method, *_ in told:
        fields = {
            each.encode_name + ("" if each.required else "?")
            for each in msgspec.structs.fields(REQUESTS[name.strip("`")])
        }
        assert {f"{word}{mark}" for word, mark in re.findall(r"`(\w+)`(\??)", body)} == fields
        takes = [*inspect.signature(getattr(RunHandle, method.strip("`"))).parameters][1:]
        assert takes == [field.strip("?") for field in re.findall(r"`(\w+)`", body)]


def test_every_entry_that_a_command_causes_is_one() -> None:
    types = {msgspec.inspect.type_info(each).tag for each in entry.ENTRY_TYPES}  # type: ignore[attr-defined]  # structs have one

    assert {row[4].strip("`") for row in rows(5)} <= types


def test_every_method_that_reads_is_there() -> None:
    for _, methods, _ in (row for row in rows(3) if "/api/v1/" in row[0]):
        for name in re.findall(r"`([\w.]+)`", methods):
            owner, _, method = name.rpartition(".")
            assert hasattr(Engine if owner else RunHandle, method)


def test_every_durability_is_on_the_page() -> None:
    told = [row[0].strip("`") for row in rows(3)]

    assert [word for word in told if word in get_args(Durability)] == [*get_args(Durability)]


@pytest.mark.parametrize(
    "name", ["RunOver", "RunExists", "NotApplicable", "Overloaded", "StoreUnavailable"]
)
def test_the_codes_of_errors_are_on_the_page(name: str) -> None:
    assert f"| `{getattr(engine, name).code}` |" in PAGE


def test_every_field_of_a_frame_is_on_the_page() -> None:
    told = {
        name: where
        for names, where, _ in rows(3)
        if where == "both" or where.startswith("`node.")
        for name in re.findall(r"`(\w+)`", names)
    }
    fields = {kind: {*kind.__struct_fields__} for kind in get_args(AnyFrame)}
    both = set.intersection(*fields.values())

    assert told == dict.fromkeys(both, "both") | {
        name: f"`{kind.__struct_config__.tag}`"
        for kind, names in fields.items()
        for name in names - both
    }


def test_every_code_that_a_stream_is_closed_with_is_on_the_page() -> None:
    ours = {stream.OVER, stream.BROKEN, stream.BAD_QUERY, stream.NO_SUCH_RUN, stream.FELL_BEHIND}
    ours |= {guard.REFUSED, guard.MISDIRECTED}
    told = [int(row[0].strip("`")) for row in rows(3) if row[0].strip("`").isdigit()]

    assert told == sorted({*ours, 1012})  # which is of the server below
    assert f"for {following.PATIENCE:g} seconds; the reason is" in PAGE


def test_the_figures_of_the_page_are_those_of_the_code() -> None:
    assert f"refused when {MOST_RUNS:,} go on" in PAGE
    assert f"{tail.FRAMES} wait for it" in PAGE
    assert f"beyond {rested.RESTING} they leave the memory" in PAGE
