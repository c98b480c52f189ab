"""What a tool is, and which tools there are.

This module knows functions, their parameters and their names. It does not know runs or
nodes, nor how a call is made (`call`).

A tool is a function, plain or async. Its parameters are filled by name from the state; one
with a default may be missing there, and one that is named `state` gets the whole state. Its
result is a mapping of what it writes, or None.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import entry_points
from types import ModuleType
from typing import Final, Generic, ParamSpec, TypeAlias, TypeVar, overload

from engine.errors import EngineError, NodeError, NotFound

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

WHOLE_STATE: Final = "state"
"""The name of the parameter that gets the whole state."""

GROUP: Final = "awe.tools"
"""The group of entry points by which installed packages offer tools."""


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
        required: The parameters without a default.
        optional: The parameters with one.
        is_async: Whether it is awaited; the others run in a thread.
        description: The first line of its docstring.

    Raises:
        InvalidTool: Its parameters can't be filled by name, or it has no name.
    """

    __slots__ = ("description", "function", "is_async", "name", "optional", "required")

    def __init__(self, function: Callable[P, R_co], *, name: str | None = None) -> None:
        self.function: Callable[P, R_co] = function
        self.name: str = name or str(getattr(function, "__name__", "<lambda>"))
        if self.name == "<lambda>":
            raise InvalidTool(
                f"{function!r} has no name that a node could call it by",
                hint="name it: Tool(function, name=...)",
            )
        by_name = {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
        required: list[str] = []
        optional: list[str] = []
        for parameter in _signature(function, self.name).parameters.values():
            if parameter.kind not in by_name:
                raise InvalidTool(
                    f"tool '{self.name}' has the parameter '{parameter}', "
                    "which can't be filled by name from the state",
                    hint=f"name each parameter, or take the whole state as '{WHOLE_STATE}'",
                )
            wanted = required if parameter.default is inspect.Parameter.empty else optional
            wanted.append(parameter.name)
        self.required: tuple[str, ...] = tuple(required)
        self.optional: tuple[str, ...] = tuple(optional)
        self.is_async: bool = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004  # an object whose call is async
        )
        self.description: str = (inspect.getdoc(function) or "").partition("\n")[0]

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
def tool(*, name: str) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(
    function: Callable[P, R] | None = None, *, name: str | None = None
) -> Tool[P, R] | Callable[[Callable[P, R]], Tool[P, R]]:
    """Make a tool of a function, under its own name or another: `@tool(name="code.metrics")`.

    Raises:
        InvalidTool: Its parameters can't be filled by name.
    """
    if function is not None:
        return Tool(function, name=name)
    return lambda function: Tool(function, name=name)


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


def _place(function: Function) -> str:
    """Say where a function is written."""
    module = getattr(function, "__module__", "?")
    return f"{module}.{getattr(function, '__qualname__', repr(function))}"
