"""One call of a tool: what it is given, and what came of it, errors included.

This module knows how parameters are filled, and where a tool runs. It does not know runs,
attempts or queues; those who call say what the state is. Nothing that a tool does raises
here: whatever goes wrong is an `ErrorInfo` that says what to do about it.
"""

from __future__ import annotations

import asyncio
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Literal, cast

import msgspec

from engine.errors import NodeError
from engine.failure import failure
from engine.memo import Memo
from engine.outcome import PLAIN, Command, Outcome, Overwrite, outcome_of
from engine.parameter import SCALARS
from engine.schema import values_of
from engine.segment import State
from engine.tool import WHOLE_STATE
from engine.value import copy_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from engine.context import Context
    from engine.entry import ErrorInfo
    from engine.graph.parts import Node
    from engine.ids import Json
    from engine.parameter import Parameter, Reader
    from engine.results import Results
    from engine.tool import AnyTool, Execution
    from engine.workers import Workers

__all__ = ["Binding", "Command", "Outcome", "Overwrite"]


class Binding:
    """How one node calls its tool: made once per node of a graph version.

    Where each parameter comes from is settled here: from the node's `inputs`, else its `args`,
    else the whole state, the context or a key of the state. A call then costs little more than
    the function itself.

    Args:
        tool: What is called.
        node: Who calls it.
        workers: Where plain tools run.
        cache: Where results are kept, if the node asks for it; None: nowhere.
        graph: The name of the graph that the node is of.
    """

    __slots__ = (
        "_bare",
        "_execution",
        "_function",
        "_keys",
        "_memo",
        "_node",
        "_others",
        "_records",
        "_tool",
        "_workers",
    )

    def __init__(
        self,
        tool: AnyTool,
        node: Node,
        *,
        workers: Workers,
        cache: Results | None = None,
        graph: str = "",
    ) -> None:
        self._tool = tool
        self._node = node
        self._workers = workers
        self._function = tool.function
        self._execution: Literal["async"] | Execution = tool.execution
        self._bare = node.output is None and not node.outputs
        """Whether a dict that a tool returns is its patch."""
        self._memo = (
            None
            if node.cache is None or cache is None
            else Memo(
                tool=tool.name,
                version=tool.version,
                node=node,
                graph=graph,
                policy=node.cache,
                results=cache,
            )
        )
        self._records = self._memo is not None or tool.execution == "process"
        """Whether the arguments are needed as JSON, too."""
        keys: list[tuple[str, frozenset[type], Reader, Parameter]] = []
        others: list[Parameter] = []
        for parameter in tool.parameters:
            name = parameter.name
            given = name in node.inputs or name in node.args
            if parameter.is_context or given or name == WHOLE_STATE:
                others.append(parameter)
            else:
                keys.append((name, parameter.reader.plain, parameter.reader, parameter))
        self._keys = tuple(keys)
        self._others = tuple(others)

    async def call(  # noqa: C901, PLR0912  # one function: each step apart costs 0.1 us of 0.9
        self, state: Mapping[str, Json], context: Callable[[], Context]
    ) -> Outcome:
        """Call the tool with what it takes of `state`, and say what came of it.

        What it takes is copied before anything is waited for, so that it reads the state of
        this instant and changes nobody's. Cancelled, an async tool is cancelled, one in a
        thread runs on and its result is dropped, and one in a process is killed.

        Args:
            state: As it is when the call begins; it may change afterwards.
            context: Makes the context of the call, for tools that take one.

        Raises:
            asyncio.CancelledError: The caller was cancelled. Nothing else is ever raised.
        """
        try:
            if self._records:
                return await self._recorded(state, context)
            arguments: dict[str, object] = {}
            for name, plain, reader, parameter in self._keys:
                try:
                    value = state[name]
                except KeyError:
                    if parameter.required:
                        raise self._missing(name, state) from None
                else:
                    arguments[name] = (
                        value if type(value) in plain else self._taken(parameter, reader, value)
                    )
            if self._others:
                self._fill(arguments, state, context)
            if self._execution == "async":
                returned = await cast("Awaitable[object]", self._function(**arguments))
            elif self._execution == "inline":
                returned = self._function(**arguments)
            else:
                returned, error = await self._in_thread(arguments)
                if error is not None:
                    return Outcome(error=error)
            kind: type = type(returned)
            if kind is dict and self._bare:
                patch = cast("dict[str, object]", returned)
                for item in patch.values():
                    if type(item) not in PLAIN:
                        break
                else:
                    return Outcome(patch)
            return outcome_of(self._tool.name, self._node, returned)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return Outcome(error=failure(self._tool, error))  # made up: nobody cancelled us
        except BaseException as error:  # noqa: BLE001  # sys.exit() in a tool must not end us
            return Outcome(error=failure(self._tool, error))

    # -- where it runs --------------------------------------------------------------------

    async def _recorded(self, state: Mapping[str, Json], context: Callable[[], Context]) -> Outcome:
        """Make a call for which the arguments are needed as JSON: for a key, for a process."""
        raw = self._raw(state)
        arguments: dict[str, object] = {}
        for parameter in self._tool.parameters:
            if parameter.is_context:
                arguments[parameter.name] = context()
            elif parameter.name in raw:
                arguments[parameter.name] = self._taken(
                    parameter, parameter.reader, raw[parameter.name]
                )
        memo = self._memo
        if memo is None:
            return await self._made(raw, arguments)
        key = memo.key(raw, state, context().run_id if memo.of_a_run else None)
        return await memo.result(key, lambda: self._told(raw, arguments))

    async def _told(self, raw: dict[str, Json], arguments: dict[str, object]) -> Outcome:
        """Make a call in whatever task, and give its error as an outcome, as `call` does."""
        try:
            return await self._made(raw, arguments)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return Outcome(error=failure(self._tool, error))  # made up: nobody cancelled us
        except BaseException as error:  # noqa: BLE001  # sys.exit() in a tool must not end us
            return Outcome(error=failure(self._tool, error))

    async def _made(self, raw: dict[str, Json], arguments: dict[str, object]) -> Outcome:
        """Call the tool where it runs, and make an outcome of what it returns."""
        error: ErrorInfo | None = None
        match self._execution:
            case "async":
                returned = await cast("Awaitable[object]", self._function(**arguments))
            case "inline":
                returned = self._function(**arguments)
            case "thread":
                returned, error = await self._in_thread(arguments)
            case "process":
                returned, error = await self._workers.in_process(self._tool, raw)
        if error is not None:
            return Outcome(error=error)
        return outcome_of(self._tool.name, self._node, returned)

    async def _in_thread(self, arguments: dict[str, object]) -> tuple[object, ErrorInfo | None]:
        answer = await self._workers.in_thread(self._caught, arguments)
        return cast("tuple[object, ErrorInfo | None]", answer)

    def _caught(self, /, **arguments: object) -> tuple[object, ErrorInfo | None]:
        """Call a plain tool in its thread; a future can't carry every exception, a value can."""
        try:
            return self._function(**arguments), None
        except BaseException as error:  # noqa: BLE001  # sys.exit() in a tool must not end us
            return None, failure(self._tool, error)

    # -- what it is given -----------------------------------------------------------------

    def _fill(
        self,
        arguments: dict[str, object],
        state: Mapping[str, Json],
        context: Callable[[], Context],
    ) -> None:
        """Fill the parameters that do not come from a key of the state."""
        inputs, args = self._node.inputs, self._node.args
        for parameter in self._others:
            name, reader = parameter.name, parameter.reader
            if parameter.is_context:
                arguments[name] = context()
                continue
            if name in inputs:
                value = inputs[name].value(state)
            elif name in args:
                value = args[name]
            elif reader.free:
                arguments[name] = _copy_of_whole(state)
                continue
            else:
                value = _whole(state)
            arguments[name] = (
                value if type(value) in reader.plain else self._taken(parameter, reader, value)
            )

    def _raw(self, state: Mapping[str, Json]) -> dict[str, Json]:
        """Give the arguments as the JSON that they are made of, as copies."""
        inputs, args = self._node.inputs, self._node.args
        raw: dict[str, Json] = {}
        for parameter in self._tool.parameters:
            name = parameter.name
            if parameter.is_context:
                continue
            if name in inputs:
                raw[name] = inputs[name].value(state)
            elif name in args:
                raw[name] = copy_of(args[name])
            elif name == WHOLE_STATE:
                raw[name] = _copy_of_whole(state)
            elif name in state:
                raw[name] = copy_of(state[name])
            elif parameter.required:
                raise self._missing(name, state)
        return raw

    def _taken(self, parameter: Parameter, reader: Reader, value: Json) -> object:
        """Give a copy of a value as what the parameter is annotated with.

        Raises:
            NodeError: It can't be that (`BAD_INPUT`).
        """
        try:
            return reader.take(value)
        except msgspec.ValidationError as error:
            raise self._unfit(parameter, value, str(error)) from None

    # -- what can be wrong with that ------------------------------------------------------

    def _missing(self, name: str, state: Mapping[str, Json]) -> NodeError:
        """Say which parameter nothing could be found for, and what there is."""
        keys = sorted(state)
        there = ", ".join(keys[:_MOST_KEYS]) or "nothing"
        more = f" and {len(keys) - _MOST_KEYS} more" if len(keys) > _MOST_KEYS else ""
        close = get_close_matches(name, keys[:_MOST_KEYS_COMPARED], n=1)
        meant = (
            f'did you mean \'{close[0]}\'? take it by "inputs": {{"{name}": "{close[0]}"}}; else '
            if close
            else ""
        )
        details: dict[str, Json] = {"parameter": name, "state": [*keys[:_MOST_KEYS_IN_DETAILS]]}
        if values := values_of(self._tool.input_schema, name)[:_MOST_KEYS_IN_DETAILS]:
            details["values"] = values
        return NodeError(
            f"tool '{self._tool.name}' of node '{self._node.name}' needs '{name}', "
            f"which is not in the state; there is {there}{more}",
            code="MISSING_INPUT",
            hint=f"{meant}start the run with '{name}', give it in state.defaults or in the node's "
            "args, or give the parameter a default",
            details=details,
        )

    def _unfit(self, parameter: Parameter, value: Json, reason: str) -> NodeError:
        """Say which value a parameter can't take, and who is to mend what."""
        name = parameter.name
        problem, _, inside = reason.partition(" - at `$.value")
        problem = f"{problem[:1].lower()}{problem[1:]}"
        path = f"{name}{inside.rstrip('`')}"
        if name in self._node.inputs:
            source = f"inputs.{name} of the node, which is {self._node.inputs[name].text!r}"
        elif name in self._node.args:
            source = f"args.{name} of the node"
        else:
            source = f"what writes '{name}' to the state"
        shown = msgspec.json.encode(value).decode()
        if len(shown) > _LONGEST_SHOWN:
            shown = f"{shown[:_LONGEST_SHOWN]}…"
        where = f" at {path}" if inside.rstrip("`") else ""
        return NodeError(
            f"tool '{self._tool.name}' of node '{self._node.name}' can't take {shown} as its "
            f"parameter '{name}', which is {parameter.wanted}: {problem}{where}",
            code="BAD_INPUT",
            hint=f"mend {source}, or the annotation in the tool",
            details={"parameter": name, "expected": parameter.wanted, "at": path},
        )


_MOST_KEYS: Final = 20
_MOST_KEYS_IN_DETAILS: Final = 100
_MOST_KEYS_COMPARED: Final = 1_000  # about 10 ms of the loop
_LONGEST_SHOWN: Final = 60
"""Characters of a value in a message."""


def _whole(state: Mapping[str, Json]) -> dict[str, Json]:
    """Give the whole state; its values are still those of the log."""
    return state.whole() if type(state) is State else dict(state)


def _copy_of_whole(state: Mapping[str, Json]) -> dict[str, Json]:
    whole = _whole(state)
    for key, value in whole.items():
        if type(value) not in SCALARS:
            whole[key] = copy_of(value)
    return whole
