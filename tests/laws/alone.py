"""The model without a core: what it makes of a graph under a schedule of its own.

For figures of the generator, and to see that the Law holds in the page itself (`docs/
semantics.md`), whoever implements it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.laws.model import Model, NodeFault
from tests.laws.tools import call

if TYPE_CHECKING:
    from random import Random

    from tests.laws.flight import Activation
    from tests.laws.furnish import Case

ROUTING_ERRORS: Final = ("NO_ROUTE", "ROUTE_NOT_DECLARED")
"""What is not retried, beside conditions that can't be evaluated."""


def final(policies: dict[str, dict[str, object]], code: str, attempt: int) -> bool:
    """Say whether a failed attempt was the last one, as the policy of its node has it."""
    retry = policies.get("retry", {})
    if code in ROUTING_ERRORS or code.startswith("CONDITION_"):
        return True
    most, codes = retry.get("max_attempts", 1), retry.get("on", [code])
    return not (
        isinstance(most, int) and attempt < most and isinstance(codes, list) and code in codes
    )


def played(case: Case, chance: Random, *, most: int = 300) -> Model:
    """Play a graph on the model alone, in a random order, to its end or the limit."""
    model = Model(case.document, case.tests)
    model.start(case.state)
    attempts: Counter[Activation] = Counter()
    slow = {node: chance.random() for node in case.document["nodes"]}
    patient = chance.random() < 0.5
    while not model.over and len(model.firings) <= most:
        active = model.active()
        activation = min(active, key=lambda a: slow[a.node]) if patient else chance.choice(active)
        attempts[activation] += 1
        attempt, node = attempts[activation], activation.node
        answer = call(case, node, activation.name, activation.state, attempt)
        code = "TIMEOUT" if answer.hangs else answer.code
        if code is None:
            try:
                model.complete(activation, answer.patch or {}, answer.overwrites, answer.goto)
            except NodeFault as fault:
                code = fault.code
        if code is not None:
            model.seen.add("a timeout" if answer.hangs else "a failed attempt")
            if final(case.document["nodes"][node], code, attempt):
                model.fail(activation, code)
            else:
                model.seen.add("a retry")
    return model
