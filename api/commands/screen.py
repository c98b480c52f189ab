"""What commands are shown on: standard output for results, standard error for all the rest.

This module knows terminals, and when there is none. It does not know what is shown.

Without a terminal, or with NO_COLOR, there is nothing but text: no escape sequence, no line
that is cut because it would be too long for a window that is not there.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import OverflowMethod, RenderableType
    from rich.style import Style

_ENDLESS: Final = 1_000_000
"""Columns of what is not a terminal: nothing is ever wrapped or cut there."""


def output() -> Console:
    """Give standard output, where the result of a command goes and nothing else."""
    return _console(sys.stdout)


def notes() -> Console:
    """Give standard error, for all that is not the result."""
    return _console(sys.stderr)


def is_seen(console: Console) -> bool:
    """Tell whether what is shown can move: a person looks at it, in a window that knows how."""
    return console.is_terminal and not console.is_dumb_terminal


def put(console: Console, shown: RenderableType) -> None:
    """Show something that fills a rectangle; without a terminal, no line ends in blanks."""
    if console.is_terminal:
        console.print(shown)
        return
    with console.capture() as captured:
        console.print(shown)
    for line in captured.get().splitlines():
        console.print(styled(line.rstrip()))


def hang(console: Console, label: Text, text: Text) -> None:
    """Show a text behind a label; where it is too long for a line, it goes on below itself."""
    console.print(hung(console, label, text))


def hung(console: Console, label: Text, text: Text) -> RenderableType:
    """Give a text behind a label as `hang` shows it on a console."""
    if not (console.is_terminal and label):  # the narrowest column there is is not empty
        return label.copy().append_text(text)
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(label, text)
    return grid


def paste(console: Console, label: Text, text: Text) -> None:
    """Show a text that can be copied from a terminal as it is, however long."""
    console.print(label.copy().append_text(text), soft_wrap=True)


def clip(console: Console, text: Text) -> None:
    """Show a text in one line: what is too long for a terminal is cut off."""
    console.print(text, no_wrap=True, overflow=cut(console))


def cut(console: Console) -> OverflowMethod:
    """Say how a line is cut: with an ellipsis, where there is one."""
    return "crop" if console.options.ascii_only else "ellipsis"


def counted(number: int, noun: str) -> str:
    """Say how many there are of something."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def show_json(value: object, *, pretty: bool = True) -> None:
    """Write a value to standard output as JSON: for a person, or for a program."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else None)
    console = output()
    if console.is_terminal:
        if console.options.ascii_only:  # where escapes are those of JSON
            text = json.dumps(orjson.loads(text), indent=2 if pretty else None).encode()
        paste(console, styled(""), styled(text.decode()))
    else:  # in UTF-8, as JSON is, whatever else is written here
        sys.stdout.flush()
        sys.stdout.buffer.write(text + b"\n")
        sys.stdout.buffer.flush()


def plain(text: object) -> str:
    """Write what a terminal might take for a command as its escape; line ends and tabs stay."""
    return _shown(
        "".join(
            each if each.isprintable() or each in "\n\t" else each.encode("unicode_escape").decode()
            for each in whole(str(text))
        )
    )


def styled(text: object, style: str | Style = "") -> Text:
    """Give a text for a console, which means just what it says: no markup, no escapes.

    The style is that of this text, and not of what is appended to it.
    """
    return Text.assemble((plain(text), style))


def _shown(text: str) -> str:
    """Write what standard output has no characters for as escapes: so its width is known."""
    encoding = sys.stdout.encoding or "utf-8"  # text in memory has none
    if encoding.lower() in ("utf-8", "utf8"):
        return text
    return text.encode(encoding, "backslashreplace").decode(encoding)


def whole(text: str) -> str:
    """Write bytes of a file name that are no text, and so can't be shown, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _console(stream: TextIO) -> Console:
    terminal = stream.isatty()
    return Console(
        file=stream,
        color_system="auto" if terminal and not os.environ.get("NO_COLOR") else None,
        width=None if terminal else _ENDLESS,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )
