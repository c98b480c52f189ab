"""Three small tools to try the engine with: something to do, to measure and to repeat."""

from __future__ import annotations

from engine import Json, tool


@tool
def greet(name: str) -> dict[str, Json]:
    """Greet somebody: `greeting` from `name`."""
    return {"greeting": f"Hello, {name}!"}


@tool
def count_words(greeting: str) -> dict[str, Json]:
    """Count the words of `greeting` into `words`."""
    return {"words": len(greeting.split())}


@tool
def echo(greeting: str) -> dict[str, Json]:
    """Say the last word of `greeting` once more."""
    return {"greeting": " ".join([greeting, *greeting.split()[-1:]])}
