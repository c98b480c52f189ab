"""Breaks the core on purpose and sees that the laws notice: `python -m tests.laws.mutants`.

Each mutant is a copy of `engine` in which a few words are others. It has to break a law within
1,000 random graphs; one that survives shows that the laws do not look where they should. A
mutant whose words are no longer in the core is an error: put it where the idea went.

This module knows the words of the core and nothing of what they mean.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
GRAPHS: Final = 1_000
SECONDS: Final = 600
"""After this long a mutant counts as found: it hangs."""


@dataclass(frozen=True)
class Mutant:
    """A mistake somebody could make."""

    name: str
    edits: tuple[tuple[str, str, str], ...]
    """File below `engine`, words that are in it exactly once, and what they become."""


MUTANTS: Final = (
    Mutant(
        "merge order swapped",
        ((
            "history.py",
            "        first = segments[0]\n        seen = ",
            "        segments = segments[::-1]\n        first = segments[0]\n        seen = ",
        ),),
    ),
    Mutant(
        "reducer applied twice",
        (("history.py", "seen = first.ancestors | first.bit", "seen = first.bit"),),
    ),
    Mutant(
        "rounds ignored",
        (
            ("firing/waiting.py", "rounds_apart = whole is None or whole.batch is None", "rounds_apart = False"),
            (
                "firing/waiting.py",
                "own = NONE if plan.split == BEFORE_ALL else message.rounds.get(plan.split, NONE)",
                "own = NONE",
            ),
        ),
    ),
    Mutant(
        "join one short",
        ((
            "firing/group.py",
            "return self.arrived.bit_count() >= join.count",
            "return self.arrived.bit_count() >= max(1, join.count - 1)",
        ),),
    ),
    Mutant(
        "reachability ignores a back edge",
        ((
            "graph/plan.py",
            "            for source in self.into[here]:\n",
            "            for source in [s for s in self.into[here] if s < here]:\n",
        ),),
    ),
    Mutant(
        "absorbed message not counted",
        (("run/apply.py", "        run.withdrawn += 1\n", "        run.withdrawn += 0\n"),),
    ),
    Mutant(
        "FIFO reversed",
        (("firing/group.py", "heads = [queue[0] for", "heads = [queue[-1] for"),),
    ),
    Mutant(
        "retry keeps the old patch",
        ((
            "decide/result.py",
            "        info = as_value(error, retryable=True)\n",
            "        info = as_value(error, retryable=True)\n"
            "        kept = {key: value for key, value in result.patch.items() if value == value}\n"
            "        activation.head = run.history.write(activation.head, kept, node)\n",
        ),),
    ),
    Mutant(
        "last rule wins",
        ((
            "decide/route.py",
            "            holding.append(rule)\n            if not every:\n                break\n",
            "            holding = [*holding, rule] if every else [rule]\n",
        ),),
    ),
    Mutant(
        "own message counted as in flight",
        (("graph/plan.py", "stop = (BEFORE_ALL, node, split)", "stop = (BEFORE_ALL, split)"),),
    ),
    Mutant(
        "rest of a round leaks into the next",
        ((
            "firing/waiting.py",
            "        if group.complete and not self._waits(group):\n            self._forget(group)\n",
            "        self._forget(group)\n",
        ),),
    ),
    # Beyond the eleven that were asked for.
    Mutant(
        "strays meet what waits",
        ((
            "firing/waiting.py",
            "        return bool(\n            plan.strays & 1 << message.slot",
            "        return bool(\n            0 & plan.strays & 1 << message.slot",
        ),),
    ),
    Mutant(
        "block does not block",
        ((
            "firing/waiting.py",
            "return [other for other in others if other.fired and not other.complete]",
            "return [other for other in others if other.complete and not other.complete]",
        ),),
    ),
    Mutant(
        "cancel spares what is held",
        ((
            "decide/fire.py",
            "                if message.seq in run.messages:",
            "                if message.seq in run.messages and message.holder is None:",
        ),),
    ),
    Mutant(
        "the last of a circle goes first",
        (("firing/waiting.py", "        for group in circle:\n            if not group.once:", "        for group in circle[::-1]:\n            if not group.once:"),),
    ),
    Mutant(
        "a conflict is overlooked",
        (("history.py", "if not all(same(value, last) for _, value in writes):", "if not any(same(value, last) for _, value in writes):"),),
    ),
    Mutant(
        "passes ignored",
        (("firing/waiting.py", "if been != group.key[1]:", "if been > group.key[1]:"),),
    ),
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Hunt every mutant; give what the program exits with."""
    parser = argparse.ArgumentParser(prog="python -m tests.laws.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**9, help="of the first graph")
    parser.add_argument("--hunt", action="store_true", help="look for a broken law in this core")
    parser.add_argument("names", nargs="*", help="words in the names of the mutants to hunt")
    asked = parser.parse_args(arguments)
    if asked.hunt:
        return hunt(asked.seed)
    print(f"graphs from seed {asked.seed} on, at most {GRAPHS:,} for each mutant")
    survivors = []
    for mutant in MUTANTS:
        if all(word in mutant.name for word in asked.names):
            found, told = released(mutant, asked.seed)
            print(f"  {mutant.name:36} {told}", flush=True)
            survivors += [] if found else [mutant.name]
    print(f"{len(survivors)} survived: {', '.join(survivors)}" if survivors else "none survived")
    return 1 if survivors else 0


def released(mutant: Mutant, seed: int) -> tuple[bool, str]:
    """Put a mutant in the place of the core; say whether it was found, and how."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "engine", Path(folder, "engine"))
        for file, old, new in mutant.edits:
            path = Path(folder, "engine", file)
            text = path.read_text(encoding="utf-8")
            if text.count(old) != 1:
                times = text.count(old)
                return False, f"engine/{file} has these words {times} times, not once: {old!r}"
            path.write_text(text.replace(old, new), encoding="utf-8")
        command = [sys.executable, "-m", "tests.laws.mutants", "--hunt", "--seed", str(seed)]
        try:
            # Started where the copy is, Python finds that `engine` before the one of the project.
            hunter = subprocess.run(  # noqa: S603  # our own program
                command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, timeout=SECONDS,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return True, f"found: it hangs for {SECONDS} seconds"
    if hunter.returncode not in (0, 1):
        return False, f"the hunter failed: {hunter.stderr.strip()[-300:]}"
    return hunter.returncode == 0, hunter.stdout.strip()


def hunt(seed: int) -> int:
    """Look for a graph that breaks a law in whatever core there is here; 0 if there is one."""
    import engine  # noqa: PLC0415  # only here it is the mutant
    from tests.laws.replay import check_seed  # noqa: PLC0415  # it imports the core

    if Path(str(engine.__file__)).is_relative_to(ROOT):
        print("the hunter found the core of the project, not the mutant")
        return 2
    for i in range(GRAPHS):
        told = check_seed(seed + i)
        if told:
            print(f"found after {i + 1} graphs: {told.splitlines()[0][:100]}")
            return 0
    print(f"NOT FOUND in {GRAPHS:,} graphs")
    return 1


if __name__ == "__main__":
    sys.exit(main())
