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
    from tests.laws.furnish import Case

State: TypeAlias = dict[str, Any]
WORDS: Final = ("ape", "bee", "cat", "dog")
WRONG: Final[dict[str, Any]] = {
    "sum": "one", "fsum": [1], "min": [], "max": "zoo", "text": 7, "extend": 5, "union": "a", "merge": [],
}  # fmt: skip
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
    if troubled and script.trouble == "error":
        return Answer(code=script.code)
    if troubled and script.trouble == "hang":
        return Answer()
    patch = {key: value(case.kinds[key], key, chance) for key in script.writes}
    if troubled and script.trouble == "bad":
        return Answer(patch={**patch, "bad": math.nan, "good": attempt})
    if troubled and script.trouble == "wrong":
        return Answer(patch={**patch, **{key: WRONG.get(case.kinds[key], patch[key]) for key in patch}})
    if troubled and script.trouble == "lost":
        return Answer(patch, goto=(node, "nowhere"))
    if script.counter:
        counted = state[script.counter] + 1
        patch[script.counter] = 1 if case.kinds[script.counter] == "counter sum" else counted
    overwrites = [k for k in script.writes if k in patch and chance.random() < script.overwrites]
    if "n_" in "".join(overwrites):
        message = "a counter is never overwritten, for then nothing would end"
        raise AssertionError(message)
    for key in overwrites:
        patch[key] = plain(case.kinds[key], patch[key])
    goto = None
    if case.document["nodes"][node].get("routes"):
        after = {**state, **patch}
        if script.counter:
            after[script.counter] = state[script.counter] + 1
        goto = tuple(to for to, when in script.goto if when is None or when.test(after))
    return Answer(patch, tuple(overwrites), goto)


def value(kind: str, key: str, chance: Random) -> Any:
    """Choose what is written to a key."""
    match kind:
        case "fsum":
            return chance.choice(FLOATS)
        case "text":
            return chance.choice(WORDS)
        case "append":
            return chance.choice((chance.randrange(9), [1], None))
        case "extend" | "union":
            return [chance.randrange(4) for _ in range(chance.randrange(3))]
        case "merge":
            return {word: chance.randrange(9) for word in WORDS if chance.random() < 0.5}
        case "int":
            return chance.randrange(3 if key == "k0" else 9)
        case _:
            return chance.randrange(9)


def plain(kind: str, written: Any) -> Any:
    """Make a written value one that the key itself can have."""
    return [written] if kind == "append" else written
