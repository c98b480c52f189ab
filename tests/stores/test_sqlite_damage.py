"""What does not pass: a file that is damaged, or no longer there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from engine.errors import EngineError
from tests.stores.conformance import (
    NOON,
    RUN,
    keep,
    keep_all,
    record,
    row,
)

if TYPE_CHECKING:
    from pathlib import Path

    from engine.stores.sqlite import SQLiteStore


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE rows SET data = substr(data, 1, 150) WHERE last = 4", "it holds entries 2 to 3"),
        ("DELETE FROM rows WHERE last = 4", "it begins at 5, and not at 2"),
        ("DELETE FROM rows WHERE last = 1", "it begins at 2, and not at 0"),
    ],
    ids=["a row is torn", "a row is missing", "the first row is missing"],
)
async def test_a_log_that_was_damaged_is_not_read(
    store: SQLiteStore, path: Path, statement: str, message: str
) -> None:
    await keep_all(store, [row(0, 2), row(2, 3), row(5)])
    with closing(sqlite3.connect(path)) as foreign, foreign:
        foreign.execute(statement)

    with pytest.raises(EngineError, match="is damaged at the row") as refused:
        await store.read(RUN)
    assert message in refused.value.message
    assert refused.value.code == "STORE_CORRUPT"


@pytest.mark.parametrize(("after", "last"), [(None, 0), (0, 1), (1, 2), (3, 4), (9, 10)])
async def test_the_file_itself_takes_no_row_that_does_not_follow_whoever_writes_it(
    store: SQLiteStore, path: Path, after: int | None, last: int
) -> None:
    await keep_all(store, [row(0, 2), row(2)])

    with (
        closing(sqlite3.connect(path)) as foreign,
        pytest.raises(sqlite3.IntegrityError, match="does not follow the end of its log"),
    ):
        foreign.execute(
            "INSERT INTO rows (run, after, last, data) VALUES (1, ?, ?, x'')", (after, last)
        )


async def test_what_was_taken_out_of_the_file_is_missed_by_name(
    store: SQLiteStore, path: Path
) -> None:
    with closing(sqlite3.connect(path)) as foreign, foreign:
        foreign.execute("DROP TABLE answers")

    with pytest.raises(EngineError, match="no such table: answers") as refused:
        await store.answer("k")
    assert refused.value.code == "STORE_FAILED"
    assert "restore a backup" in refused.value.hint
    with pytest.raises(EngineError, match="no such table: answers"):
        await store.remember("k", b"x", at=NOON)
    await keep(store, row(0), record=record())


async def test_a_record_that_was_damaged_is_not_read(
    store: SQLiteStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await keep(store, row(0), record=record())
    with closing(sqlite3.connect(path)) as foreign, foreign:
        foreign.execute("UPDATE runs SET tags = 'notes'")

    with pytest.raises(EngineError, match="can't be read: DecodeError") as refused:
        await store.record(RUN)
    assert "restore a backup" in refused.value.hint
    assert "a question can't be answered" in caplog.text
