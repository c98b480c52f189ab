"""Conditions and expressions over the state, in CEL.

What can be written is in `docs/conditions.md`.
"""

from engine.condition.condition import Condition, Expression
from engine.condition.program import effort, expected

__all__ = ["Condition", "Expression", "effort", "expected"]
