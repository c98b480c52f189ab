"""The expressions of one call, worked out on the loop: never more than it bears at a time.

This module knows what it costs to work an expression out. It does not know what the values are
that it is given: arguments, or the parts of an answer.

The library converts all that an expression names, anew for each one, and holds the interpreter
while it does: no other thread runs, and no timeout gets in between. So

- the way to one value, or the size of what is there, is walked here, and costs nothing;
- of any other expression, what it reads is counted first, and too much is refused;
- between two of them everybody else gets a turn, and a timeout is heeded.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from engine import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine import Expression, Json

MOST: Final = 50_000
"""Values that one expression may read, each as often as it is mentioned. To read one takes
0.1 to 0.3 us: 15 ms for all. To give it back takes 2 to 5 us: an expression that makes a list of
all it may read, which few do, holds the loop for 0.25 s."""

MOST_IN_ALL: Final = 500_000
"""Values that all expressions of one call may read together."""

BREATH: Final = 5_000
"""Values after which everybody else gets a turn."""

TEXT: Final = 500
"""Characters of a text that take as long as one value."""

_WHOLE: Final = "state"
"""What expressions call all that they are given."""

_WORD: Final = re.compile(r"\w+")
_STEPS: Final = r'[A-Za-z_]\w*(?:\.\w+|\["[^"\\]+"\]|\[\d{1,9}\])*'
_PATH: Final = re.compile(rf"(?P<path>{_STEPS})|size\((?P<sized>{_STEPS})\)")
_STEP: Final = re.compile(r'\.(?P<name>\w+)|\["(?P<key>[^"]+)"\]|\[(?P<index>\d+)\]')

_PathStep = str | int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The expressions of one tool, by the key that each is written to."""

    tool: str
    expressions: Mapping[str, Expression]

    async def of(self, facts: Mapping[str, Json]) -> dict[str, Json]:
        """Work them all out; what they give may share lists and objects with `facts`.

        Raises:
            ToolError: They read too much (`CONDITION_TOO_EXPENSIVE`).
            NodeError: One can't be worked out: a part is not there, or does not fit.
        """
        found: dict[str, Json] = {}
        sizes: dict[str, int] = {}
        work = since = 0
        for key, expression in self.expressions.items():
            given = facts
            if path := _path_of(expression):
                sized, root, steps = path
                reached, value = _walked(facts, root, steps)
                if reached == len(steps) and not sized:
                    found[key] = value
                    continue
                if reached == len(steps) and isinstance(value, str | list | dict):
                    found[key] = len(value)
                    continue
                if reached >= 0:  # the library says what is wrong, and needs no more for it
                    given = {root: _around(_outline(value), steps[:reached])}
            # What a path that leads nowhere is told of is another object, and counted anew.
            cost = _cost(expression, given, sizes if given is facts else {})
            work, since = work + cost, since + cost
            self._check(key, cost, work)
            found[key] = expression.value(given)
            if since > BREATH:
                since = 0
                await asyncio.sleep(0)
        return found

    def _check(self, key: str, cost: int, work: int) -> None:
        if cost <= MOST and work <= MOST_IN_ALL:
            return
        what = (
            f"it reads more than {MOST:,} values"
            if cost > MOST
            else f"up to it, more than {MOST_IN_ALL:,} values are read"
        )
        raise ToolError(
            f"tool '{self.tool}' can't work out '{key}': {what}, each counted as often as it is "
            f"mentioned, and {TEXT} characters of a text as one",
            code="CONDITION_TOO_EXPENSIVE",
            hint="give it less; the way to one part, such as a.b[0].c, and size(a.b) cost nothing",
            retryable=False,
        )


def _path_of(expression: Expression) -> tuple[bool, str, list[_PathStep]] | None:
    """Give the way that an expression is: if its size is meant, where it begins, and its steps."""
    match = _PATH.fullmatch(expression.text.strip())
    if match is None:
        return None
    text = match["path"] or match["sized"]
    root = str(_WORD.match(text)[0])  # type: ignore[index]  # a path begins with a word
    if root == _WHOLE or root not in expression.names:  # `null` and `true` are none
        return None
    steps = [
        int(step["index"]) if step["index"] else step["name"] or step["key"]
        for step in _STEP.finditer(text, len(root))
    ]
    return match["path"] is None, root, steps


def _walked(facts: Mapping[str, Json], root: str, steps: list[_PathStep]) -> tuple[int, Json]:
    """Go a way: how many steps lead somewhere (-1: it does not begin), and what is there."""
    if root not in facts:
        return -1, None
    here: Json = facts[root]
    for number, step in enumerate(steps):
        match here, step:
            case dict(), str() if step in here:
                here = here[step]
            case list(), int() if step < len(here):
                here = here[step]
            case _:
                return number, here
    return len(steps), here


def _outline(value: Json) -> Json:
    """Give a value without what is in it."""
    if isinstance(value, dict):
        return dict.fromkeys(value)
    if isinstance(value, list):
        nothing: list[Json] = [None] * len(value)
        return nothing
    return value


def _around(value: Json, steps: list[_PathStep]) -> Json:
    """Give what has a value at the end of a way, and nothing beside the way."""
    for step in reversed(steps):
        value = {step: value} if isinstance(step, str) else [*[None] * step, value]
    return value


def _cost(expression: Expression, facts: Mapping[str, Json], sizes: dict[str, int]) -> int:
    """Count the values that an expression reads, each as often as it is mentioned.

    Args:
        expression: What is to be worked out.
        facts: What it is given.
        sizes: Of those facts that were counted before.
    """
    mentions = Counter(_WORD.findall(expression.text))
    whole = mentions[_WHOLE]
    cost = 0
    for name in facts if expression.whole else expression.names & facts.keys():
        if name not in sizes:
            sizes[name] = _size(facts[name])
        cost += sizes[name] * max(mentions[name], whole, 1)
    return cost


def _size(value: Json) -> int:
    """Count the values in a value, and stop where there are too many."""
    size, waiting = 1, [value]
    while waiting and size <= MOST:
        each = waiting.pop()
        if isinstance(each, str):
            size += len(each) // TEXT
        elif isinstance(each, list):
            size += len(each)
            if size <= MOST:
                waiting.extend(each)
        elif isinstance(each, dict):
            size += len(each)
            if size <= MOST:
                size += sum(map(len, each)) // TEXT
                waiting.extend(each.values())
    return size
