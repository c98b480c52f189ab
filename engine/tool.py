"""What a tool is, and which tools there are.

This module knows functions, their parameters and their names. It does not know runs or
nodes, nor how a call is made (`call`).

A tool is a function, plain or async. Its parameters are filled by name from the state; one
with a default may be missing there, one that is named `state` gets the whole state, and one
that is annotated with `Context` gets the context of the call. Its result is a mapping of what
it writes, or None.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Final, Generic, Literal, ParamSpec, TypeAlias, TypeVar, overload

from engine.context import Context
from engine.errors import EngineError, NodeError, NotFound
from engine.parameter import Parameter, globals_of, mentions, resolved
from engine.schema import schema_of_parameters, schema_of_result

if TYPE_CHECKING:
    from engine.ids import Json

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D")
R_co = TypeVar("R_co", covariant=True)

WHOLE_STATE: Final = "state"
"""The name of the parameter that gets the whole state."""

GROUP: Final = "awe.tools"
"""The group of entry points by which installed packages offer tools."""

Execution: TypeAlias = Literal["thread", "process", "inline"]
"""Where a plain function runs: in a thread, in a process of its own, or on the loop itself."""

_EXECUTIONS: Final[tuple[Execution, ...]] = ("thread", "process", "inline")


class InvalidTool(EngineError):
    """A function can't be a tool, or a name stands for two of them."""

    code: str = "INVALID_TOOL"


class ToolError(NodeError):
    """What a tool raises to say more about its failure than an exception can.

    Attributes:
        retryable: False: another attempt can't help, so none is made.
        retry_after: Seconds for which whoever failed asked to be left alone.
    """

    code: str = "TOOL_FAILED"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        retryable: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.retryable: bool = retryable
        self.retry_after: float | None = retry_after


class Tool(Generic[P, R_co]):
    """A function that nodes may call, under a name. Called itself, it is that function.

    Attributes:
        name: What nodes call it.
        function: What is called.
        parameters: What it takes, its `Context` included.
        required: The names of the parameters without a default, the `Context` left out.
        optional: The names of those with one.
        execution: `async` for what is awaited; else where it runs.
        is_async: Whether it is awaited.
        description: The first line of its docstring.
        version: Which version of its name it is, from 1, if it was declared; else 0.

    Raises:
        InvalidTool: Its parameters can't be filled by name, it has no name, or it can't run
            where it is to.
    """

    __slots__ = (
        "_input_schema",
        "_output_schema",
        "_returns",
        "description",
        "execution",
        "function",
        "is_async",
        "name",
        "optional",
        "parameters",
        "required",
        "version",
    )

    def __init__(
        self,
        function: Callable[P, R_co],
        *,
        name: str | None = None,
        execution: Execution | None = None,
    ) -> None:
        self.function: Callable[P, R_co] = function
        self.name: str = name or str(getattr(function, "__name__", "<lambda>"))
        if self.name == "<lambda>":
            raise InvalidTool(
                f"{function!r} has no name that a node could call it by",
                hint="name it: Tool(function, name=...)",
            )
        signature = _signature(function, self.name)
        names = globals_of(function)
        self.parameters: tuple[Parameter, ...] = tuple(
            _parameter(each, names, self.name) for each in signature.parameters.values()
        )
        filled = [each for each in self.parameters if not each.is_context]
        self.required: tuple[str, ...] = tuple(each.name for each in filled if each.required)
        self.optional: tuple[str, ...] = tuple(each.name for each in filled if not each.required)
        self.is_async: bool = _is(inspect.iscoroutinefunction, function)
        self.execution: Literal["async"] | Execution = _execution(self, execution)
        self.description: str = (inspect.getdoc(function) or "").partition("\n")[0]
        self.version: int = 0
        self._returns = resolved(signature.return_annotation, names)
        self._input_schema: dict[str, Json] | None = None
        self._output_schema: dict[str, Json] | None = None

    @property
    def input_schema(self) -> dict[str, Json]:
        """The JSON Schema of the object of its arguments, worked out once.

        A parameter whose type JSON does not have takes anything there: `{}`.
        """
        if self._input_schema is None:
            self._input_schema = schema_of_parameters(self.parameters, self.description)
        return self._input_schema

    @property
    def output_schema(self) -> dict[str, Json]:
        """The JSON Schema of its result, as the function's annotation says; `{}` if it doesn't."""
        if self._output_schema is None:
            self._output_schema = schema_of_result(self._returns)
        return self._output_schema

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call the function."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        """Name it."""
        return f"<Tool {self.name}({', '.join((*self.required, *self.optional))})>"


# There is no way without Any to say "whatever its parameters are"; it is said here, once.
AnyTool: TypeAlias = Tool[..., object]  # type: ignore[explicit-any]  # as said above
"""A tool, whatever it takes and gives."""

Function: TypeAlias = Callable[..., object]  # type: ignore[explicit-any]  # as said above
"""A function, whatever it takes and gives."""

ToolSource: TypeAlias = AnyTool | Function | ModuleType
"""What tools may come as: tools, functions, or modules whose tools are all taken."""


@overload
def tool(function: Callable[P, R]) -> Tool[P, R]: ...
@overload
def tool(
    *, name: str | None = None, execution: Execution | None = None
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(
    function: Callable[P, R] | None = None,
    *,
    name: str | None = None,
    execution: Execution | None = None,
) -> Tool[P, R] | Callable[[Callable[P, R]], Tool[P, R]]:
    """Make a tool of a function: `@tool`, or `@tool(name="code.metrics", execution="process")`.

    Args:
        function: Plain or async. An async one is awaited on the loop of the engine.
        name: What nodes call it; its own name if left out.
        execution: Where a plain function runs. `thread`, which is the default: in one of 32
            threads; given up, it runs on and its result is dropped. `process`: in a process of
            its own, for what takes the CPU for long; given up, it is killed. `inline`: on the
            loop itself, for what takes microseconds.

    Raises:
        InvalidTool: Its parameters can't be filled by name, or it can't run where it is to.
    """
    if function is not None:
        return Tool(function, name=name, execution=execution)
    return lambda function: Tool(function, name=name, execution=execution)


class Tools(Mapping[str, AnyTool]):
    """The tools there are, by name."""

    def __init__(self, sources: Iterable[ToolSource] = ()) -> None:
        self._tools: dict[str, AnyTool] = {}
        for source in sources:
            self.add(source)

    def add(self, source: ToolSource) -> None:
        """Add a tool, a function under its own name, or all the tools of a module.

        Raises:
            InvalidTool: Another tool has that name, or the function can't be one.
        """
        for found in _tools_of(source):
            known = self._tools.setdefault(found.name, found)
            if known.function is not found.function:
                raise InvalidTool(
                    f"two tools are named '{found.name}': "
                    f"{_place(known.function)} and {_place(found.function)}",
                    hint="give one of them another name: @tool(name=...)",
                )

    def __getitem__(self, name: str) -> AnyTool:
        """Give the tool of that name.

        Raises:
            NotFound: There is none; the hint names what was perhaps meant.
        """
        try:
            return self._tools[name]
        except KeyError:
            raise NotFound(
                f"there is no tool '{name}'", code="UNKNOWN_TOOL", hint=self.hint(name)
            ) from None

    @overload
    def get(self, key: str, default: None = None, /) -> AnyTool | None: ...
    @overload
    def get(self, key: str, default: AnyTool | D, /) -> AnyTool | D: ...
    def get(self, key: str, default: AnyTool | D | None = None, /) -> AnyTool | D | None:
        """Give the tool of that name, or the default if there is none."""
        return self._tools.get(key, default)

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a tool of that name."""
        return name in self._tools

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(self._tools)

    def __len__(self) -> int:
        """Count them."""
        return len(self._tools)

    def hint(self, name: str) -> str:
        """Say which tool was perhaps meant by a name that is none, or which there are."""
        if close := get_close_matches(name, self._tools, n=1):
            return f"did you mean '{close[0]}'?"
        if not self._tools:
            return "no tools are registered: Engine(tools=[...])"
        return f"there are: {', '.join(sorted(self._tools))}"


def installed_tools() -> list[AnyTool]:
    """Find the tools that installed packages offer by entry points of the group `awe.tools`.

    An entry point names a tool, a function, or a module whose tools are all taken. Finding
    them imports those modules, and nothing else.

    Raises:
        InvalidTool: An entry point can't be loaded, or names something else; it is named.
    """
    found: list[AnyTool] = []
    for point in sorted(entry_points(group=GROUP)):
        try:
            found.extend(_tools_of(point.load()))
        except Exception as error:
            raise InvalidTool(
                f"the entry point '{point.name} = {point.value}' of the group '{GROUP}' "
                f"gives no tools: {type(error).__name__}: {error}",
                hint="mend or remove the package that declares it",
            ) from error
    return found


def _tools_of(source: ToolSource) -> Iterator[AnyTool]:
    """Give the tools that something stands for."""
    if isinstance(source, Tool):
        yield source
    elif isinstance(source, ModuleType):
        yield from (value for value in vars(source).values() if isinstance(value, Tool))
    elif callable(source):
        yield Tool(source)
    else:
        raise InvalidTool(
            f"expected a tool, a function or a module of tools, but got {source!r}",
            hint="Engine(tools=[function, ...])",
        )


def _signature(function: Function, name: str) -> inspect.Signature:
    """Read the parameters of a function; some that are written in C do not tell them."""
    try:
        return inspect.signature(function)
    except ValueError as error:
        raise InvalidTool(
            f"tool '{name}' does not tell which parameters it has: {error}",
            hint="wrap it in a function that does",
        ) from error


_BY_NAME: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def _parameter(given: inspect.Parameter, names: Mapping[str, object], tool: str) -> Parameter:
    """Read a parameter, which must be one that can be filled by name."""
    if given.kind not in _BY_NAME:
        raise InvalidTool(
            f"tool '{tool}' has the parameter '{given}', "
            "which can't be filled by name from the state",
            hint=f"name each parameter, or take the whole state as '{WHOLE_STATE}'",
        )
    made = Parameter(given.name, resolved(given.annotation, names), given.default)
    if not made.is_context and mentions(made.annotation, Context):
        raise InvalidTool(
            f"tool '{tool}' has the parameter '{given}', "
            "but a context is always given and never part of another value",
            hint=f"write '{given.name}: Context'",
        )
    return made


def _is(kind: Callable[[object], bool], function: Function) -> bool:
    """Tell whether a function, or an object that can be called like one, is of a kind."""
    return kind(function) or kind(getattr(function, "__call__", None))  # noqa: B004  # its own


def _execution(tool: AnyTool, asked: Execution | None) -> Literal["async"] | Execution:
    """Say where a tool runs, which must be where it can.

    Raises:
        InvalidTool: It can't.
    """
    if asked is not None and asked not in _EXECUTIONS:
        raise InvalidTool(
            f"tool '{tool.name}' is to run in {asked!r}, "
            f"one of {', '.join(map(repr, _EXECUTIONS))} was expected",
            hint="leave it out for an async function",
        )
    if _is(inspect.isgeneratorfunction, tool.function) or _is(
        inspect.isasyncgenfunction, tool.function
    ):
        raise InvalidTool(
            f"tool '{tool.name}' yields, a tool returns one result",
            hint="return it whole; give pieces of it before that by Context.emit",
        )
    if tool.is_async:
        if asked is not None:
            raise InvalidTool(
                f"tool '{tool.name}' is async and to run in {asked!r}, "
                "but what is async is awaited on the loop of the engine",
                hint="leave execution out, or make it a plain function",
            )
        return "async"
    if asked == "process":
        _check_process(tool)
    return asked or "thread"


def _check_process(tool: AnyTool) -> None:
    """See that another process can find a tool and call it."""
    qualname = str(getattr(tool.function, "__qualname__", "<none>"))
    owner = getattr(tool.function, "__self__", None)  # of a bound method
    if "<" in qualname or not (owner is None or isinstance(owner, type)):
        raise InvalidTool(
            f"tool '{tool.name}' is to run in a process, which can't find {tool.function!r}: "
            "it looks for a function by its module and name",
            hint="write it with def at the top of a module",
        )
    for parameter in tool.parameters:
        if parameter.is_context:
            raise InvalidTool(
                f"tool '{tool.name}' is to run in a process and takes a Context as "
                f"'{parameter.name}', but a context can't leave the process of the engine",
                hint=f"leave '{parameter.name}' out, or run it in a thread",
            )


def _place(function: Function) -> str:
    """Say where a function is written."""
    module = getattr(function, "__module__", "?")
    return f"{module}.{getattr(function, '__qualname__', repr(function))}"
