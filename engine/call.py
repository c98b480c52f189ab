"""One call of a tool: what it is given, and what came of it, errors included.

This module knows how parameters are filled and how results and exceptions become values. It
does not know runs, attempts or queues; those who call say what the state is. Nothing that a
tool does raises here: whatever goes wrong is an `ErrorInfo` that says what to do about it.
"""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, cast

from engine.entry import ErrorInfo
from engine.errors import EngineError, NodeError
from engine.tool import WHOLE_STATE, AnyTool, ToolError
from engine.value import copy_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator
    from concurrent.futures import Executor

    from engine.graph.parts import Node
    from engine.ids import Json

MAX_TEXT: Final = 2_000
"""Characters of an exception's message that are kept; some print what they choked on."""

MAX_CAUSES: Final = 10


@dataclass(frozen=True, slots=True)
class Overwrite:
    """As a value in a tool's result: set the key, and skip its reducer."""

    value: object


@dataclass(frozen=True, slots=True)
class Command:
    """As a tool's result: what it writes, and which of its declared `routes` come next."""

    update: Mapping[str, object] = field(default_factory=dict[str, object])
    goto: str | tuple[str, ...] | list[str] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: a patch (not admitted yet), or an error; never both."""

    patch: dict[str, object] | None = None
    overwrites: tuple[str, ...] = ()
    goto: tuple[str, ...] | None = None
    error: ErrorInfo | None = None


async def call(
    tool: AnyTool, node: Node, state: Mapping[str, Json], *, executor: Executor
) -> Outcome:
    """Call `tool` as `node` asks for it.

    What the tool takes of `state` is copied before anything is waited for, so that it reads
    the state of this instant and changes nobody's. An async tool is awaited; a plain one runs
    in a thread of `executor`. Cancelled, the first is cancelled too; the second runs on, and
    its result is dropped.

    Raises:
        asyncio.CancelledError: The caller was cancelled. Nothing else is ever raised.
    """
    try:
        arguments = _arguments(tool, node, state)
        if tool.is_async:
            returned = await cast("Awaitable[object]", tool.function(**arguments))
        else:
            loop = asyncio.get_running_loop()
            returned, error = await loop.run_in_executor(executor, _caught, tool, arguments)
            if error is not None:
                return Outcome(error=failure(tool, error))
        return _outcome(tool, node, returned)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return Outcome(error=failure(tool, error))  # the tool made it up: nobody cancelled us
    except BaseException as error:  # noqa: BLE001  # sys.exit() in a tool must not end the server
        return Outcome(error=failure(tool, error))


def failure(tool: AnyTool, error: BaseException) -> ErrorInfo:
    """Say what went wrong in `tool`, in words that can be stored. Never raises."""
    try:
        return _told(tool, error)
    except BaseException:  # noqa: BLE001  # the exception itself is the tool's code as well
        return ErrorInfo(
            code=ToolError.code,
            message=f"tool '{tool.name}' raised {type(error).__name__}, which can't be read",
            hint="mend the exception: its text, its attributes or what it is made with",
        )


def _told(tool: AnyTool, error: BaseException) -> ErrorInfo:
    if isinstance(error, NodeError):
        return ErrorInfo(
            code=error.code,
            message=_printable(error.message),
            hint=_printable(error.hint),
            details=error.details,
            cause=tuple(_causes(error.__cause__ or error.__context__)),
            retryable=error.retryable if isinstance(error, ToolError) else False,
            retry_after=error.retry_after if isinstance(error, ToolError) else None,
        )
    details: dict[str, Json] = {}
    place = ""
    if frames := traceback.extract_tb(error.__traceback__):
        last = frames[-1]
        at = f"{PurePath(last.filename).name}:{last.lineno} in {last.name}"
        details["at"] = at
        place = f" ({at})"
    return ErrorInfo(
        code=error.code if isinstance(error, EngineError) else ToolError.code,
        message=f"tool '{tool.name}' raised {_named(error)}{place}",
        hint=_printable(error.hint) if isinstance(error, EngineError) else "",
        details=details,
        cause=tuple(_causes(error)),
    )


def _caught(tool: AnyTool, arguments: Mapping[str, object]) -> tuple[object, BaseException | None]:
    """Call a plain tool in its thread; a future can't carry every exception, a value can."""
    try:
        return tool.function(**arguments), None
    except BaseException as error:  # noqa: BLE001  # sys.exit() in a tool must not end the server
        return None, error


def _arguments(tool: AnyTool, node: Node, state: Mapping[str, Json]) -> dict[str, object]:
    """Fill the parameters with copies: from the node's `inputs` and `args`, then the state."""
    filled: dict[str, object] = {}
    for name in (*tool.required, *tool.optional):
        if name in node.inputs:
            filled[name] = node.inputs[name].value(state)
        elif name in node.args:
            filled[name] = copy_of(node.args[name])
        elif name == WHOLE_STATE:
            filled[name] = {key: copy_of(value) for key, value in state.items()}
        elif name in state:
            filled[name] = copy_of(state[name])
        elif name in tool.required:
            raise _missing(tool, node, name, state)
    return filled


def _missing(tool: AnyTool, node: Node, name: str, state: Mapping[str, Json]) -> NodeError:
    """Say which parameter nothing could be found for, and what there is."""
    close = get_close_matches(name, state, n=1)
    meant = f"did you mean '{close[0]}'? " if close else ""
    there: list[Json] = [*sorted(state)]
    return NodeError(
        f"tool '{tool.name}' of node '{node.name}' needs '{name}', which is not in the state",
        code="MISSING_INPUT",
        hint=f"{meant}start the run with it, give it in state.defaults or in the node's args",
        details={"parameter": name, "state": there},
    )


def _outcome(tool: AnyTool, node: Node, returned: object) -> Outcome:
    """Make a patch of what a tool returned, as its node says."""
    goto: tuple[str, ...] | None = None
    if isinstance(returned, Command):
        goto = (returned.goto,) if isinstance(returned.goto, str) else tuple(returned.goto)
        returned = returned.update
    if node.output is not None:
        written: dict[str, object] = {node.output: returned}
    elif returned is None:
        written = {}
    elif isinstance(returned, Mapping):
        written = _written(node, cast("Mapping[str, object]", returned))
    else:
        raise _not_a_mapping(tool, node, returned)
    overwrites: tuple[str, ...] = ()
    for key, value in written.items():
        if type(value) is Overwrite:
            written[key] = value.value
            overwrites += (key,)
    return Outcome(patch=written, overwrites=overwrites, goto=goto)


def _written(node: Node, result: Mapping[str, object]) -> dict[str, object]:
    """Choose and rename the keys of a result as the node's `outputs` say."""
    if not node.outputs:
        return dict(result)
    if lacking := [key for key in node.outputs.values() if key not in result]:
        raise NodeError(
            f"node '{node.name}' expects '{lacking[0]}' in the result of tool "
            f"'{node.tool}', which has {', '.join(map(repr, result)) or 'nothing'}",
            code="MISSING_OUTPUT",
            hint="mend the node's outputs: {state key: result key}",
        )
    return {key: result[source] for key, source in node.outputs.items()}


def _not_a_mapping(tool: AnyTool, node: Node, returned: object) -> NodeError:
    """Say that a result is none, and how to make it one."""
    if inspect.iscoroutine(returned):
        returned.close()  # or Python complains, far from here, that nobody awaited it
        hint = "the tool is a plain function that returns a coroutine: make it async"
    else:
        hint = 'return {"key": value}, or give the node an "output": the key to write it to'
    return NodeError(
        f"tool '{tool.name}' of node '{node.name}' returned a value of type "
        f"{type(returned).__name__}, a mapping of state keys was expected",
        code="BAD_RESULT",
        hint=hint,
    )


def _causes(error: BaseException | None) -> Iterator[str]:
    """Go from an error to what lies behind it."""
    for _ in range(MAX_CAUSES):
        if error is None:
            return
        yield _named(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _named(error: BaseException) -> str:
    """Name an exception as tracebacks do, even one that can't say what it means."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  # its __str__ is the tool's code as well
        text = ""
    return _printable(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def _printable(text: str) -> str:
    """Make a text that every store can keep: no NUL, no lone surrogates, not too long."""
    shown = text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
    return shown.encode(errors="backslashreplace").decode().replace("\0", "\\0")
