"""What an expression reads from outside: keys of the state, and names of types.

This module knows which names of a tree are its own (those of loops). It does not know the
state, nor which of the names it finds exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.condition.tree import (
    INDEX,
    STATE,
    Call,
    Field,
    Items,
    Literal,
    Loop,
    Name,
    Node,
    children,
)

TYPES: Final = frozenset(
    {
        "bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type",
        "uint",
    }
)  # fmt: skip
"""Names that CEL knows as types, so that they can't be names of the state."""


@dataclass(frozen=True, slots=True)
class Reads:
    """What one expression needs."""

    bare: frozenset[str]
    """Names that stand alone, neither `state` nor types among them."""
    keyed: frozenset[str]
    """Keys of `state` that are written down: `state.x`, `state["x"]`, `has(state.x)`."""
    whole: bool
    """`state` is used in another way, so that it must be there as a whole."""
    misused: frozenset[str]
    """Types that stand where a value is expected; somebody means a key of that name."""

    @property
    def names(self) -> frozenset[str]:
        """What the library must be told of: the bare names, and `state` if it is used."""
        return self.bare | {STATE} if self.whole or self.keyed else self.bare


def reads(tree: Node) -> Reads:
    """Find what `tree` reads."""
    bare: set[str] = set()
    keyed: set[str] = set()
    types: set[str] = set()
    whole = False
    todo: list[tuple[Node, frozenset[str]]] = [(tree, frozenset())]
    while todo:
        node, own = todo.pop()
        match node:
            case Name(name=name):
                outside = name.removeprefix(".")
                if name in own:
                    pass
                elif outside == STATE:
                    whole = True
                elif outside in TYPES:
                    types.add(outside)
                else:
                    bare.add(outside)
            case Field(operand=Name(name=name), key=key) if _is_state(name, own):
                keyed.add(key)
            case Call(function=function, args=(Name(name=name), Literal(value=str() as key))) if (
                function == INDEX and _is_state(name, own)
            ):
                keyed.add(key)
            case Loop():
                inner = own | {node.variable, node.result}
                todo += [(node.over, own), (node.start, own)]
                todo += [(part, inner) for part in (node.going, node.step, node.end)]
            case Call(args=(left, right)) if node.function in _COMPARISONS:
                # `type(x) == int` and `type(x) in [int, double]` are what types are for.
                parts = [left, right] if not _asks_type(left, right) else _values(left, right)
                todo += [(part, own) for part in parts]
            case _:
                todo += [(part, own) for part in children(node)]
    return Reads(frozenset(bare), frozenset(keyed), whole, frozenset(types))


_COMPARISONS: Final = {"_==_", "_!=_", "@in"}


def _is_state(name: str, own: frozenset[str]) -> bool:
    return name == "." + STATE or (name == STATE and STATE not in own)


def _asks_type(left: Node, right: Node) -> bool:
    return any(isinstance(part, Call) and part.function == "type" for part in (left, right))


def _values(left: Node, right: Node) -> list[Node]:
    parts: list[Node] = [left]
    parts += right.items if isinstance(right, Items) else (right,)
    return [part for part in parts if not (isinstance(part, Name) and part.name in TYPES)]
