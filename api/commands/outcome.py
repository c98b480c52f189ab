"""How a run that was waited for ended: its state, or why there is none, and an exit status.

This module knows what is shown of an end. It does not know where the run was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.commands import failure_report
from api.commands.failure import FAILED
from api.commands.screen import notes, show_json, styled

if TYPE_CHECKING:
    from api.commands.server_client import Object
    from engine import Json


def show(  # noqa: PLR0913  # each by name
    *,
    run_id: str,
    status: str,
    state: Json,
    report: Object | None,
    server: str | None,
    what: str = "can be done",
) -> int:
    """Show the final state on standard output, or on standard error why there is none.

    Args:
        run_id: Which run.
        status: Of the run.
        state: Of the run.
        report: What it failed of, or is paused for.
        server: Where the actions of the report can be sent; None: nowhere.
        what: Under which condition they can be.
    """
    if status == "completed":
        show_json(state)
        return 0
    if report is not None:
        failure_report.show(notes(), report, server=server, what=what)
    else:
        stopped = "was cancelled" if status == "cancelled" else f"is {status}"
        notes().print(styled(f"run '{run_id}' {stopped}", "bold yellow"))
    return FAILED
