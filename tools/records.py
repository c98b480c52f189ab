"""Tools for tables: read from text, cleaned, written as text.

This module knows CSV, JSON and JSON Lines. It reads and writes no files and asks no network:
texts come from the state and go into it, so that whoever runs a graph decides where from.

A record is an object; its values are whatever JSON has, strings only where the text was CSV.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Literal, cast

from engine import Json, ToolError, tool

if TYPE_CHECKING:
    from collections.abc import Iterable

Record = dict[str, Json]

Syntax = Literal["csv", "json", "jsonl"]


@tool(name="records.read")
def read(text: str, syntax: Syntax = "csv") -> dict[str, Json]:
    """Read `records` from a text in CSV with a header, JSON (a list) or JSON Lines."""
    found = {"csv": _from_csv, "json": _from_json, "jsonl": _from_lines}[syntax](text)
    return {"records": cast("list[Json]", found)}


@tool(name="records.clean")
def clean(records: list[Record], required: list[str] | None = None) -> dict[str, Json]:
    """Trim names and texts of `records`, make empty ones null, move unusable ones to `rejected`.

    A record is unusable if it has no value for a name in `required`, or is one that came before.
    """
    kept: list[Json] = []
    rejected: list[Json] = []
    seen: set[str] = set()
    for record in records:
        cleaned = {name.strip(): _trimmed(value) for name, value in record.items()}
        lacking = [name for name in required or () if cleaned.get(name) is None]
        identity = json.dumps(cleaned, sort_keys=True)
        reason = ""
        if lacking:
            reason = f"no value for {', '.join(lacking)}"
        elif identity in seen:
            reason = "the same as one before"
        if reason:
            rejected.append({"record": cast("Json", record), "reason": reason})
        else:
            seen.add(identity)
            kept.append(cast("Json", cleaned))
    return {"records": kept, "rejected": rejected}


@tool(name="records.write")
def write(records: list[Record], syntax: Syntax = "json") -> dict[str, Json]:
    """Write `records` into the text `output`, in CSV, JSON or JSON Lines, and count `written`."""
    made = {"csv": _to_csv, "json": _to_json, "jsonl": _to_lines}[syntax](records)
    return {"output": made, "written": len(records)}


def _trimmed(value: Json) -> Json:
    return value.strip() or None if isinstance(value, str) else value


# -- from text ----------------------------------------------------------------------------


def _from_csv(text: str) -> list[Record]:
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = next(lines, None)
        if header is None:
            return []
        if len(set(header)) < len(header):
            raise _bad("the header names a column twice", "give each column a name of its own")
        return [_row(header, values, lines.line_num) for values in lines if values]
    except csv.Error as error:
        raise _bad(f"line {lines.line_num}: {error}", "quote a value that has a quote") from error


def _row(header: list[str], values: list[str], line: int) -> Record:
    if len(values) != len(header):
        raise _bad(
            f"line {line} has {len(values)} values, the header {len(header)}",
            "quote a value that has a comma",
        )
    return dict(zip(header, values, strict=True))


def _from_json(text: str) -> list[Record]:
    found = _parsed(text, "the text")
    if not isinstance(found, list):
        raise _bad("expected a list of objects", 'put records into a list: [{"id": 1}]')
    return [_record(each, f"item {index}") for index, each in enumerate(found)]


def _from_lines(text: str) -> list[Record]:
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip()]
    return [_record(_parsed(line, f"line {n}"), f"line {n}") for n, line in lines]


def _parsed(text: str, what: str) -> Json:
    try:
        return cast("Json", json.loads(text))
    except (ValueError, RecursionError) as error:
        raise _bad(f"{what} is not JSON: {error}", "") from error


def _record(value: Json, what: str) -> Record:
    if not isinstance(value, dict):
        raise _bad(f"{what} is no object", 'a record is an object: {"id": 1}')
    return value


def _bad(message: str, hint: str) -> ToolError:
    return ToolError(message, code="BAD_RECORDS", hint=hint, retryable=False)


# -- into text ----------------------------------------------------------------------------


def _to_csv(records: Iterable[Record]) -> str:
    rows = list(records)
    header = list(dict.fromkeys(name for record in rows for name in record))
    out = io.StringIO(newline="")
    lines = csv.DictWriter(out, header, lineterminator="\n")
    lines.writeheader()
    lines.writerows({name: _cell(value) for name, value in record.items()} for record in rows)
    return out.getvalue()


def _cell(value: Json) -> str:
    """Write a value into one cell: texts as they are, null as nothing, the rest as JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _to_json(records: Iterable[Record]) -> str:
    return json.dumps(list(records), ensure_ascii=False, indent=2)


def _to_lines(records: Iterable[Record]) -> str:
    return "".join(f"{json.dumps(record, ensure_ascii=False)}\n" for record in records)
