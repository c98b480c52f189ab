"""The tools for tables, and the small steps."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Json, ToolError
from tools.records import clean, read, write
from tools.steps import set_values

CSV = 'id,name\r\n1,"Lovelace, Ada"\r\n\r\n2,"two\nlines"\r\n'
ADA: list[dict[str, Json]] = [
    {"id": "1", "name": "Lovelace, Ada"},
    {"id": "2", "name": "two\nlines"},
]


def test_csv_is_read_by_its_header() -> None:
    assert read(CSV) == {"records": ADA}
    assert read("\ufeffid\n1\n") == {"records": [{"id": "1"}]}
    assert read("") == {"records": []}


def test_json_and_json_lines_are_read() -> None:
    assert read('[{"id": 1}]', "json") == {"records": [{"id": 1}]}
    assert read('{"id": 1}\n\n{"id": null}\n', "jsonl") == {"records": [{"id": 1}, {"id": None}]}


@pytest.mark.parametrize(
    ("text", "syntax", "message"),
    [
        ("a,b\n1\n", "csv", "line 2 has 1 values, the header 2"),
        ("a,a\n1,2\n", "csv", "names a column twice"),
        ('a\n"x', "csv", "line 2: unexpected end of data"),
        ('a\n"x"y\n', "csv", "line 2"),
        ("{", "json", "the text is not JSON"),
        ("{}", "json", "expected a list of objects"),
        ("[1]", "json", "item 0 is no object"),
        ("{}\n[]\n", "jsonl", "line 2 is no object"),
        ("[" * 100_000, "json", "the text is not JSON"),
    ],
)
def test_what_is_no_table_is_refused_where_it_is_wrong(
    text: str, syntax: str, message: str
) -> None:
    with pytest.raises(ToolError, match=message) as caught:
        read(text, syntax)  # type: ignore[arg-type]  # it is one of them

    assert caught.value.code == "BAD_RECORDS"
    assert not caught.value.retryable


def test_cleaning_trims_and_moves_what_is_unusable() -> None:
    given = [{" id ": " 1 ", "name": "Ada"}, {"id": "1", "name": "Ada"}, {"id": "2", "name": "  "}]

    assert clean(given, ["name"]) == {
        "records": [{"id": "1", "name": "Ada"}],
        "rejected": [
            {"record": {"id": "1", "name": "Ada"}, "reason": "the same as one before"},
            {"record": {"id": "2", "name": "  "}, "reason": "no value for name"},
        ],
    }
    assert clean([{"id": ""}]) == {"records": [{"id": None}], "rejected": []}


def test_writing_counts_and_csv_has_every_column() -> None:
    records: list[dict[str, Json]] = [{"id": 1, "ok": True}, {"id": None, "more": [1, "ü"]}]

    assert write(records, "csv") == {
        "output": 'id,ok,more\n1,true,\n,,"[1, ""ü""]"\n',
        "written": 2,
    }
    assert (
        write(records, "jsonl")["output"]
        == '{"id": 1, "ok": true}\n{"id": null, "more": [1, "ü"]}\n'
    )


texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"]))


@given(st.lists(st.fixed_dictionaries({"a": texts, "b": texts}), min_size=1))
def test_what_is_written_is_read_again(records: list[dict[str, Json]]) -> None:
    for syntax in ("csv", "json", "jsonl"):
        text = str(write(records, syntax)["output"])  # type: ignore[arg-type]  # it is one of them
        assert read(text, syntax) == {"records": records}  # type: ignore[arg-type]  # as above


def test_values_are_set_as_they_are() -> None:
    assert json.dumps(set_values({"a": [1]})) == '{"a": [1]}'
