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
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
GRAPHS: Final = 1_000
SECONDS: Final = 600
"""After this long a mutant counts as found: it hangs."""


@dataclass(frozen=True)
class Edit:
    """Words that are in a file below `engine` exactly once, and what they become."""

    file: str
    old: str
    new: str


MUTANTS: Final[dict[str, tuple[Edit, ...]]] = {
    "merge order swapped": (
        Edit(
            "history.py",
            "        first = segments[0]\n        seen = ",
            "        segments = segments[::-1]\n        first = segments[0]\n        seen = ",
        ),
    ),
    "reducer applied twice": (
        Edit("history.py", "seen = first.ancestors | first.bit", "seen = first.bit"),
    ),
    "rounds ignored": (
        Edit(
            "firing/waiting.py",
            "rounds_apart = whole is None or whole.batch is None",
            "rounds_apart = False",
        ),
        Edit(
            "firing/waiting.py",
            "own = NONE if plan.split == BEFORE_ALL else message.rounds.get(plan.split, NONE)",
            "own = NONE",
        ),
    ),
    "join one short": (
        Edit(
            "firing/group.py",
            "return self.arrived.bit_count() >= join.count",
            "return self.arrived.bit_count() >= max(1, join.count - 1)",
        ),
    ),
    "reachability ignores a back edge": (
        Edit(
            "graph/join_plan.py",
            "if s >= 0 and s not in (self.node, self.split)}",
            "if 0 <= s < node and s not in (self.node, self.split)}",
        ),
    ),
    "absorbed message not counted": (
        Edit("run/flow.py", "        run.withdrawn += 1\n", "        run.withdrawn += 0\n"),
    ),
    "FIFO reversed": (Edit("firing/group.py", "heads = [queue[0] for", "heads = [queue[-1] for"),),
    "retry keeps the old patch": (
        Edit(
            "decide/result.py",
            "    except InvalidValue as error:\n",
            "    except InvalidValue as error:\n"
            "        kept = {key: value for key, value in result.patch.items() if value == value}\n"
            "        activation.head = run.history.write(activation.head, kept, activation.node)\n",
        ),
    ),
    "last rule wins": (
        Edit(
            "decide/route.py",
            "            holding.append(rule)\n            if not every:\n                break\n",
            "            holding = [*holding, rule] if every else [rule]\n",
        ),
    ),
    "own message counted as in flight": (
        Edit("graph/join_plan.py", "s not in (self.node, self.split)", "s != self.split"),
    ),
    "rest of a round leaks into the next": (
        Edit(
            "firing/waiting.py",
            "        if group.complete and not self._waits(group):\n",
            "        if group.fired:\n",
        ),
    ),
    # Beyond the eleven that were asked for.
    "strays meet what waits": (
        Edit("firing/waiting.py", "plan.strays & 1 << message.slot and", "False and"),
    ),
    "passes ignored": (Edit("firing/waiting.py", "if been != group.key[1]:", "if False:"),),
    "block does not block": (
        Edit("firing/waiting.py", "if other.fired and not other.complete]", "if False]"),
    ),
    "cancel spares what is held": (
        Edit(
            "decide/fire.py",
            "                if message.seq in run.messages:",
            "                if message.seq in run.messages and message.holder is None:",
        ),
    ),
    "the last of a circle goes first": (
        Edit(
            "firing/waiting.py",
            "        for group in circle:\n            if not group.once:",
            "        for group in circle[::-1]:\n            if not group.once:",
        ),
    ),
    "the short way forgets the round": (
        Edit(
            "run/flow.py",
            "        rounds = _rounds_after(run, activation)\n        if rounds:\n",
            "        if rounds:\n",
        ),
    ),
    "the short way overtakes who waits": (
        Edit("decide/fire.py", "is not None or others(run, activation)", "is not None"),
    ),
    "a conflict is overlooked": (
        Edit("history.py", "if not all(same(value, last) for", "if not any(same(value, last) for"),
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Hunt every mutant; give what the program exits with."""
    parser = argparse.ArgumentParser(prog="python -m tests.laws.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first graph")
    parser.add_argument("--hunt", action="store_true", help="look for a broken law in this core")
    parser.add_argument("names", nargs="*", help="words in the names of the mutants to hunt")
    asked = parser.parse_args(arguments)
    if asked.hunt:
        return hunt(asked.seed)
    print(f"graphs from seed {asked.seed} on, at most {GRAPHS:,} for each mutant")
    survivors = []
    for name, edits in MUTANTS.items():
        if all(word in name for word in asked.names):
            found, told = released(edits, asked.seed)
            print(f"  {name:36} {told}", flush=True)
            survivors += [] if found else [name]
    print(f"{len(survivors)} survived: {', '.join(survivors)}" if survivors else "none survived")
    return 1 if survivors else 0


def released(edits: tuple[Edit, ...], seed: int) -> tuple[bool, str]:
    """Put a mutant in the place of the core; say whether it was found, and how."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "engine", Path(folder, "engine"))
        for edit in edits:
            path = Path(folder, "engine", edit.file)
            text = path.read_text(encoding="utf-8") if path.exists() else ""
            if (times := text.count(edit.old)) != 1:
                return False, f"engine/{edit.file} has {edit.old!r} {times} times, not once"
            path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
        command = [sys.executable, "-m", "tests.laws.mutants", "--hunt", "--seed", str(seed)]
        try:
            # Started where the copy is, Python finds that `engine` before the one of the project.
            hunter = subprocess.run(  # our own program
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
