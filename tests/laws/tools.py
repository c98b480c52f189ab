"""What the tools of a random graph do: a pure function of seed, node, state and activation.

Nothing here depends on when a tool runs or on what else does, so that what a run does depends
on its schedule only where the graph asks for it. This module knows scripts (`graphs`), not who
runs them.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.laws.furnish import Case

State: TypeAlias = dict[str, Any]
WORDS: Final = ("ape", "bee", "cat", "dog")
WRONG: Final[dict[str, Any]] = {
    "sum": "one",
    "fsum": [1],
    "min": [],
    "max": "zoo",
    "text": 7,
    "extend": 5,
    "union": "a",
    "merge": [],
}
"""What no reducer of that kind takes, or none that has seen the right thing before."""
FLOATS: Final = (0.1, 0.2, 0.3, 1e15, -1e15, 2.5)


@dataclass(frozen=True)
class Answer:
    """What came of an attempt: a patch, an error code, or nothing for ever."""

    patch: State | None = None
    overwrites: tuple[str, ...] = ()
    goto: tuple[str, ...] | None = None
    code: str | None = None

    @property
    def hangs(self) -> bool:
        """Say whether no answer ever comes."""
        return self.patch is None and self.code is None


def call(case: Case, node: str, activation: str, state: State, attempt: int) -> Answer:
    """Give the answer of a tool to one attempt."""
    script = case.scripts[node]
    known = json.dumps([case.seed, node, activation, state], sort_keys=True)
    chance = Random(blake2b(known.encode(), digest_size=8).digest())
    troubled = chance.random() < script.share and attempt <= script.times
    patch = {key: value(case.kinds[key], key, chance) for key in script.writes}
    if troubled and script.trouble != "none":
        return trouble(case, node, patch, attempt)
    after = dict(state)
    if script.counter:
        after[script.counter] += 1
        counts_itself = case.kinds[script.counter] == "counter sum"
        patch[script.counter] = 1 if counts_itself else after[script.counter]
    overwrites = [key for key in script.writes if chance.random() < script.overwrites]
    for key in overwrites:
        patch[key] = plain(case.kinds[key], patch[key])
    goto = None
    if case.document["nodes"][node].get("routes"):
        after = {
            **state,
            **patch,
            **({script.counter: after[script.counter]} if script.counter else {}),
        }
        goto = tuple(to for to, when in script.goto if when is None or when.test(after))
    return Answer(patch, tuple(overwrites), goto)


def trouble(case: Case, node: str, patch: State, attempt: int) -> Answer:
    """Give the answer of an attempt that goes wrong."""
    script = case.scripts[node]
    match script.trouble:
        case "error":
            return Answer(code=script.code)
        case "bad":
            return Answer({**patch, "bad": math.nan, "good": attempt})
        case "wrong":
            return Answer({key: WRONG.get(case.kinds[key], v) for key, v in patch.items()})
        case "lost":
            return Answer(patch, goto=(node, "nowhere"))
        case _:
            return Answer()


def value(kind: str, key: str, chance: Random) -> Any:
    """Choose what is written to a key."""
    choices: dict[str, Callable[[], Any]] = {
        "fsum": lambda: chance.choice(FLOATS),
        "text": lambda: chance.choice(WORDS),
        "append": lambda: chance.choice((chance.randrange(9), [1], None)),
        "extend": lambda: [chance.randrange(4) for _ in range(chance.randrange(3))],
        "union": lambda: [chance.randrange(4) for _ in range(chance.randrange(3))],
        "merge": lambda: {word: chance.randrange(9) for word in WORDS if chance.random() < 0.5},
        "int": lambda: chance.randrange(3 if key == "k0" else 9),
    }
    return choices.get(kind, lambda: chance.randrange(9))()


def plain(kind: str, written: Any) -> Any:
    """Make a written value one that the key itself can have."""
    return [written] if kind == "append" else written
