"""Asking conditions: a state to ask, and helpers that ask and expect a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from engine.condition import Condition
from engine.errors import ConditionFailed, InvalidCondition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.ids import Json

STATE: Final[dict[str, Json]] = {
    "score": 6.5,
    "limit": 8,
    "fixable": 3,
    "name": "café 😀",
    "done": True,
    "none": None,
    "items": [1, 2, 3],
    "review": {"score": 8, "by": {"name": "ann"}, "tags": ["a", "b"]},
    "files": [{"name": "a.py", "lines": 10}, {"name": "b.py", "lines": 900}],
    "my-key": 1,
    "type": "bug",
    "for": 2,
    "bad": "(",
    "most": 2**63 - 1,
    "least": -(2**63),
}


def holds(text: str, state: Mapping[str, Json] = STATE) -> bool:
    """Compile and ask."""
    return Condition.compile(text).holds(state)


def refusal(text: str, *, facts: frozenset[str] | None = None) -> InvalidCondition:
    """Give the error with which a text is refused when a graph is created."""
    with pytest.raises(InvalidCondition) as caught:
        Condition.compile(text, facts=facts)
    return caught.value


def failure(text: str, state: Mapping[str, Json] = STATE) -> ConditionFailed:
    """Give the error with which a condition fails on a state."""
    condition = Condition.compile(text)
    with pytest.raises(ConditionFailed) as caught:
        condition.holds(state)
    return caught.value


FACTS: Final = frozenset({"arrived", "total", "messages"})
