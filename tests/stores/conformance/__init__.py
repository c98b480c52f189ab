"""What every store promises, as tests: one module for each promise, and what tests are written in.

A store passes them if a subclass that gives the fixture `store`, an open and empty one, passes
all that it inherits:

    class TestMyStore(StoreConformance):
        @pytest.fixture
        async def store(self) -> AsyncGenerator[Store]:
            store = MyStore(...)
            await store.open()
            yield store
            await store.close()

`PersistentStoreConformance` is for stores that outlive the process. It needs two fixtures more:
`another`, a second store over the same data, not yet open, as another process would have it,
and `overwrite`, which puts other bytes in the place of a row behind the store's back (`Overwrite`
is its type). Tests are coroutines: pytest-asyncio runs them, with `asyncio_mode = "auto"`.

The rest of the names is for tests of what only your store promises: rows and records to give it
(`rows`), steps that are kept or raise (`writing`), what it says about batches (`news`), and what is
there afterwards (`reading`).
"""

from tests.stores.conformance.damage import Overwrite
from tests.stores.conformance.news import News
from tests.stores.conformance.reading import due, is_gone, names, words
from tests.stores.conformance.rows import NOON, RUN, completed, later, record, row
from tests.stores.conformance.suite import PersistentStoreConformance, StoreConformance
from tests.stores.conformance.writing import keep, keep_all, rest, run_of

__all__ = [
    "NOON",
    "RUN",
    "News",
    "Overwrite",
    "PersistentStoreConformance",
    "StoreConformance",
    "completed",
    "due",
    "is_gone",
    "keep",
    "keep_all",
    "later",
    "names",
    "record",
    "rest",
    "row",
    "run_of",
    "words",
]
