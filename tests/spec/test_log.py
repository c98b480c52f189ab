"""`docs/log.md` is what the code says, and entries survive being written down."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from engine import entry as log
from engine.run.apply import APPLY
from tests.spec.story import Story, workflow

PAGE = (Path(__file__).parents[2] / "docs" / "log.md").read_text()
AT = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)


def section(title: str) -> str:
    found = re.search(rf"^### {re.escape(title)}\n(.*?)(?=^##|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"docs/log.md has no section {title!r}"
    return found[1]


def table(text: str) -> dict[str, bool]:
    """Field to whether it is marked optional."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", text, re.MULTILINE)
    return {name: kind.endswith("optional") for name, kind in rows}


def own_fields(struct: type[msgspec.Struct], *inherited: type[msgspec.Struct]) -> dict[str, bool]:
    known = {f.name for base in inherited for f in msgspec.structs.fields(base)}
    return {
        f.encode_name: not f.required for f in msgspec.structs.fields(struct) if f.name not in known
    }


@pytest.mark.parametrize("kind", log.ENTRY_TYPES, ids=lambda kind: kind.__struct_config__.tag)
def test_each_type_is_in_the_table_with_all_its_fields(kind: type[log.Entry]) -> None:
    text = section(f"`{kind.__struct_config__.tag}`")
    caused = issubclass(kind, log.Caused)

    assert f"`{kind.__name__}`" in text
    assert ("(*caused*)" in text) == caused
    assert table(text) == own_fields(kind, log.Caused if caused else log.Entry)


@pytest.mark.parametrize(
    ("title", "struct"),
    [
        ("error", log.ErrorInfo),
        ("breakpoint", log.Breakpoint),
        ("counts", log.Counts),
        ("blob", log.Blob),
    ],
)
def test_each_object_inside_an_entry_is_in_the_table(
    title: str, struct: type[msgspec.Struct]
) -> None:
    assert table(section(title)) == own_fields(struct)


def test_the_table_has_no_type_that_the_code_does_not_know() -> None:
    titles = set(re.findall(r"^### `([\w.]+)`$", PAGE, re.MULTILINE))

    assert titles == {kind.__struct_config__.tag for kind in log.ENTRY_TYPES}


def test_every_type_of_entry_can_be_applied_to_a_run() -> None:
    assert set(APPLY) == set(log.ENTRY_TYPES) == set(get_args(log.AnyEntry))


def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    exec(compile(code, "log.md", "exec"), {})  # noqa: S102  # the page is ours

    assert capsys.readouterr().out.splitlines() == [
        "the start -> greet",
        "greet wrote {'greeting': 'Hello, Ada!'}",
        "over, messages consumed: 1",
    ]


def completed(seq: int, batch: int) -> log.NodeCompleted:
    return log.NodeCompleted(
        seq=log.Seq(seq),
        batch=log.Seq(batch),
        at=AT,
        run_id=log.RunId("r"),
        node="score",
        activation=log.ActivationId(1),
        attempt=1,
        patch={"quality_score": 8, "notes": ["ü", None, 1.5]},
    )


def test_an_entry_is_one_line_of_json_with_utc_time_and_without_defaults() -> None:
    assert (
        log.encode(completed(12, 14))
        == (
            '{"type":"node.completed","seq":12,"batch":14,"at":"2026-11-22T10:00:00.123456Z",'
            '"run_id":"r","node":"score","activation":1,"attempt":1,'
            '"patch":{"quality_score":8,"notes":["ü",null,1.5]}}'
        ).encode()
    )


def test_an_entry_is_equal_after_writing_and_reading() -> None:
    entry = completed(12, 14)

    assert log.decode(log.encode(entry)) == entry


def test_a_result_from_the_cache_says_so_and_no_other_does() -> None:
    story = Story(workflow({"a": "b"}))

    story.feed(story.result("a", patch={"x": 1}, cached=True)).completes("b")
    told = [each.cached for each in story.entries if isinstance(each, log.NodeCompleted)]
    assert told == [True, False]
    assert [b'"cached":true' in log.encode(each) for each in story.entries].count(True) == 1


def test_a_batch_is_read_back_whole() -> None:
    batch = (completed(3, 5), completed(4, 5), completed(5, 5))

    assert log.decode_batch(log.encode_batch(batch)) == batch


@pytest.mark.parametrize(
    "torn",
    [
        (completed(3, 5), completed(4, 5)),
        (completed(3, 5), completed(5, 5)),
        (completed(3, 3), completed(4, 5), completed(5, 5)),
    ],
    ids=["its end is missing", "its middle is missing", "two batches in one row"],
)
def test_a_torn_batch_is_unreadable(torn: tuple[log.NodeCompleted, ...]) -> None:
    with pytest.raises(ValueError, match="torn batch"):
        log.decode_batch(log.encode_batch(torn))


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_batch_cut_in_the_middle_of_a_line_is_unreadable(cut: int) -> None:
    row = log.encode_batch((completed(3, 4), completed(4, 4)))

    with pytest.raises((ValueError, msgspec.DecodeError)):
        log.decode_batch(row[:-cut])


def test_an_unknown_type_is_refused_by_name() -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape("node.exploded")):
        log.decode(log.encode(completed(1, 1)).replace(b"node.completed", b"node.exploded"))


def test_the_tree_of_errors_is_drawn_whole() -> None:
    import engine  # noqa: PLC0415  # the whole of it, so that every branch is there
    from engine import errors  # noqa: PLC0415

    def below(kind: type[Exception]) -> set[str]:
        ours = [each for each in kind.__subclasses__() if each.__module__.startswith("engine.")]
        return {kind.__name__}.union(*map(below, ours))

    assert engine.EngineError is errors.EngineError
    drawn = set(
        re.findall(r"^ {4}[│ ]*(?:[├└]── )?(\w+)(?:  |$)", errors.__doc__ or "", re.MULTILINE)
    )
    assert below(errors.EngineError) == drawn
