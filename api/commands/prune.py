"""`awe prune`: remove runs that ended long ago, and give the room they took back.

This module knows what may be asked for, and how it is told what came of it. Which runs go, and
how, the engine knows.
"""

from __future__ import annotations

from datetime import datetime, timedelta  # noqa: TC003  # typer reads annotations
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands import stoppable
from api.commands.age import age_of
from api.commands.embedded import engine_here, told
from api.commands.failure import WRONG, Failure
from api.commands.screen import counted, output, show_json, styled
from api.commands.store import MEMORY, StoreOption, kept_place_of
from engine import Retention

if TYPE_CHECKING:
    from api.commands.store import Place
    from engine import Pruned

_STEP: Final = 1_000
_UNITS: Final = ("B", "KB", "MB", "GB")


def command(  # noqa: PLR0913  # what may be asked for, each with a default
    *,
    older_than: Annotated[
        timedelta | None,
        typer.Option(
            parser=age_of, metavar="AGE", help="Those that ended longer ago: 30d, 12h, 90m, 2w."
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="All but the latest so many of each graph."),
    ] = None,
    graph: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of this graph.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Remove nothing, and say what would be.")
    ] = False,
    store: StoreOption = MEMORY,
    as_json: Annotated[bool, typer.Option("--json", help="Write an object of JSON.")] = False,
) -> int:
    """Remove runs that have ended, with their logs.

    With both an age and a number, a run stays for either. Runs that have not ended always stay,
    and so does one that the log of a fork begins with. A server may have the store open.
    """
    if older_than is None and keep is None:
        raise Failure(
            "it is not said which runs are to go",
            hint="awe prune --older-than 30d, or --keep 100 for all but the latest 100",
            status=WRONG,
        )
    place = kept_place_of(store)
    retention = Retention(age=older_than, keep=keep, graph=graph)
    with told():
        done = stoppable.run(_prune(place, retention, dry_run=dry_run))
    if as_json:
        show_json(
            {
                "removed": done.removed,
                "needed": done.needed,
                "answers": done.answers,
                "freed": done.freed,
                "oldest": done.oldest,
                "dry_run": done.dry_run,
            }
        )
    else:
        _show(done)
    return 0


async def _prune(place: Place, retention: Retention, *, dry_run: bool) -> Pruned:
    async with engine_here(place, recover=False) as engine:
        return await engine.prune(retention, dry_run=dry_run)


def _show(done: Pruned) -> None:
    screen = output()
    would = "would be " if done.dry_run else ""
    freed = f", {_bytes(done.freed)} given back" if done.freed else ""
    screen.print(styled(f"{counted(done.removed, 'run')} {would}removed{freed}"))
    if done.needed:
        stay = "stays" if done.needed == 1 else "stay"
        screen.print(
            styled(f"{counted(done.needed, 'run')} {stay}, because forks of them do", "dim")
        )
    if done.answers:
        screen.print(styled(f"{counted(done.answers, 'answer')} to requests removed", "dim"))
    screen.print(styled(f"the oldest that has ended and is left: {_time(done.oldest)}", "dim"))


def _time(at: datetime | None) -> str:
    return "none is" if at is None else f"began {at.astimezone():%Y-%m-%d %H:%M:%S}"


def _bytes(size: float) -> str:
    for unit in _UNITS[:-1]:
        if size < _STEP:
            return f"{size:.0f} {unit}" if unit == _UNITS[0] else f"{size:.1f} {unit}"
        size /= _STEP
    return f"{size:.1f} {_UNITS[-1]}"
