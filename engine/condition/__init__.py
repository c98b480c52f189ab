"""Conditions and expressions over the state, in CEL.

What can be written is in `docs/conditions.md`.
"""

from engine.condition.condition import Condition, Expression

__all__ = ["Condition", "Expression"]
