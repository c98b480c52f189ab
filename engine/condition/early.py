"""What is wrong with an expression whatever the state, and the library does not say so.

This module knows regular expressions and time zones as far as they are written down in an
expression. It does not know the state.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from engine.condition import cel, invalid
from engine.condition.cost import BUDGET, MATCHES, pattern_cost
from engine.condition.tree import Call, Literal, children, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.condition.tree import Node

_PARTS_OF_TIMES: Final = frozenset(
    {
        "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours",
        "getMilliseconds", "getMinutes", "getMonth", "getSeconds",
    }
)  # fmt: skip
_FIXED_ZONE: Final = re.compile(r"UTC|[+-]\d\d:\d\d")


def patterns_cost(tree: Node) -> int:
    """Give what it takes to see that the regular expressions in a tree are some, in ns.

    One that is refused without a try takes nothing.
    """
    costs = (pattern_cost(each)[0] for each in _patterns(tree))
    return sum(cost for cost in costs if cost <= BUDGET)


def _patterns(tree: Node) -> Iterator[str]:
    todo = [tree]
    while todo:
        node = todo.pop()
        todo += children(node)
        if isinstance(node, Call) and node.function == MATCHES and node.args:
            last = node.args[-1]
            if isinstance(last, Literal) and isinstance(last.value, str):
                yield last.value


def refuse(text: str, tree: Node) -> None:
    """Look through a parsed expression.

    Raises:
        InvalidCondition: A regular expression is none or stands for too many states, or a
            time zone is named, which is read from the disk and differs between machines.
    """
    todo = [tree]
    while todo:
        node = todo.pop()
        todo += children(node)
        if not isinstance(node, Call) or not node.args:
            continue
        last = node.args[-1]
        known = last.value if isinstance(last, Literal) else None
        if node.function == MATCHES and isinstance(known, str):
            if pattern_cost(known)[0] > BUDGET:
                raise invalid.costly_pattern(text, known)
            if report := cel.try_out(f"''.matches({quoted(known)})"):
                raise invalid.bad_pattern(text, report)
        elif node.function in _PARTS_OF_TIMES and not _FIXED_ZONE.fullmatch(str(known)):
            raise invalid.named_zone(text, node.function)
