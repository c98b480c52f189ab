"""What a tool may give back, and what it comes to: a patch of the state.

This module knows results. It does not know how a tool is called (`call`), nor what may be in
a state: what comes of a call is checked at the door of the core, where its limits are known.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeGuard, cast

import msgspec

from engine.entry import ErrorInfo  # noqa: TC001  # msgspec reads annotations at run time
from engine.errors import InvalidValue, NodeError
from engine.value import admit

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.graph.parts import Node
    from engine.ids import Json


@dataclass(frozen=True, slots=True)
class Overwrite:
    """As a value in a tool's result: set the key, and skip its reducer."""

    value: object


@dataclass(frozen=True, slots=True)
class Command:
    """As a tool's result: what it writes, and which of its declared `routes` come next."""

    update: Mapping[str, object] = field(default_factory=dict[str, object])
    goto: str | tuple[str, ...] | list[str] = ()


class Outcome(msgspec.Struct, frozen=True):
    """What came of a call: a patch (not admitted yet), or an error; never both."""

    patch: dict[str, object] | None = None
    overwrites: tuple[str, ...] = ()
    goto: tuple[str, ...] | None = None
    error: ErrorInfo | None = None
    cached: bool = False
    """The tool was not called: the patch is one that it gave before."""


PLAIN: Final = frozenset({str, int, float, bool, type(None), dict})
"""Types of values of a result that are neither converted nor unwrapped. Lists are looked at."""


def outcome_of(tool: str, node: Node, returned: object) -> Outcome:
    """Make a patch of what a tool returned, as its node says.

    Dataclasses, structs of msgspec and models of pydantic become objects, at the top and as a
    value of the mapping, alone or in a list.

    Raises:
        NodeError: It is nothing that a patch can be made of.
    """
    goto: tuple[str, ...] | None = None
    if isinstance(returned, Command):
        goto = _names(tool, node, returned.goto)
        returned = returned.update
    if node.output is not None:
        written: dict[str, object] = {node.output: returned}
    elif returned is None:
        written = {}
    elif isinstance(returned, Mapping):
        written = _written(tool, node, cast("Mapping[str, object]", returned))
    elif _has_fields(returned):
        plain = builtins_of(tool, returned)
        if not isinstance(plain, dict):  # a struct or a model that is written as an array
            raise _no_mapping(tool, node, returned)
        written = _written(tool, node, cast("dict[str, object]", plain))
    else:
        raise _no_mapping(tool, node, returned)
    overwrites: tuple[str, ...] = ()
    for key, value in written.items():
        if type(value) is Overwrite:
            written[key] = builtins_of(tool, value.value)
            overwrites += (key,)
        elif type(value) not in PLAIN:
            written[key] = builtins_of(tool, value)
    return Outcome(written, overwrites, goto)


def builtins_of(tool: str, value: object) -> object:
    """Make an object of what has fields, alone or as an item of a list; give others back.

    Raises:
        NodeError: Something inside it has no form as JSON.
    """
    kind = type(value)
    if kind is list or kind is tuple:
        items = cast("list[object] | tuple[object, ...]", value)
        if any(type(item) not in PLAIN and _has_fields(item) for item in items):
            return [builtins_of(tool, item) if _has_fields(item) else item for item in items]
        return items
    if kind in PLAIN or not _has_fields(value):
        return value

    def rest(inner: object) -> Json:
        return admit(inner, what=f"a value in the {kind.__name__} that tool '{tool}' returned")

    try:
        return _builtins(value, rest)
    except InvalidValue as error:
        raise NodeError(error.message, code="BAD_OUTPUT", hint=error.hint) from None


def _builtins(value: object, rest: Callable[[object], Json]) -> object:
    """Make builtins of a value and of all that is in it; `rest` is asked for what has no form.

    Dataclasses are taken apart here: those that msgspec has made lack the attributes that are
    at their default, and msgspec leaves them out.
    """
    kind = type(value)
    if kind is dict:
        return {key: _builtins(each, rest) for key, each in cast("_Dict", value).items()}
    if kind is list or kind is tuple:
        return [_builtins(each, rest) for each in cast("list[object]", value)]
    if kind in PLAIN:
        return value
    if _is_model(value):
        return value.model_dump(mode="json")
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _builtins(getattr(value, each.name), rest) for each in fields(value)}
    return cast("object", msgspec.to_builtins(value, enc_hook=rest))


_Dict: TypeAlias = dict[object, object]


class _Model(Protocol):
    """What models of pydantic can do; the library is not imported for it."""

    def model_dump(self, *, mode: str) -> object: ...


def _is_model(value: object) -> TypeGuard[_Model]:
    return callable(getattr(type(value), "model_dump", None))


def _has_fields(value: object) -> bool:
    """Tell whether something is made of named fields, and knows it."""
    if isinstance(value, type | Overwrite | Command):
        return False
    return is_dataclass(value) or isinstance(value, msgspec.Struct) or _is_model(value)


def _written(tool: str, node: Node, result: Mapping[str, object]) -> dict[str, object]:
    """Choose and rename the keys of a result as the node's `outputs` say."""
    if not node.outputs:
        return dict(result)
    if lacking := [key for key in node.outputs.values() if key not in result]:
        raise NodeError(
            f"node '{node.name}' expects '{lacking[0]}' in the result of tool '{tool}', "
            f"which has {', '.join(map(repr, result)) or 'nothing'}",
            code="MISSING_OUTPUT",
            hint="mend the node's outputs: {state key: result key}",
        )
    return {key: result[source] for key, source in node.outputs.items()}


def _no_mapping(tool: str, node: Node, returned: object) -> NodeError:
    """Say that a result is no mapping, and how to make it one."""
    if inspect.iscoroutine(returned):
        returned.close()  # or Python complains, far from here, that nobody awaited it
        shown, hint = "a coroutine", "await it, or make the tool async"
    else:
        shown = f"{_shown(returned)} ({type(returned).__name__})"
        hint = (
            'return {"key": value}, or say where to write it: '
            f'{{"{node.name}": {{"tool": "{tool}", "output": "key"}}}}'
        )
    return NodeError(
        f"tool '{tool}' of node '{node.name}' returned {shown}, "
        "a mapping of state keys was expected",
        code="BAD_RESULT",
        hint=hint,
    )


_LONGEST_SHOWN: Final = 60
"""Characters of a value in a message."""


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # it is the tool's own
        return "something"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _names(tool: str, node: Node, goto: object) -> tuple[str, ...]:
    """Give the names that a tool wants to go to; it may have put anything there."""
    named = (goto,) if isinstance(goto, str) else goto
    if isinstance(named, tuple | list) and all(
        isinstance(each, str) for each in cast("tuple[object, ...]", named)
    ):
        return tuple(cast("tuple[str, ...]", named))
    raise NodeError(
        f"tool '{tool}' of node '{node.name}' goes to {goto!r:.200}, expected the name of a node "
        "or a list of names",
        code="BAD_RESULT",
        hint='as in Command(goto="publish") or Command(goto=["publish", "tell"])',
    )
