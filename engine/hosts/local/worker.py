"""The inside of a process that calls tools for the engine: one call after the other.

This module knows how a call and its answer are written down, and what a tool is. It does not
know why a call is made, nor whether anybody still waits for it: whoever gives one up kills the
process (`processes`).

Everything goes to and fro as JSON, nothing as pickle: no class of a tool has to be found on
the other side, and nothing that is read there can run code.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import threading
from multiprocessing import connection, parent_process, spawn
from typing import TYPE_CHECKING, Final, cast

import msgspec
from msgspec.structs import replace

from engine.entry import ErrorInfo
from engine.errors import InvalidValue
from engine.failure import failure
from engine.ids import Json  # noqa: TC001  # msgspec reads annotations at run time
from engine.outcome import Command, Overwrite, builtins_of
from engine.tool import AnyTool, Tool, ToolError
from engine.value import admit

if TYPE_CHECKING:
    import socket
    from typing import BinaryIO

    from engine.tool import Function

HEADER: Final = 8
"""Bytes before each message that say how long it is. A message of none says: ready."""

_MAX_DEPTH: Final = 256
_MAX_SIZE: Final = 1 << 30
# More than any graph allows: what a graph allows is decided where its limits are known.


class Task(msgspec.Struct, frozen=True, array_like=True):
    """A call: where the tool is, and what it is given."""

    module: str
    qualname: str
    name: str
    """What nodes call the tool."""
    arguments: dict[str, Json]
    script: str = ""
    """The file of the module, where that is a script, which no name leads to."""
    number: int = 0
    """How many calls the process has been sent: what it answers says it, too."""


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """What came of a call: what was returned, or an error."""

    value: Json = None
    overwrites: tuple[str, ...] = ()
    """Keys of `value` that were wrapped into an `Overwrite`."""
    is_command: bool = False
    goto: str | tuple[str, ...] = ()
    error: ErrorInfo | None = None
    number: int = 0
    """Of the call that is answered."""

    def returned(self) -> object:
        """Give what the tool returned, as its process has left it."""
        value: object = self.value
        if isinstance(value, dict):
            value = {
                key: Overwrite(each) if key in self.overwrites else each
                for key, each in value.items()
            }
        return Command(value, self.goto) if self.is_command else value  # type: ignore[arg-type]  # as the tool gave it


encode: Final = msgspec.json.Encoder().encode
decode_reply: Final = msgspec.json.Decoder(Reply).decode
_decode_task: Final = msgspec.json.Decoder(Task).decode


def framed(message: bytes) -> bytes:
    """Write a message as it is sent."""
    return len(message).to_bytes(HEADER) + message


def serve(link: socket.socket, safe_path: bool) -> None:
    """Answer one call after the other, until the other side closes the link.

    Args:
        link: Where calls come from.
        safe_path: Whether what tools start is to have the safe path that the fork server has.
    """
    if not safe_path:
        os.environ.pop("PYTHONSAFEPATH", None)
    # A group of its own: it is killed together with what the tool has started, and Ctrl-C in a
    # terminal is for the engine alone, which then stops it in its own way.
    with contextlib.suppress(OSError):
        os.setsid()
    threading.Thread(target=_die_with_parent, daemon=True).start()
    link.set_inheritable(False)  # what the tool starts must not hold it open
    # Whoever begins a process and does not want it after all hangs up.
    with link, link.makefile("rb") as asked, contextlib.suppress(ConnectionError):
        me = os.getpid()
        link.sendall(framed(b""))
        while message := _read(asked):
            task = _decode_task(message)
            reply = _answer(task)
            if os.getpid() != me:
                os._exit(0)  # the tool has forked, and this is its child: it has nothing to say
            link.sendall(framed(_written(replace(reply, number=task.number), task)))


def _written(reply: Reply, task: Task) -> bytes:
    """Write down what came of a call, whatever the tool has put into it."""
    try:
        return encode(reply)
    except (UnicodeEncodeError, TypeError, ValueError) as error:
        told = ErrorInfo(
            code="BAD_RESULT",
            message=f"what tool '{task.name}' returned can't be written down: {error}",
            hint="mend the names in its goto, or the texts of its error",
        )
        return encode(Reply(error=told, number=task.number))


def _read(asked: BinaryIO) -> bytes:
    """Read a message; none means that there will be no more."""
    header = asked.read(HEADER)
    return asked.read(int.from_bytes(header)) if len(header) == HEADER else b""


def _die_with_parent() -> None:
    """End with the engine, even if it was killed and a tool is running."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)


_GUARD: Final = (
    '; in a script, what starts the engine belongs behind if __name__ == "__main__":, because '
    "the process runs the script to find the tool"
)


def is_reading_script() -> bool:
    """Tell whether this is a process of ours that runs a script to find a tool in it."""
    return bool(_reading)


_reading: Final[list[str]] = []


def _read_script(path: str) -> None:
    """Run a script as a module that is not `__main__`, unless that was done before.

    Nothing else of ours runs the script of whoever embeds the engine, so one that starts its
    engine as soon as it is run does so once, unless the tool itself is written in it.
    """
    _reading.append(path)
    try:
        spawn.import_main_path(path)
    finally:
        _reading.clear()


_found: Final[dict[tuple[str, str], AnyTool]] = {}


def _answer(task: Task) -> Reply:
    """Call a tool. Never raises."""
    try:
        tool = _tool(task)
    except BaseException as error:  # noqa: BLE001  # importing it runs whatever is in its module
        return Reply(
            error=ErrorInfo(
                code=ToolError.code,
                message=f"tool '{task.name}' can't be found in its process: "
                f"{type(error).__name__}: {error}",
                hint=f"a process looks for '{task.qualname}' in the module '{task.module}': "
                "write it with def at the top of a module that can be imported"
                + (_GUARD if task.script else ""),
                retryable=False,
            )
        )
    try:
        parameters = {each.name: each.reader for each in tool.parameters}
        return _reply(
            task.name,
            tool.function(**{k: parameters[k].take(v) for k, v in task.arguments.items()}),
        )
    except BaseException as error:  # noqa: BLE001  # sys.exit() in a tool is an error of the tool
        return Reply(error=failure(tool, error))


def _tool(task: Task) -> AnyTool:
    """Find a tool by where it is written; what is there may be the tool or its function."""
    where = task.module, task.qualname
    if where not in _found:
        if task.script:
            _read_script(task.script)
        there: object = importlib.import_module(task.module)
        for name in task.qualname.split("."):
            there = getattr(there, name)
        function = there.function if isinstance(there, Tool) else there
        _found[where] = Tool(cast("Function", function), name=task.name)
    return _found[where]


def _reply(tool: str, returned: object) -> Reply:
    """Write down what a tool returned.

    Raises:
        NodeError: JSON does not have it (`BAD_OUTPUT`).
    """
    command = returned if isinstance(returned, Command) else None
    goto = () if command is None else command.goto
    overwrites: tuple[str, ...] = ()
    plain = builtins_of(tool, returned if command is None else command.update)
    if isinstance(plain, dict):
        plain = cast("dict[str, object]", plain)
        overwrites = tuple(key for key, each in plain.items() if isinstance(each, Overwrite))
        plain = {
            key: builtins_of(tool, each.value if isinstance(each, Overwrite) else each)
            for key, each in plain.items()
        }
    try:
        admitted = admit(
            plain, what=f"the result of tool '{tool}'", max_depth=_MAX_DEPTH, max_size=_MAX_SIZE
        )
    except InvalidValue as error:
        raise ToolError(error.message, code="BAD_OUTPUT", hint=error.hint) from None
    return Reply(
        admitted, overwrites, command is not None, goto if isinstance(goto, str) else tuple(goto)
    )
