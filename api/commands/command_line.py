"""The command line: which commands there are, and how each of them ends.

This module knows the names of the commands and the statuses they end with. It imports only
the one that is asked for, and does not know what it does.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stdout
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from api.commands import shadowing
from api.commands.failure import INTERRUPTED, WRONG, Failure
from api.commands.interrupt import INTERRUPTS, say, unwind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMANDS: Final[Mapping[str, str]] = {
    "serve": "Serve the HTTP API and its page.",
    "review": "Review Python files, and say or do what makes them better.",
    "validate": "Check documents of graphs, and list all that is wrong with them.",
    "run": "Run a graph: a file here, or one that a server has.",
    "watch": "Watch a run of a server, entry by entry, until it ends.",
    "runs": "List the runs of a server, the latest first.",
    "tools": "List the tools that nodes of graphs may name.",
    "cache": "Forget results that are kept in a Redis.",
    "prune": "Remove runs that ended long ago from a store.",
    "migrate": "Bring the tables of a store up to date.",
    "backup": "Copy a store while it is in use.",
    "restore": "Make a store of a copy that backup made.",
    "doctor": "Look for what keeps awe from working, and say how to mend it.",
}
"""The commands, and what each of them is for: known without importing it."""

TRACEBACK: Final = "AWE_TRACEBACK"
"""Set, an error of awe itself is shown with where it comes from."""


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; give the exit status."""
    given = list(arguments)
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what can't be written there is written as \x..
            stream.reconfigure(errors="backslashreplace")
    try:
        if "doctor" not in given:  # which tells of it among other things
            _see_that_nothing_is_in_the_way()
        return _carried_out(given)
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:
        failure = _told(error, given)
        if failure is None:
            if os.environ.get(TRACEBACK):
                raise
            failure = _unexpected(error)
    _say(failure)
    return INTERRUPTS.status if failure.status == INTERRUPTED else failure.status


def _open_what_is_closed() -> None:
    """Let standard streams that whoever called us has closed lead nowhere.

    Else the next file that is opened is taken for one of them: what is said lands in a store.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)  # the lowest that is free, which is its own
            setattr(sys, name, os.fdopen(handle, mode, encoding="utf-8"))


def _see_that_nothing_is_in_the_way() -> None:
    for shadow in shadowing.in_the_way():
        raise Failure(str(shadow), hint=shadow.cure)


def _carried_out(given: list[str]) -> int:
    """Let the command that is named do its work; give its exit status."""
    wanted = next((word for word in given if not word.startswith("-")), None)
    program = _program(wanted)
    with INTERRUPTS.stopping(unwind):
        status: object = program(given, prog_name="awe", standalone_mode=False)
    if status == INTERRUPTED:  # so typer hands Ctrl-C on
        return _interrupted()
    return status if isinstance(status, int) else 0


def _interrupted() -> int:
    """Say that the command was not done, because it was told to end."""
    say("interrupted")
    return INTERRUPTS.status


def _program(wanted: str | None) -> typer.Typer:
    """Put the command line together; of all commands but the one that is wanted, the names."""
    program = typer.Typer(
        name="awe",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich" if sys.stdout.isatty() else None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback(invoke_without_command=True)(_top)
    for name, purpose in COMMANDS.items():
        if name == wanted:
            program.command(name)(import_module(f"api.commands.{name}").command)
        else:
            program.command(name, help=purpose)(_elsewhere)
    return program


def _top(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.")
    ] = False,
) -> None:
    """Agent Workflow Engine: graphs of tools, run as actors, watched live."""
    if show_version:
        print(f"awe {version('agent-workflow-engine')}")  # noqa: T201  # a command speaks
        raise typer.Exit
    if context.invoked_subcommand is None:
        with redirect_stdout(sys.stderr):
            print(context.get_help())  # noqa: T201  # as above
        raise typer.Exit(WRONG)


def _elsewhere() -> None:
    """Stand for a command that was not asked for."""


def _told(error: Exception, given: Sequence[str]) -> Failure | None:
    """Say what an error means for whoever called; None if nobody thought of it."""
    match error:
        case Failure():
            return error
        case typer.TyperException():
            named = next((f" {word}" for word in given if word in COMMANDS), "")
            usage = f"awe{named} --help lists what there is"
            said = error.format_message().replace("Value error, ", "")
            return Failure(said, hint=usage, status=error.exit_code)
        case OSError():
            return Failure(
                ": ".join(str(each) for each in (error.filename, error.strerror) if each)
            )
        case _:
            return None


def _unexpected(error: Exception) -> Failure:
    """Tell of an error that nobody thought of, in a line."""
    where, trace = "", error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename).name
        where, trace = f" ({file}, line {trace.tb_lineno})", trace.tb_next
    return Failure(
        f"an error of awe itself: {type(error).__name__}: {error}{where}",
        hint=f"please report it; {TRACEBACK}=1 shows where it comes from",
    )


def _say(failure: Failure) -> None:
    """Say why a command can't go on, on standard error."""
    from api.commands.screen import hang, notes, styled  # noqa: PLC0415  # rich takes 60 ms

    console = notes()
    hint = f" ({failure.hint})" if failure.hint else ""
    hang(console, styled("awe: ", "bold red"), styled(f"{failure.message}{hint}"))
    for line in failure.lines:
        hang(console, styled("  "), styled(line.replace("\n", "\n    ")))
