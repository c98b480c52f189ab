r"""What an evaluation may cost at most: whether it is let into the library at all.

The library counts turns of loops and nothing else, and can't be stopped from outside:
`l.all(x, size(s + s) > 0)` with 9,000 items and a string of 4 MB takes 72 GB of memory before
it is done, and one call of `matches` with `\pL{100}` takes 130 ms. So an expression that can
multiply what it is given is weighed first, on the values it is given. Ordinary ones (no loop,
no pattern with counts, no name used more than a few times) are not.

This module knows trees, and how much data there is. How an expression that may be too much is
weighed exactly is `weighing`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from engine.condition.cel import MAX_ITERATIONS
from engine.condition.tree import CHOICE, INDEX, Call, Items, Literal, Loop, Name, children

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from engine.condition.tree import Node
    from engine.ids import Json

BUDGET: Final = 10_000_000
"""Units of work, of about a nanosecond: a character that is read or copied is one."""
MAX_READ: Final = 100_000
"""Items of lists and objects that are handed to the library; each takes 80 ns to 600 ns."""
CALL: Final = 50
ITEM: Final = 30
"""An item of a list or an object that is compared or copied."""
LOGIC: Final = frozenset({"_&&_", "_||_", "!_", CHOICE, "@not_strictly_false"})
"""Operators that neither read nor copy what they are given."""
MATCHES: Final = "matches"
CONTAINS: Final = "contains"

KEY: Final = 20
"""A character of a key that is worked out: a missing one is written into an error each time."""
SHORTEST: Final = 32
"""Characters of a text that is searched for which are compared at a time."""
_FEW: Final = 8
"""Uses of one name that are linear enough."""
_FEW_LOOKUPS: Final = 2
_MAX_REPEAT: Final = 1_000
"""The library refuses patterns that repeat something more often."""


@dataclass(slots=True)
class Shape:
    """What is known of the cost of an expression before its values are."""

    depth: int = 0
    """Loops inside each other."""
    loops: int = 0
    over: int = 0
    """Names in what is looped over."""
    uses: Counter[str] = field(default_factory=Counter[str])
    """How often each name is read or copied outside of loops, or as the item of one."""
    repeated: Counter[str] = field(default_factory=Counter[str])
    """How often each name is read or copied in one turn of a loop."""
    calls: int = 0
    repeated_calls: int = 0
    items: int = 0
    """Items of lists that are written down."""
    chars: int = 0
    """Characters of strings that are written down."""
    lookups: int = 0
    """Keys that are worked out: `labels[level]`."""
    steep: bool = False
    """A call may cost more than what it is given is long, such as a regular expression."""

    @property
    def plain(self) -> bool:
        """It needs no weighing."""
        return (
            not self.depth
            and not self.steep
            and self.lookups <= _FEW_LOOKUPS
            and max(self.uses.values(), default=0) <= _FEW
        )


def shape(tree: Node) -> Shape:
    """Look at an expression once."""
    found = Shape()
    _look(tree, found, 0, frozenset(), 0)
    return found


def _look(node: Node, found: Shape, depth: int, own: frozenset[str], under: int) -> None:
    """Note `node`, which is in `depth` loops and `under` so many calls.

    `own` are the names of the innermost loop: together, its items are as large as what it
    goes over, so that they count as one use of it.
    """
    match node:
        case Name(name=name):
            counter = found.repeated if depth and name not in own else found.uses
            counter[name.removeprefix(".")] += under
        case Literal(value=str() as text):
            found.chars += len(text)
        case Loop():
            found.depth = max(found.depth, depth + 1)
            found.loops += 1
            found.over += _names(node.over)
            _look(node.over, found, depth, own, 1)
            _look(node.step, found, depth + 1, frozenset({node.variable, node.result}), 0)
        case Call(function=function) if function not in LOGIC:
            if depth:
                found.repeated_calls += 1
            else:
                found.calls += 1
            _look_steep(node, found, depth, own)
            for part in children(node):
                _look(part, found, depth, own, under + 1)
        case _:
            if isinstance(node, Items):
                found.items += len(node.items)
            for part in children(node):
                _look(part, found, depth, own, under)


def _look_steep(node: Call, found: Shape, depth: int, own: frozenset[str]) -> None:
    """Note a call whose cost is not that of reading what it is given once."""
    last = node.args[-1] if node.args else node
    known = isinstance(last, Literal)
    if node.function == MATCHES:
        found.steep |= depth > 0 or not _is_simple(last)
    elif node.function == CONTAINS:
        found.steep |= not known
    elif node.function == INDEX and not known:
        found.lookups += 1
        found.steep |= depth > 0 and not (isinstance(last, Name) and last.name in own)
        _look(last, found, depth, own, KEY if depth else 0)


def _names(node: Node) -> int:
    return isinstance(node, Name) + sum(map(_names, children(node)))


def _is_simple(pattern: Node) -> bool:
    """Tell whether a pattern is known, without counts and without classes of Unicode."""
    if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
        return False
    return not re.search(r"\{|\\[pP]", pattern.value)


_PATTERN: Final = 5_000
_STATE: Final = 350
_CLASS: Final = 4_000
"""States of one class of Unicode characters, such as `\\pL`."""
_SIMPLE_CHAR: Final = 8
_REPEATED_CHAR: Final = 15
UNKNOWN_PATTERN: Final = (BUDGET + 1, _REPEATED_CHAR * _MAX_REPEAT)
"""A pattern that is put together in the expression may be any."""


def pattern_cost(pattern: str) -> tuple[int, int]:
    """Give the cost of one match: for itself, and for each character that is read.

    The library compiles a pattern anew for each match.
    """
    if len(pattern) * _STATE > BUDGET:
        return UNKNOWN_PATTERN
    repeats = 1
    for counts in re.findall(r"\{(\d{1,4}(?:,\d{0,4})?)\}", pattern):
        most = max(int(count or 0) for count in counts.split(","))
        repeats = min(repeats * max(most, 1), _MAX_REPEAT)
    states = (len(pattern) + _CLASS * len(re.findall(r"\\[pP]", pattern))) * repeats
    per_char = _SIMPLE_CHAR if repeats == 1 else _REPEATED_CHAR * repeats
    return _PATTERN + _STATE * states, per_char


_encode: Final = msgspec.json.Encoder().encode


def size(values: Iterable[Json]) -> tuple[int, int]:
    """Give upper bounds for the items of containers and the characters of strings in them.

    Encoding and counting commas is ten times as fast as walking; a comma in a string counts
    as an item too many.
    """
    items = chars = 0
    for value in values:
        if type(value) is str:
            chars += len(value)
        elif type(value) is list or type(value) is dict:
            written = _encode(value)
            items += written.count(b",") + written.count(b"[") + written.count(b"{")
            chars += len(written)
    return items, chars


def reading(data: dict[str, Json]) -> str:
    """Say that there is too much for the library to take in; nothing, if there is not.

    It copies all it is given, and every look at it takes as long.
    """
    large = [each for each in data.values() if type(each) is list or type(each) is dict]
    if not large:
        return ""
    # The commas of a long text may be why it seems to be too much.
    if size(large)[0] <= MAX_READ or counted(large) <= MAX_READ:
        return ""
    return f"it reads more than {MAX_READ:,} items, which is as much as is allowed"


def counted(values: Sequence[Json]) -> int:
    """Count the items of lists and objects, at all depths; of very many, only that there are."""
    items = len(values)
    level: Sequence[Json] = values
    while level and items <= MAX_READ:
        inside: list[Json] = []
        for each in level:
            parts = each.values() if isinstance(each, dict) else each
            if isinstance(parts, str | int | float) or parts is None:
                continue
            items += len(parts)
            if items > MAX_READ:
                break
            inside += [one for one in parts if type(one) is list or type(one) is dict]
        level = inside
    return items


def weight(value: Json) -> int:
    """Give the cost of reading a value through."""
    if type(value) is str:
        return len(value) + 1
    if type(value) is list or type(value) is dict:
        items, chars = size((value,))
        return ITEM * items + chars + 1
    return 1


def harmless(shape: Shape, data: dict[str, Json]) -> bool:
    """Tell whether an evaluation on `data` is cheap by a rough measure, on the safe side."""
    if shape.steep or (shape.lookups > _FEW_LOOKUPS and not shape.depth):
        return False
    items, chars = size(data.values())
    turns = (items * shape.over + shape.items) * shape.loops
    if shape.depth > 1:
        turns **= shape.depth
    if turns > MAX_ITERATIONS:
        return False
    once = ITEM * (items + shape.items) + chars + shape.chars + 1
    # In one loop, an item is as large as what is looped over, but only once for all of them.
    work = sum(shape.uses.values()) * once * (turns if shape.depth > 1 else max(shape.over, 1))
    work += turns * shape.chars * (shape.repeated_calls + 1)
    work += CALL * (shape.calls + shape.repeated_calls * turns)
    if work > BUDGET:
        return False
    for name, uses in shape.repeated.items():
        # In loops inside each other, it may be the name of an outer one.
        heavy = once if shape.depth > 1 or name not in data else weight(data[name])
        work += uses * turns * heavy
    return work <= BUDGET
