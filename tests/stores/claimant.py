"""A process that claims a PostgreSQL store and writes to it, for tests that freeze and kill it.

`python -m tests.stores.claimant URL RUN` says `claimed`, then `kept N` for each batch of the run
that it was told of, and in the end the code of the error that it was told.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.stores.postgres import PostgresStore
from tests.stores.conformance import keep, record, row

if TYPE_CHECKING:
    from collections.abc import Callable


async def work(url: str, run_id: str, say: Callable[[str], object]) -> None:
    """Claim, and write until somebody says no."""
    store = PostgresStore(url)
    await store.open()
    try:
        await store.claim(f"process {os.getpid()}")
        say("claimed")
        for n in range(1_000_000):
            await keep(store, row(n), run_id=run_id, record=None if n else record(run_id))
            say(f"kept {n}")
    except EngineError as error:
        say(error.code)
        for write in (store.put("graph", "late", b"x"), store.claim("again")):
            try:
                await write
            except EngineError as refused:
                say(refused.code)
    finally:
        await store.close()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], lambda line: os.write(1, f"{line}\n".encode())))
