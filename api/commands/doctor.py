"""`awe doctor`: what keeps awe from working, each thing with its cure.

This module knows what is looked at, and in which order. It does not know how
(`examinations`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands.failure import FAILED
from api.commands.finding import Asked, Finding
from api.commands.port import HIGHEST
from api.commands.screen import counted, hang, output, styled
from api.commands.store import MEMORY, StoreOption, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.commands.finding import Verdict

EXAMINATIONS: Final = (
    "python",
    "packages",
    "libraries",
    "ruff",
    "tools",
    "templates",
    "graphs",
    "port",
    "store",
)
"""Each stands on those before it."""

_STYLES: Final[Mapping[Verdict, str]] = {"ok": "green", "note": "yellow", "wrong": "bold red"}


def command(
    *,
    store: StoreOption = MEMORY,
    port: Annotated[
        int,
        typer.Option(min=1, max=HIGHEST, metavar="N", help="The port that a server is to have."),
    ] = 8000,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Mend what can be without loss: records of runs are made again from their logs.",
        ),
    ] = False,
) -> int:
    """Look for what keeps awe from working, and say how to mend it.

    With a store, the log of every run in it is read and held against all that is known of the
    run; a server may have it open. Ends with 1 if something is wrong.
    """
    asked = Asked(place_of(store), port, repair)
    wrong = 0
    for name in EXAMINATIONS:
        for finding in _examined(name, asked):
            _show(name, finding)
            wrong += finding.verdict == "wrong"
    told = f"{counted(wrong, 'thing')} to mend, the first one first" if wrong else "all is well"
    output().print(styled(told, "bold red" if wrong else "bold green"))
    return FAILED if wrong else 0


def _examined(name: str, asked: Asked) -> list[Finding]:
    """Look at one thing; whatever goes wrong with that is what was found."""
    try:
        return list(import_module(f"api.commands.examinations.{name}").examine(asked))
    except Exception as error:  # noqa: BLE001  # as said above
        return [
            Finding(
                "wrong",
                f"this can't be looked at: {type(error).__name__}: {error}",
                "mend what is wrong above; if nothing is, install awe again",
            )
        ]


def _show(name: str, finding: Finding) -> None:
    screen = output()
    verdict = styled(f"{finding.verdict:<6}", _STYLES[finding.verdict])
    hang(screen, styled(f"{name:<10} ").append_text(verdict), styled(finding.says))
    if finding.cure:
        hang(screen, styled(f"{'':<17}-> "), styled(finding.cure))
