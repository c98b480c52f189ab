"""How large the value of an expression can be, before it is worked out.

Inside the library a list of 900 references to one text is as small as the text is once. As a
value of ours each is a copy: 900 MB, of 1 MB. So the size of a result is bounded by the tree
and by the sizes of what it refers to.

This module knows trees and values. It does not know the library, nor who is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from engine.condition.cost import counted, size
from engine.condition.tree import CHOICE, INDEX, STATE, Call, Field, Items, Literal, Name

if TYPE_CHECKING:
    from engine.condition.tree import Node
    from engine.ids import Json

MAX_ITEMS: Final = 20_000
"""Items of the lists and objects that a result consists of; each takes 2 us to 8 us."""
MAX_CHARS: Final = 4 * 1024 * 1024
"""Characters of its texts, the keys of objects among them."""

_SMALL: Final = 64
"""Characters of what a function gives that gives no part of what it is given."""
_ESCAPED: Final = 4
"""Characters that one of a text, or a byte of bytes, may become."""
_FEW_ITEMS: Final = 1_000
_FEW_CHARS: Final = 1_000
"""Characters of a text that may be copied as often as an expression can say."""

Step: TypeAlias = str | int
"""A key or an index that is written down."""


class Size(NamedTuple):
    """At most how much there is."""

    items: int
    chars: int


def excess(tree: Node, data: dict[str, Json]) -> str:
    """Say what is too much about the result of `tree` on `data`; nothing, if nothing is."""
    if not any(map(_is_large, data.values())):
        return ""
    items, chars = _Bound(data).of(tree)
    if items > MAX_ITEMS:
        return f"its result may have more than {MAX_ITEMS:,} items, which is as much as is allowed"
    if chars > MAX_CHARS:
        return f"its result may have {chars:,} characters, and up to {MAX_CHARS:,} are allowed"
    return ""


def _is_large(value: Json) -> bool:
    if type(value) is str:
        return len(value) > _FEW_CHARS
    return type(value) is list or type(value) is dict


def way(tree: Node) -> tuple[Step, ...] | None:
    """Give the way to a part of the state, if an expression is nothing else: `a.b[0]`.

    The first step is the key of the state.
    """
    steps: list[Step] = []
    here = tree
    while not isinstance(here, Name):
        match here:
            case Field(operand=operand, key=key, test=False):
                steps.append(key)
                here = operand
            case Call(function=function, args=(operand, Literal(value=value))) if function == INDEX:
                if type(value) is not str and type(value) is not int:
                    return None
                steps.append(value)
                here = operand
            case _:
                return None
    if (name := here.name.removeprefix(".")) != STATE:
        steps.append(name)
    steps.reverse()
    return tuple(steps) if steps and isinstance(steps[0], str) else None


def part(value: Json, steps: tuple[Step, ...]) -> tuple[Json] | None:
    """Follow a way into a value; None if it does not lead anywhere."""
    for step in steps:
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return None
            value = value[step]
        else:
            if not isinstance(value, list) or not 0 <= step < len(value):
                return None
            value = value[step]
    return (value,)


class _Bound:
    """Goes through a tree, and remembers how large the values of the state are."""

    def __init__(self, data: dict[str, Json]) -> None:
        self._data = data
        self._sizes: dict[int, Size] = {}

    def of(self, node: Node) -> Size:
        """Bound what `node` gives."""
        match node:
            case Literal(value=value):
                return Size(1, len(value) if isinstance(value, str | bytes) else 0)
            case Items(items=items):
                return _sum([Size(1, 0), *map(self.of, items)])
            case Name() | Field(test=False):
                return self._of_part(node)
            case Call():
                return self._of_call(node)
            case _:  # a loop, or a question whether there is something
                return Size(1, 0)

    def _of_call(self, node: Call) -> Size:
        function, args = node.function, node.args
        if function == CHOICE:
            _, yes, no = map(self.of, args)
            return Size(max(yes.items, no.items), max(yes.chars, no.chars))
        if function == INDEX:
            return self._of_part(node)
        if function in {"_+_", "dyn"}:
            return _sum([self.of(each) for each in args])
        if function in {"string", "bytes"}:
            return Size(1, _ESCAPED * self.of(args[0]).chars + _SMALL)
        return Size(1, _SMALL)

    def _of_part(self, node: Node) -> Size:
        """Bound a part of the state; where it is not known which, all that it is a part of."""
        if (steps := way(node)) is not None:
            holder = self._data if steps[0] in self._data else self._data.get(STATE)
            found = part(holder, steps)
            return Size(0, 0) if found is None else self._of_value(found[0])
        match node:
            case Field(operand=operand) | Call(args=(operand, *_)):
                return self.of(operand)
            case _:
                return self._of_value(self._data.get(STATE))

    def _of_value(self, value: Json) -> Size:
        if type(value) is str:
            return Size(1, len(value))
        if type(value) is not list and type(value) is not dict:
            return Size(1, 0)
        if id(value) not in self._sizes:  # all of them live as long as this does
            items, chars = size((value,))
            if items > _FEW_ITEMS:  # the commas of texts may be among them
                items = counted([value])
            self._sizes[id(value)] = Size(items, chars)
        return self._sizes[id(value)]


def _sum(sizes: list[Size]) -> Size:
    return Size(sum(each.items for each in sizes), sum(each.chars for each in sizes))
