"""What an expression gives: parts of the state as they are, and nothing beyond measure."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from engine.condition import Condition, Expression
from engine.condition.cost import MAX_READ
from engine.condition.result import MAX_CHARS, MAX_ITEMS
from engine.errors import ConditionFailed

if TYPE_CHECKING:
    from engine.ids import Json

ROOT: Final = Path(__file__).parent.parent.parent

LONG: Final = "x" * 1_000_000
MANY: Final[list[Json]] = list(range(30_000))
ROWS: Final[list[Json]] = [{"a": n, "b": [n]} for n in range(15_000)]


def copies(name: str, count: int, brackets: str = "[]") -> str:
    """Write a list, or an object, of so many references."""
    if brackets == "[]":
        return f"[{', '.join([name] * count)}]"
    return "{" + ", ".join(f"'{i}': {name}" for i in range(count)) + "}"


TOO_MUCH: Final[list[tuple[str, dict[str, Json]]]] = [
    (copies("a", 600), {"a": LONG}),
    (copies("a", 150, "{}"), {"a": LONG}),
    (copies("state.a", 150), {"a": LONG}),
    (copies("a.b[0]", 150), {"a": {"b": [LONG]}}),
    (copies("a[k]", 200), {"a": {"b": LONG}, "k": "b"}),
    (copies("[a, a]", 200), {"a": LONG}),
    (copies("(c ? a : b)", 150), {"a": LONG, "b": "", "c": True}),
    (copies("dyn(a)", 200), {"a": LONG}),
    (copies("state", 200), {"a": LONG}),
    ("a + a + a + a + a", {"a": LONG}),
    ("string(a) + a", {"a": LONG * 3}),
    ("[a + a, [a, a, a]]", {"a": LONG}),
    ("many + many", {"many": MANY}),
    ("[many]", {"many": MANY}),
    ("{'rows': rows}", {"rows": ROWS}),
    ("c ? [rows] : []", {"rows": ROWS, "c": False}),
]


@pytest.mark.parametrize(("text", "state"), TOO_MUCH, ids=[text[:40] for text, _ in TOO_MUCH])
def test_a_value_that_would_be_too_large_is_not_made(text: str, state: dict[str, Json]) -> None:
    expression = Expression.compile(text)
    began = time.process_time()

    with pytest.raises(ConditionFailed) as caught:
        expression.value(state)

    assert caught.value.code == "CONDITION_TOO_EXPENSIVE"
    assert "node" in caught.value.hint
    assert time.process_time() - began < 0.25


ALLOWED: Final[list[tuple[str, dict[str, Json], Json]]] = [
    ("[a, a]", {"a": LONG}, [LONG, LONG]),
    ("{'a': [a], 'n': n + 1}", {"a": LONG, "n": 1}, {"a": [LONG], "n": 2}),
    ("size(many + many)", {"many": MANY}, 60_000),
    ("[many[0], many[1]]", {"many": MANY}, [0, 1]),
    ("[rows[3].b, rows[0].a]", {"rows": ROWS}, [[3], 0]),
    ("c ? 'a' : b", {"b": "b", "c": False}, "b"),
    ("[text]", {"text": ["a,b," * 50_000]}, [["a,b," * 50_000]]),
]


@pytest.mark.parametrize(("text", "state", "value"), ALLOWED, ids=[text for text, *_ in ALLOWED])
def test_a_value_that_is_not_too_large_is_made_of_large_ones(
    text: str, state: dict[str, Json], value: Json
) -> None:
    assert Expression.compile(text).value(state) == value


WAYS: Final[list[tuple[str, Json]]] = [
    ("rows", ROWS),
    ("state.rows", ROWS),
    ('state["rows"]', ROWS),
    ("state.deep.rows", ROWS),
    ('deep["rows"]', ROWS),
    ("deep.list[1]", ROWS),
    ("deep.list[1][2].b", [2]),
    ("deep.none", None),
    ("deep.half", 0.5),
]


@pytest.mark.parametrize(("text", "value"), WAYS, ids=[text for text, _ in WAYS])
def test_a_part_of_the_state_is_given_however_large_it_is_and_is_a_copy(
    text: str, value: Json
) -> None:
    state: dict[str, Json] = {
        "rows": ROWS,
        "deep": {"rows": ROWS, "list": [0, ROWS], "none": None, "half": 0.5},
    }

    found = Expression.compile(text).value(state)

    assert found == value
    if isinstance(found, list):
        found.clear()
        assert Expression.compile(text).value(state) == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("deep.nothing", "CONDITION_MISSING_KEY"),
        ("nothing.deep", "CONDITION_MISSING_KEY"),
        ("deep.list[7]", "CONDITION_MISSING_KEY"),
        ("deep.list[-1]", "CONDITION_MISSING_KEY"),
        ("deep.list.a", "CONDITION_TYPE"),
    ],
)
def test_a_way_that_leads_nowhere_is_told_as_ever(text: str, code: str) -> None:
    with pytest.raises(ConditionFailed) as caught:
        Expression.compile(text).value({"deep": {"list": [1]}})

    assert caught.value.code == code


@pytest.mark.parametrize("text", ["size(rows) > 1", "rows[0] == 1", "rows.exists(r, r == 1)"])
@pytest.mark.parametrize("rows", [[*range(MAX_READ + 1)], [{"a": 1, "b": [1]}] * (MAX_READ // 3)])
def test_more_than_so_many_items_are_not_read(text: str, rows: list[Json]) -> None:
    began = time.process_time()

    with pytest.raises(ConditionFailed, match=f"more than {MAX_READ:,} items") as caught:
        Condition.compile(text).holds({"rows": rows})

    assert caught.value.code == "CONDITION_TOO_EXPENSIVE"
    assert time.process_time() - began < 0.25


def test_a_text_is_read_whatever_its_commas_and_its_length() -> None:
    state: dict[str, Json] = {"file": {"text": "a,b," * 500_000, "lines": 3}}

    assert Condition.compile("file.lines == 3 && file.text.startsWith('a,')").holds(state)


PEAK: Final = """
import json, resource, sys
from engine.condition import Expression
from engine.errors import ConditionFailed

state = {"a": "x" * 1_000_000}
text = sys.stdin.read()
expression = Expression.compile(text)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    expression.value(state)
    code = ""
except ConditionFailed as error:
    code = error.code
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([code, (after - before) // 1024]))
"""


def grown(text: str) -> tuple[str, int]:
    """Evaluate in a process of its own; give the error code, and by how many MiB it grew."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK],
        input=text,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    code, megabytes = json.loads(done.stdout)
    return code, megabytes


def test_nine_hundred_references_to_a_megabyte_take_no_memory() -> None:
    code, megabytes = grown("[" + "a," * 899 + "a]")

    assert code == "CONDITION_TOO_EXPENSIVE"
    assert megabytes < 20  # worked out, it was 900


def test_what_is_allowed_takes_no_more_memory_than_a_few_of_its_copies() -> None:
    code, megabytes = grown(copies("a", MAX_CHARS // 1_000_000))

    assert code == ""
    assert megabytes < 5 * MAX_CHARS >> 20


def test_the_limits_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "conditions.md").read_text(encoding="utf-8")

    for limit in (MAX_READ, MAX_ITEMS, MAX_CHARS):
        assert f"{limit:,}" in page
