"""Large values stand outside of their entries where those are written down, and nowhere else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from engine import entry as log
from engine.blob import LARGE
from engine.ids import ActivationId, RunId, Seq
from engine.row import Row

if TYPE_CHECKING:
    from engine.ids import Json

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEXT = "x" * LARGE
"""With its quotes, it is two bytes too large."""


def entries_with(values: dict[str, Json]) -> list[log.AnyEntry]:
    """Make an entry of each type that has values, with these."""
    common = {"seq": Seq(0), "batch": Seq(0), "at": AT, "run_id": RunId("r")}
    of_node = {"node": "n", "activation": ActivationId(1)}
    return [
        log.RunStarted(**common, graph="g", version="v", state=values),
        log.NodeCompleted(**common, **of_node, attempt=1, patch=values, took=0.5),
        log.NodeSkipped(**common, **of_node, patch=values, command=3),
        log.StatePatched(**common, patch=values, messages=(Seq(1),)),
    ]


KINDS = [type(each) for each in entries_with({})]


def entry_of(kind: type[log.Entry], values: dict[str, Json]) -> log.AnyEntry:
    return next(each for each in entries_with(values) if type(each) is kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_value_is_named_and_stands_beside_its_row(kind: type[log.Entry]) -> None:
    given = entry_of(kind, {"a": 1, "text": TEXT, "z": None})
    row = Row((given,))
    written = json.loads(row.data)

    name = sha256(f'"{TEXT}"'.encode()).hexdigest()
    assert written["blobs"] == {"text": {"sha256": name, "bytes": LARGE + 2}}
    assert written.get("patch", written.get("state")) == {"a": 1, "z": None}
    assert row.blobs == {name: f'"{TEXT}"'.encode()}
    assert row.entries == (given,)
    assert Row.read(row.data, row.blobs).entries == (given,)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_read_is_written_down_again_as_it_was(kind: type[log.Entry]) -> None:
    values: dict[str, Json] = {
        "text": "ü\n\x01" + TEXT,
        "numbers": [1.5, 1e308, -0.0, 2**63 - 1, 0.1, 5e-324] * 4_000,
        "deep": {"b": [{"a": TEXT}], "a": None},
    }
    row = Row((entry_of(kind, values),))
    read = Row.read(row.data, row.blobs)

    again = Row(read.entries)

    assert (again.data, again.blobs) == (row.data, row.blobs)
    assert len(row.blobs) == 3


def test_a_value_of_just_64_kib_stays_in_its_entry() -> None:
    given = entry_of(log.NodeCompleted, {"a": TEXT[2:], "b": TEXT[2:], "c": TEXT[2:]})

    row = Row((given,))

    assert row.blobs == {}
    assert row.data == log.encode(given)


def test_a_batch_is_not_large_because_it_has_many_entries() -> None:
    batch = tuple(
        log.MessageSent(Seq(n), Seq(4_999), AT, RunId("r"), "somewhere") for n in range(5_000)
    )

    assert Row(batch).data == log.encode_batch(batch)
    assert Row(batch).blobs == {}


def test_values_of_several_entries_of_a_batch_stand_beside_one_row() -> None:
    first = entry_of(log.RunStarted, {"text": TEXT, "other": TEXT + "1"})
    batch = (
        replace(first, batch=Seq(2)),
        log.MessageSent(Seq(1), Seq(2), AT, RunId("r"), "n"),
        log.NodeCompleted(Seq(2), Seq(2), AT, RunId("r"), "n", ActivationId(1), 1, {"same": TEXT}),
    )
    row = Row(batch)

    assert len(row.blobs) == 2  # one of them is there twice
    assert Row.read(row.data, row.blobs).entries == batch
    assert (row.first, row.last) == (0, 2)


def test_text_that_looks_like_the_mark_is_text() -> None:
    given = entry_of(log.NodeCompleted, {"blobs": {"text": {"sha256": "x", "bytes": 1}}})

    assert Row.read(Row((given,)).data).entries == (given,)


@pytest.mark.parametrize("blobs", [{}, {"0" * 64: b"1"}])
def test_without_a_value_that_it_names_an_entry_can_not_be_read(blobs: dict[str, bytes]) -> None:
    row = Row((entry_of(log.NodeCompleted, {"text": TEXT}),))

    with pytest.raises(ValueError, match="the value of 'text' in entry 0 is missing"):
        assert Row.read(row.data, blobs).entries


def test_another_value_under_its_name_is_not_taken_for_it() -> None:
    row = Row((entry_of(log.NodeCompleted, {"text": TEXT}),))
    (name,) = row.blobs

    with pytest.raises(ValueError, match="the value of 'text' in entry 0 is another one"):
        assert Row.read(row.data, {name: b'"y"'}).entries
