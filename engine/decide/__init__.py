"""What follows from an input: `step` decides, and nothing else in the engine does."""

from engine.decide.step import step

__all__ = ["step"]
