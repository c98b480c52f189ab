"""What comes back as it was given: any text, any number, any size, any name.

This module knows values within a row. Those that stand beside it are in `blobs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.ids import RunId, Seq
from engine.store import RunFilter
from tests.stores.conformance.rows import RUN, completed, record, row
from tests.stores.conformance.writing import keep, keep_all

if TYPE_CHECKING:
    from engine.ids import Json
    from engine.store import Store


class Values:
    """A store changes nothing in what it keeps."""

    @pytest.mark.parametrize(
        "patch",
        [
            {},
            {"": ""},
            {"umlaut": "äöü ß", "beyond": "𝄞 🦆", "right to left": "שלום"},
            {"control": "\x01\x1e\x1f\u2028\u2029", "lines": "a\nb\r\n", "quote": '"\\'},
            {"int": 2**63 - 1, "least": -(2**63), "float": 1e308, "tiny": 5e-324, "zero": -0.0},
            {"deep": [[[[[[[[[[{"x": []}]]]]]]]]]]},
        ],
        ids=["empty", "empty words", "unicode", "control characters", "numbers", "depth"],
    )
    async def test_a_patch_is_read_as_it_was_written(
        self, store: Store, patch: dict[str, Json]
    ) -> None:
        given = completed(0, patch)
        await keep(store, given, record=record())

        (read,) = await store.read(RUN)

        assert read == completed(0, patch)
        assert read.entries == completed(0, patch).entries

    async def test_a_row_of_five_megabytes_is_kept_whole(self, store: Store) -> None:
        large = "0123456789" * 500_000
        await keep(store, completed(0, {"large": large}), record=record())
        await keep(store, completed(1, {"small": 1}))

        rows = await store.read(RUN)

        assert list(rows) == [completed(0, {"large": large}), completed(1, {"small": 1})]

    async def test_a_batch_may_have_thousands_of_entries(self, store: Store) -> None:
        await keep_all(store, [row(0, 5_000), row(5_000)])

        (read, _) = await store.read(RUN)

        assert (read.first, read.last, len(read.entries)) == (0, 4_999, 5_000)
        assert [each.first for each in await store.read(RUN, Seq(4_999))] == [5_000]

    async def test_names_are_kept_as_they_are(self, store: Store) -> None:
        for name in ("a", "A", "á", "a b", "a'b", "a%", "🦆"):
            given = record(name, graph=name, tags={name: name})
            await keep_all(store, [row(0, run_id=name)], run_id=name, given=given)

        for name in ("a", "A", "á", "a b", "a'b", "a%", "🦆"):
            assert await store.last(RunId(name)) == 0
            assert await store.record(RunId(name)) == record(name, graph=name, tags={name: name})
            assert [each.run_id for each in await store.runs(RunFilter(graph=name))] == [name]
