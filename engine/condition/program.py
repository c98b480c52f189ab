"""A text of CEL, compiled and checked: what runs when a condition is evaluated.

This module knows what an expression may be and what is converted for it. It does not know
what its result is used for, nor what is said when there is none (`failure`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from engine.condition import cel, early, invalid, wire
from engine.condition.cost import Shape, shape
from engine.condition.reads import Reads, reads
from engine.condition.tree import STATE, Call, Field, Loop, Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine.ids import Json

MAX_TEXT: Final = 2_000
"""Characters of one expression; more is a program, and belongs into a tool."""


@dataclass(frozen=True, slots=True)
class Program:
    """One expression, ready to run. Equal texts share one program."""

    text: str
    tree: Node
    reads: Reads
    shape: Shape
    plain: bool
    """Its cost is linear in what it reads."""
    facts: frozenset[str] | None
    """The only names there are; None: the names are keys of the state."""
    kind: str
    """The type its result has as far as the library can tell, `DYN` where the state decides."""
    sure: bool
    """Its result is a truth value, or an error; nothing else."""
    run: cel.Compiled

    def inputs(self, state: Mapping[str, Json]) -> dict[str, Json]:
        """Pick from `state` what this expression reads.

        The library copies all it is given (2,000 keys take 0.4 ms), so only named keys go in.
        A key that is not there is left out: `a || b` may hold without it.
        """
        needs = self.reads
        data = _picked(needs.bare, state)
        if needs.whole:
            data[STATE] = dict(state.items())
        elif needs.keyed:
            data[STATE] = _picked(needs.keyed, state)
        return data


def _picked(names: frozenset[str], state: Mapping[str, Json]) -> dict[str, Json]:
    # Found by one look each: a state may be a view that works values out when asked.
    found: dict[str, Json] = {}
    for name in names:
        try:
            value = state[name]
        except KeyError:
            continue
        found[name] = value
    return found


@lru_cache(maxsize=1_024)
def _parsed(text: str) -> Node | str:
    """Give the tree of a text, or the library's words if there is none."""
    try:
        return wire.parsed(cel.parse(text))
    except (RuntimeError, TypeError) as error:
        return str(error)


def expected(texts: Iterable[str]) -> None:
    """Say which expressions are going to be compiled, which makes each of them cheaper.

    One at a time, each that names something new takes a millisecond.
    """
    names: frozenset[str] = frozenset()
    for text in texts:
        if len(text) <= MAX_TEXT:
            tree = _parsed(text)
            names |= frozenset[str]() if isinstance(tree, str) else reads(tree).names
    cel.declare(names)


def effort(text: str) -> int:
    """Say how long compiling `text` takes, in characters: of 10 us each, at most."""
    if len(text) > MAX_TEXT:
        return 0  # it is refused unread
    tree = _parsed(text)
    patterns = 0 if isinstance(tree, str) else early.patterns_cost(tree)
    return len(text) + patterns // _CHARACTER


_CHARACTER: Final = 10_000


@lru_cache(maxsize=1_024)
def compiled(text: str, facts: frozenset[str] | None) -> Program:
    """Compile and check `text`; a thousand of them take 9 MB.

    Raises:
        InvalidCondition: With the expression, a caret under the place, and the cure.
    """
    if len(text) > MAX_TEXT:
        raise invalid.too_long(text, MAX_TEXT)
    tree = _parsed(text)
    if isinstance(tree, str):
        raise invalid.refused(text, tree)
    needs = reads(tree)
    if needs.misused:
        raise invalid.misused(text, min(needs.misused))
    if facts is not None and not needs.names <= facts:
        raise invalid.unknown(text, min(needs.names - facts), facts)
    if foreign := invalid.foreign(text, needs.names):
        raise foreign
    early.refuse(text, tree)
    try:
        run = cel.check(text, needs.names)
        kind = run.return_type().name()
    except RuntimeError as error:
        raise invalid.refused(text, str(error)) from None
    form = shape(tree)
    return Program(text, tree, needs, form, form.plain, facts, kind, _is_question(tree), run)


_QUESTIONS: Final = frozenset(
    {"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in", "_&&_", "_||_", "!_"}
)


def _is_question(tree: Node) -> bool:
    """Tell whether an expression can only give true or false.

    The library's `BOOL` is no proof: it believes that all values of `{"a": true, "b": x}` are
    of one type.
    """
    match tree:
        case Loop() | Field(test=True):
            return True
        case Call(function=function):
            return function in _QUESTIONS
        case _:
            return False
