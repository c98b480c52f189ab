"""Values held against a JSON Schema: all that is wrong with one, at once, and in bounded time."""

from engine.validator.effort import MAX_WORK
from engine.validator.growth import MAX_CHAIN
from engine.validator.place import Steps, pointer
from engine.validator.validator import MAX_PARTS, InvalidSchema, Validator
from engine.validator.words import MAX_PROBLEMS

__all__ = [
    "MAX_CHAIN",
    "MAX_PARTS",
    "MAX_PROBLEMS",
    "MAX_WORK",
    "InvalidSchema",
    "Steps",
    "Validator",
    "pointer",
]
