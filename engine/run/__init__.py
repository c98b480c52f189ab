"""A run is the fold of its log: `Run` is what is known, `apply` is what changes it."""

from engine.run.apply import apply, fold
from engine.run.flow import hop, pass_on
from engine.run.run import OVER, Purpose, Run, Status, Timer
from engine.run.timers import awaited

__all__ = [
    "OVER",
    "Purpose",
    "Run",
    "Status",
    "Timer",
    "apply",
    "awaited",
    "fold",
    "hop",
    "pass_on",
]
