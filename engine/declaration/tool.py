"""A tool that was declared: what is called is data, and its arguments are held against it.

This module knows arguments. It does not know what a call does: its kind has made that.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from engine.context import Context
from engine.errors import NodeError
from engine.parameter import ANYTHING, Parameter
from engine.tool import Tool
from engine.validator import Validator
from engine.value import copy_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from engine.declaration.declaration import Declaration
    from engine.ids import Json
    from engine.tool import Execution, Function

    Call: TypeAlias = Callable[[dict[str, Json], Context], object]
    """What a kind makes: given arguments as they must be, it gives back a mapping, or, if it
    is async, something to await that does."""

_CONTEXT: Final = "context of the call"
"""The parameter that gets the context; no argument can have such a name."""


class DeclaredTool(Tool[..., object]):  # type: ignore[explicit-any]  # whatever it is given
    """A tool made of a declaration.

    Attributes:
        declaration: What was declared.

    Args:
        declaration: What was declared.
        call: What is done with the arguments. An async function is awaited on the loop, and
            cancelled where it awaits when its time is up; a plain one runs on the loop, and
            nothing can stop it. So neither may work for longer than milliseconds without
            awaiting. Arguments may be as large as a state: before each call they are held
            against `input` on the loop, in a time that grows with them.
        writes: The keys of what it gives back.
    """

    __slots__ = ("_validator", "_writes", "declaration")

    def __init__(self, declaration: Declaration, call: Call, *, writes: Iterable[str]) -> None:
        # Not as of a function: its parameters are declared, and may have names such as `from`,
        # which no parameter of Python has.
        self.declaration: Declaration = declaration
        self.version: int = 0
        self.name: str = declaration.name
        self.description: str = declaration.description
        filled = [
            Parameter(name, ANYTHING, _default(declaration, name, always=always))
            for name, always in (declaration.parameters or {}).items()
        ]
        of_context = Parameter(_CONTEXT, Context, inspect.Parameter.empty)
        self.parameters: tuple[Parameter, ...] = (*filled, of_context)
        self.required: tuple[str, ...] = tuple(each.name for each in filled if each.required)
        self.optional: tuple[str, ...] = tuple(each.name for each in filled if not each.required)
        self.is_async: bool = inspect.iscoroutinefunction(call)
        self.execution: Literal["async"] | Execution = "async" if self.is_async else "inline"
        self.function: Function = _function(self, call)
        self._writes = tuple(writes)
        self._validator = Validator(declaration.input)
        self._returns = ANYTHING
        self._input_schema: dict[str, Json] | None = None
        self._output_schema: dict[str, Json] | None = None

    @property
    def input_schema(self) -> dict[str, Json]:
        """The JSON Schema of the object of its arguments, as it was declared."""
        return {"type": "object", **self.declaration.input}

    @property
    def output_schema(self) -> dict[str, Json]:
        """The JSON Schema of its result, which is an object of the keys it writes."""
        properties: dict[str, Json] = {key: {} for key in self._writes}
        return {"type": "object", "properties": properties, "required": [*self._writes]}

    def arguments(self, given: Mapping[str, object]) -> dict[str, Json]:
        """Give the arguments of a call, defaults included, as they must be.

        Raises:
            NodeError: They are not (`BAD_INPUT`); everything that is wrong is told.
        """
        arguments = cast("dict[str, Json]", dict(given))
        for name, value in self.declaration.defaults.items():
            if name not in arguments:
                arguments[name] = copy_of(value)
        if problems := self._validator.problems(arguments):
            told = "; ".join(f"{each.path.strip('/')}: {each.message}" for each in problems)
            raise NodeError(
                f"tool '{self.name}' can't take its arguments: {told}",
                code="BAD_INPUT",
                hint="mend what writes them, or the 'input' of the declaration",
                details={"problems": [{"at": p.path, "message": p.message} for p in problems]},
            )
        return arguments


def _default(declaration: Declaration, name: str, *, always: bool) -> object:
    if name in declaration.defaults:
        return declaration.defaults[name]
    return inspect.Parameter.empty if always else None


def _function(tool: DeclaredTool, call: Call) -> Function:
    """Make the function of a tool, which those who call tools by their functions find."""

    def function(**given: object) -> object:
        context = cast("Context", given.pop(_CONTEXT))
        return call(tool.arguments(given), context)

    async def awaited(**given: object) -> object:
        return await cast("Awaitable[object]", function(**given))

    made = awaited if tool.is_async else function
    made.__module__, made.__qualname__ = "declared", tool.name  # for who names its place
    return made
