"""A disk whose power is cut: what may be left of the files that were written to it.

This module knows writes, syncs and names, as a process did them one after the other, and what
a disk may do with those that were not synced. It does not know who wrote, nor what.

What is modelled: a write reaches the disk for certain when its file was synced after it. Before
that any of its sectors of 512 bytes may have, in any order with those of other writes, or none.
A name is made or removed for certain when its folder was synced; before that, what was done to
the folder is undone from the last on, as file systems with a journal do it.
"""

from __future__ import annotations

import random  # noqa: TID251  # seeded, for a replay
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SECTOR: Final = 512
"""Bytes that reach a disk together, or not at all."""


class Write(NamedTuple):
    """Bytes were written into a file; `data` None: it was cut off, or made longer, there."""

    name: str
    offset: int
    data: bytes | None


class Sync(NamedTuple):
    """A file was synced, or, if it is called '', the folder."""

    name: str


class Named(NamedTuple):
    """A file was made or removed."""

    name: str
    is_there: bool


class Told(NamedTuple):
    """Somebody outside was told something that must be true for ever."""

    what: str


Event: TypeAlias = Write | Sync | Named | Told

Kept: TypeAlias = Literal["nothing", "all", "some"]
"""What a cut leaves of what was not synced."""

KEPT: Final[tuple[Kept, ...]] = ("nothing", "all", "some", "some")


@dataclass(frozen=True, slots=True)
class Cut:
    """What is found after the power was cut.

    Attributes:
        at: How many events had happened.
        kept: What was left of what was not synced.
        files: The files, by name.
        told: What had been told.
    """

    at: int
    kept: Kept
    files: Mapping[str, bytes]
    told: Sequence[str]


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write] = field(default_factory=list)

    def sync(self) -> None:
        for each in self.pending:
            _apply(self.durable, each)
        self.pending.clear()

    def left(self, kept: Kept, chance: random.Random) -> bytes:
        found = bytearray(self.durable)
        share = {"nothing": 0.0, "all": 1.0, "some": chance.choice((0.1, 0.5, 0.9))}[kept]
        for each in self.pending:
            for part in _sectors(each) if kept == "some" else (each,):
                if chance.random() < share:
                    _apply(found, part)
        return bytes(found)


@dataclass
class Disk:
    """A folder on a disk, as it is while events happen."""

    _files: list[_File] = field(default_factory=list)
    _names: dict[str, int] = field(default_factory=dict)
    _durable: dict[str, int] = field(default_factory=dict)
    _renamed: list[tuple[str, int | None]] = field(default_factory=list)

    def happens(self, event: Event) -> None:
        """Have something happen."""
        match event:
            case Write(name):
                self._files[self._names[name]].pending.append(event)
            case Sync(""):
                for name, number in self._renamed:
                    _rename(self._durable, name, number)
                self._renamed.clear()
            case Sync(name):
                self._files[self._names[name]].sync()
            case Named(name, is_there):
                number = len(self._files) if is_there else None
                if is_there:
                    self._files.append(_File())
                _rename(self._names, name, number)
                self._renamed.append((name, number))
            case Told():
                pass

    def left(self, kept: Kept, chance: random.Random) -> dict[str, bytes]:
        """Say what a cut leaves."""
        names = dict(self._durable)
        most = len(self._renamed)
        done = {"nothing": 0, "all": most, "some": chance.randint(0, most)}[kept]
        for name, number in self._renamed[:done]:
            _rename(names, name, number)
        return {name: self._files[number].left(kept, chance) for name, number in names.items()}


def cuts(events: Sequence[Event], count: int, seed: int, *, at: str = "write") -> Iterator[Cut]:
    """Cut the power so many times, spread over all that happened.

    Args:
        events: What happened.
        count: How many cuts; where there are more, each place is cut several times, and what is
            kept is chosen anew.
        seed: What chance follows from.
        at: `write`: after anything that was written or synced; `sync`: around each sync only.
    """
    chance = random.Random(seed)  # noqa: S311  # for a replay, and not for secrets
    places = [
        number
        for number, event in enumerate(events, 1)
        if not isinstance(event, Told)
        and (at == "write" or isinstance(event, Sync) or isinstance(_next(events, number), Sync))
    ]
    each, more = divmod(count, len(places))
    extra = set(chance.sample(places, more))
    wanted = {place: each + (place in extra) for place in places}
    disk = Disk()
    told: list[str] = []
    for number, event in enumerate(events, 1):
        disk.happens(event)
        if isinstance(event, Told):
            told.append(event.what)
        for turn in range(wanted.get(number, 0)):
            kept = chance.choice(KEPT) if each < len(KEPT) else KEPT[turn % len(KEPT)]
            yield Cut(number, kept, disk.left(kept, chance), tuple(told))


def _next(events: Sequence[Event], number: int) -> Event | None:
    return events[number] if number < len(events) else None


def _rename(names: dict[str, int], name: str, number: int | None) -> None:
    if number is None:
        names.pop(name, None)
    else:
        names[name] = number


def _sectors(write: Write) -> Iterator[Write]:
    """Take a write apart at the borders of sectors."""
    if write.data is None:
        yield write
        return
    begin, end = write.offset, write.offset + len(write.data)
    while begin < end:
        upto = min(end, (begin // SECTOR + 1) * SECTOR)
        yield Write(write.name, begin, write.data[begin - write.offset : upto - write.offset])
        begin = upto


def _apply(content: bytearray, write: Write) -> None:
    if write.data is None:
        del content[write.offset :]
        content.extend(bytes(write.offset - len(content)))
        return
    content.extend(bytes(max(0, write.offset - len(content))))
    content[write.offset : write.offset + len(write.data)] = write.data
