"""What can be done about a failure, as requests that are accepted as they stand.

This module knows by which route each action of the engine is carried out. It does not know
which of them helps against what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.operation import RUNS
from api.wire.runs import ActionRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from engine import Action

ROUTES: Final[Mapping[str, str]] = {
    "retry": "retry",
    "fork": "fork",
    "resume": "resume",
    "step": "step",
    "skip": "skip",
    "patch": "patch",
    "raise_limits": "limits",
    "cancel": "cancel",
}
"""The name of an action, and the last part of the route. The arguments are the body: the API
calls them as the engine does."""


def requests_for(run_id: str, actions: Iterable[Action]) -> tuple[ActionRequest, ...]:
    """Write actions on a run as requests."""
    return tuple(
        ActionRequest(
            "POST", f"{RUNS}/{run_id}/{ROUTES[action.name]}", dict(action.arguments), action.says
        )
        for action in actions
    )
