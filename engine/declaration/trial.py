"""A call of a declared tool outside any run, to see what it does.

This module knows one call: nothing of it is kept, retried or cached. What comes of it is what
would have come of it in a run.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from engine.context import Context
from engine.entry import ErrorInfo
from engine.errors import InvalidValue, NodeError
from engine.failure import failure
from engine.graph.parts import Limits
from engine.ids import ActivationId, RunId
from engine.value import admit_patch, copy_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from engine.declaration.tool import DeclaredTool
    from engine.ids import Json

_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a call: what would be written, or an error; never both."""

    patch: dict[str, Json] | None = None
    error: ErrorInfo | None = None


async def tried(tool: DeclaredTool, arguments: Mapping[str, Json], *, timeout: float) -> Trial:  # noqa: ASYNC109  # it is that of a node
    """Call a tool once, and say what came of it.

    Raises:
        InvalidValue: It has no such parameters; all of them are named.
        asyncio.CancelledError: The caller was cancelled. What the tool does is its outcome.
    """
    _check_names(tool, arguments)
    within = asyncio.timeout(timeout)
    try:
        async with within:
            returned = _called(tool, arguments)
            if tool.is_async:
                returned = await cast("Awaitable[object]", returned)
        return Trial(admit_patch(returned, limits=_LIMITS, what="the result"))
    except InvalidValue as error:
        return Trial(error=_error("BAD_OUTPUT", error.message, error.hint))
    except TimeoutError as error:
        if within.expired():
            words = f"tool '{tool.name}' took longer than {timeout:g} s"
            return Trial(error=_error("TIMEOUT", words, "give it longer, or less to do"))
        return Trial(error=failure(tool, error))
    except Exception as error:  # noqa: BLE001  # whatever goes wrong in a tool is its outcome
        return Trial(error=failure(tool, error))


def _called(tool: DeclaredTool, arguments: Mapping[str, Json]) -> object:
    lacking = [name for name in tool.required if name not in arguments]
    if lacking:
        raise NodeError(
            f"tool '{tool.name}' needs {', '.join(map(repr, lacking))}",
            code="MISSING_INPUT",
            hint="give it among the arguments; in a run it comes from the state",
        )
    token = secrets.token_hex(10)
    context = Context(
        run_id=RunId(f"try-{token}"),
        node=tool.name,
        activation=ActivationId(0),
        attempt=1,
        idempotency_key=f"try-{token}:0",
        deadline=None,
        cancelled=lambda: False,
        say=lambda _: None,
    )
    given: dict[str, object] = {name: copy_of(value) for name, value in arguments.items()}
    (of_context,) = (each.name for each in tool.parameters if each.is_context)
    return tool.function(**given, **{of_context: context})


def _check_names(tool: DeclaredTool, arguments: Mapping[str, Json]) -> None:
    takes = (*tool.required, *tool.optional)
    if unknown := [name for name in arguments if name not in takes]:
        raise InvalidValue(
            f"tool '{tool.name}' has no parameter {', '.join(map(repr, unknown))}",
            path=f"arguments.{unknown[0]}",
            hint=f"it takes {', '.join(takes) or 'nothing'}",
        )


def _error(code: str, message: str, hint: str) -> ErrorInfo:
    return ErrorInfo(code=code, message=message, hint=hint)
