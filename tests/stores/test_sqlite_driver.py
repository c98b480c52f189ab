"""Of all who have a file open, one drives its runs; the kernel sees to that."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.errors import EngineError
from engine.store import StoreClosed, StoreInUse, StoreUnavailable
from engine.stores.sqlite import SQLiteStore, driver, opening, schema
from engine.stores.sqlite.driver import Driver
from tests.stores.conformance import RUN, keep, record, row, words
from tests.stores.files import files

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = Path(__file__).parent.parent.parent

DRIVES = """
import sys
from pathlib import Path
from engine.stores.sqlite.driver import Driver
Driver(Path(sys.argv[1])).take("the other one")
print("drives", flush=True)
sys.stdin.read()
"""


@contextmanager
def driven(path: Path) -> Generator[subprocess.Popen[str], None, None]:
    """Have another process claim a file, and kill that in the end."""
    with subprocess.Popen(
        [sys.executable, "-c", DRIVES, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "drives\n"
            yield process
        finally:
            process.kill()


async def refusal(store: SQLiteStore, *, take_over: bool = False) -> StoreInUse:
    """Give what is said to whoever claims what somebody else has."""
    with pytest.raises(StoreInUse) as refused:
        await store.claim("this one", take_over=take_over)
    assert refused.value.code == "STORE_IN_USE"
    return refused.value


async def test_who_has_a_file_is_named_with_process_machine_and_time(
    store: SQLiteStore, path: Path
) -> None:
    with driven(path) as process:
        refused = await refusal(store)

    assert str(path) in refused.message
    assert "the other one" in refused.message
    assert f"end process {process.pid} on {socket.gethostname()}, at it since 20" in refused.hint
    await store.claim("this one")


async def test_a_process_that_is_killed_has_let_go_of_its_claim(
    store: SQLiteStore, path: Path
) -> None:
    with driven(path) as process:
        await refusal(store)
        process.kill()
        process.wait()
        assert files(path) == ["runs.db", "runs.db-driver", "runs.db-shm", "runs.db-wal"]

        await store.claim("this one")


async def test_a_process_that_is_stopped_keeps_its_claim_and_nothing_takes_it_over(
    store: SQLiteStore, path: Path
) -> None:
    with driven(path) as process:
        process.send_signal(signal.SIGSTOP)

        await refusal(store)
        refused = await refusal(store, take_over=True)

        assert "nothing can be taken over of an SQLite file" in refused.hint
        assert f"end process {process.pid}" in refused.hint
        assert "kill -9" in refused.hint


async def test_what_nobody_has_is_given_to_whoever_would_take_it_over(store: SQLiteStore) -> None:
    await store.claim("this one", take_over=True)
    await store.claim("this one")


async def test_two_stores_of_one_process_are_two(store: SQLiteStore, path: Path) -> None:
    link = path.with_name("link.db")
    link.symlink_to(path)
    other = SQLiteStore(link)
    await other.open()
    await store.claim("this one")

    assert f"end process {os.getpid()}" in (await refusal(other)).hint

    await store.close()
    await other.claim("the other")
    await other.close()
    assert files(path) == ["link.db", "runs.db"]


async def test_of_many_who_claim_at_once_one_has_it(path: Path) -> None:
    processes = [
        subprocess.Popen(  # noqa: ASYNC220  # it is over in no time
            [sys.executable, "-c", DRIVES, str(path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    said = [process.communicate("") for process in processes]

    # Each ends as soon as it has it, so that several may have had it, one after the other.
    assert any(out == "drives\n" for out, _ in said)
    for out, error in said:
        assert (out == "drives\n") != ("are driven by another engine already" in error), error


async def test_a_child_that_was_forked_does_not_keep_the_claim_of_its_parent(
    store: SQLiteStore, path: Path
) -> None:
    asked, answered = os.pipe()
    await store.claim("this one")
    other = SQLiteStore(path)
    await other.open()
    child = os.fork()
    if child == 0:  # it lives on, and holds whatever it was not made to let go of
        os.close(answered)
        os.read(asked, 1)
        os._exit(0)
    try:
        await store.close()

        await other.claim("the other")
    finally:
        os.close(answered)
        os.waitpid(child, 0)  # noqa: ASYNC222  # nothing keeps it any more
        os.close(asked)
        await other.close()


async def test_a_store_that_is_not_open_claims_nothing(path: Path) -> None:
    with pytest.raises(StoreClosed, match="is not open"):
        await SQLiteStore(path).claim("this one")
    assert files(path) == []


async def test_who_loses_the_file_of_his_claim_is_stopped(store: SQLiteStore, path: Path) -> None:
    await store.claim("this one")
    await keep(store, row(0), record=record())
    path.with_name("runs.db-driver").unlink()

    with pytest.raises(StoreClosed, match="runs.db-driver' was deleted") as gone:  # noqa: RUF043
        await keep(store, row(1))
    assert gone.value.code == "STORE_GONE"


async def test_who_only_reads_and_writes_asks_nobody(store: SQLiteStore, path: Path) -> None:
    with driven(path):
        await keep(store, row(0), record=record())
        assert await words(store) == "x"


def test_who_could_not_say_what_he_is_is_refused_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "_LOOKS", 1)
    first, second = Driver(path), Driver(path)
    first.take("the first")
    os.truncate(first.path, 0)
    try:
        with pytest.raises(StoreInUse, match="a process that did not say") as refused:
            second.take("the second")
        assert "end that process; or use" in refused.value.hint
    finally:
        first.let_go()
    assert files(path) == []


def test_a_lock_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="can't be made, whose lock") as refused:
        Driver(Path("/proc/runs.db")).take("this one")
    assert not isinstance(refused.value, StoreUnavailable)
    (tmp_path / "runs.db-driver").mkdir()
    with pytest.raises(EngineError, match="Is a directory"):
        Driver(tmp_path / "runs.db").take("this one")


async def test_the_tables_of_a_file_that_is_driven_are_not_changed_under_its_driver(
    path: Path,
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as earlier:
        for statement in schema.VERSIONS[0]:
            earlier.execute(statement)
        earlier.execute(f"PRAGMA application_id = {schema.APPLICATION}")
        earlier.execute("PRAGMA user_version = 1")
    store = SQLiteStore(path)
    with driven(path) as process, pytest.raises(StoreInUse, match="the other one") as refused:
        await store.open()
    assert str(process.pid) in refused.value.hint

    await store.open()

    assert await store.last(RUN) is None
    await store.close()
    assert files(path) == ["runs.db"]
    assert opening.VERSION > 1
