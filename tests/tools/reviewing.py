"""How the tests of the code review run one: the graph that is shipped, its tools on the loop.

On the loop nothing has to be started, so that many reviews take little time; that the tools also
work in processes, as they are shipped, is a test of its own.
"""

from __future__ import annotations

import argparse
import json
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from engine import Engine, Template, Tool
from tools.code_review import steps

ROOT: Final = Path(__file__).parent.parent.parent
STDLIB: Final = Path(argparse.__file__).parent
DOCUMENT: Final = Template.parse(
    json.loads((ROOT / "tools/templates/code-review.json").read_text())
).document()

FUNCTIONS: Final = {
    "code.extract_functions": steps.extract_functions,
    "code.complexity": steps.complexity,
    "code.detect_issues": steps.detect_issues,
    "code.suggest_improvements": steps.suggest_improvements,
    "code.quality_score": steps.quality_score,
    "code.apply_fixes": steps.apply_fixes,
}

SHOP: Final = '''"""Rank the customers of a shop."""
import json, math
from typing import Dict, List

class Customer(object):
    """Somebody who has bought something."""
    def __init__(self, name: str):
        self.name = name; self.paid: List[float] = []

    def discount(self) -> float:
        """Say how much less the next order costs."""
        if not len(self.paid) in range(3, 100):
            return 0
        else:
            return math.log(sum(self.paid))

def best(customers: Dict[str, Customer], n: int = 3) -> List[str]:
    """Name the customers who have paid the most."""
    ranked = sorted(customers, key=lambda name: -sum(customers[name].paid))
    if len(ranked) > n:
        return ranked[:n]
    else:
        return ranked
'''
"""What people paste: it climbs over the threshold in four rounds."""


@dataclass(frozen=True)
class Review:
    """The final state of a review."""

    state: dict[str, Any]

    @property
    def code(self) -> str:
        return str(self.state["code"])

    @property
    def reason(self) -> str:
        return str(self.state["stop_reason"])

    @property
    def scores(self) -> list[float]:
        return list(self.state["scores"])

    @property
    def accepted(self) -> list[str]:
        return [each["accepted"] for each in self.state["rounds"] if each["accepted"]]

    @property
    def report(self) -> list[str]:
        return str(self.state["report"]).splitlines()


async def review(code: str, **state: object) -> Review:
    """Review code with the graph that is shipped."""
    inline = [Tool(each, name=name, execution="inline") for name, each in FUNCTIONS.items()]
    async with Engine(tools=inline) as engine:
        graph = await engine.create(DOCUMENT)
        return Review({"rounds": [], **await engine.run(graph, {"code": code, **state})})


def stdlib(path: str) -> str:
    """Read a file of the standard library, whatever its encoding."""
    with tokenize.open(STDLIB / path) as file:
        return file.read()


def lines(*text: str) -> str:
    """Put lines together."""
    return "\n".join(text) + "\n"
