"""One parameter of a tool: which values it takes, and how they are made what it says it wants.

This module knows annotations, and what JSON values can become. It does not know where a value
comes from (`call`), nor what a tool is (`tool`).

An annotation that JSON values can't be checked by (a class of one's own without fields, a
protocol, a name that only type checkers see) is no error: its values are passed as they are.
"""

from __future__ import annotations

import builtins
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol, TypeGuard, cast

import msgspec
from msgspec import inspect as shape

from engine.context import Context
from engine.value import copy_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.ids import Json

ANYTHING: Final[object] = Any
"""The annotation of what is not annotated, or not in a way that can be checked."""

SCALARS: Final[frozenset[type]] = frozenset({str, int, float, bool, type(None)})
"""Types of JSON values that nobody can change, so that no copy is needed."""

_MODULE: Final = re.compile(r"(?<!['\"\w.>])(?:(?:\w+|<locals>)\.)+(?=\w)")
"""What stands before the name of a class: `package.module.`"""

_JSON_TYPES: Final = (dict, list, str, int, float, bool, type(None))


class Parameter:
    """A parameter that is filled by name.

    Attributes:
        name: Its name.
        annotation: What it is annotated with, `ANYTHING` if that says nothing.
        required: Whether it has no default.
        default: Its default, if it has one.
        is_context: It is given the `Context` of the call.
    """

    __slots__ = ("_reader", "annotation", "default", "is_context", "name", "required")

    def __init__(self, name: str, annotation: object, default: object) -> None:
        self.name: str = name
        self.annotation: object = annotation
        self.default: object = default
        self.required: bool = default is inspect.Parameter.empty
        self.is_context: bool = annotation is Context
        self._reader: Reader | None = None

    @property
    def reader(self) -> Reader:
        """How values become what it takes. Made once, when it is first needed."""
        if self._reader is None:
            self._reader = _reader(self.annotation)
        return self._reader

    @property
    def wanted(self) -> str:
        """What it is annotated with, for people."""
        return _MODULE.sub("", inspect.formatannotation(self.annotation))


class Reader:
    """Takes values of a type.

    Attributes:
        plain: Types of values that are passed as they are.
        free: Any object or list passes; it only has to be copied.
    """

    __slots__ = ("_argument", "_copies", "_hook", "free", "plain")

    def __init__(
        self,
        plain: frozenset[type],
        argument: type[_Argument] | None = None,
        *,
        free: bool = False,
        copies: bool = True,
        hook: _Hook | None = None,
    ) -> None:
        self.plain: frozenset[type] = plain
        self.free: bool = free
        self._argument = argument
        self._copies = copies
        self._hook = hook

    def take(self, value: Json) -> object:
        """Give a value of the type that nobody else holds.

        Raises:
            msgspec.ValidationError: It can't be one; the path in it begins with `$.value`.
        """
        if self._copies and type(value) not in SCALARS:
            value = copy_of(value)
        if self._argument is None:
            return value
        return msgspec.convert({"value": value}, self._argument, dec_hook=self._hook).value


class _Argument(msgspec.Struct):
    """What msgspec takes an argument apart by: a struct is analysed once, a type each time."""

    value: object


_Hook: typing.TypeAlias = Callable[[type, object], object]

_UNCHECKED: Final = Reader(SCALARS, free=True)


def _reader(annotation: object) -> Reader:
    """Find out how values become what an annotation says."""
    if annotation is ANYTHING or annotation is object:
        return _UNCHECKED
    try:
        found = shape.type_info(annotation)
        parts = list(_parts(found))
        if not all(_can_be_read(part) for part in parts):
            return _UNCHECKED
        argument = msgspec.defstruct("Argument", [("value", cast("type", annotation))])
        _try(argument)
    except Exception:  # noqa: BLE001  # whatever msgspec can't do, and whatever annotations do
        return _UNCHECKED
    if isinstance(found, shape.AnyType):
        return _UNCHECKED
    return Reader(
        _plain_types(found),
        cast("type[_Argument]", argument),
        free=_is_any_object(found),
        # Where msgspec looks at each part, it makes each anew; where anything goes, it does not.
        copies=any(isinstance(part, shape.AnyType | shape.CustomType) for part in parts),
        hook=_validated if any(_is_model_type(part) for part in parts) else None,
    )


def _try(argument: type[msgspec.Struct]) -> None:
    """Let msgspec analyse a type, which it does when the type is first used."""
    with suppress(msgspec.ValidationError):  # the value is missing, of course
        msgspec.convert({}, argument)


def _parts(root: shape.Type) -> Iterator[shape.Type]:
    """Go through a type and the types in it, each once: a tree of nodes is of its own type."""
    seen: set[int] = set()
    waiting: list[object] = [root]
    while waiting:
        part = waiting.pop()
        if isinstance(part, tuple):
            waiting.extend(cast("tuple[object, ...]", part))
        elif isinstance(part, shape.Type | shape.Field) and id(part) not in seen:
            seen.add(id(part))
            waiting.extend(getattr(part, name) for name in part.__struct_fields__)
            if isinstance(part, shape.Type):
                yield part


def _can_be_read(part: shape.Type) -> bool:
    """Tell whether a JSON value can become this."""
    if isinstance(part, shape.CustomType):
        return is_model(part.cls) or any(issubclass(each, part.cls) for each in _JSON_TYPES)
    return not isinstance(part, shape.RawType | shape.ExtType)


def _is_model_type(part: shape.Type) -> bool:
    return isinstance(part, shape.CustomType) and is_model(part.cls)


_NO_LIMITS: Final[Mapping[type[shape.Type], type]] = {
    shape.IntType: int,
    shape.FloatType: float,
    shape.StrType: str,
    shape.BoolType: bool,
    shape.NoneType: type(None),
}


def _plain_types(found: shape.Type) -> frozenset[type]:
    """Give the types whose values need no look: all of them are allowed."""
    members = found.types if isinstance(found, shape.UnionType) else (found,)
    return frozenset(
        _NO_LIMITS[type(member)]
        for member in members
        if type(member) in _NO_LIMITS and member == type(member)()
    )


_ANY: Final = (shape.AnyType(), shape.CustomType(object))


def _is_any_object(found: shape.Type) -> bool:
    """Tell whether every JSON object is allowed."""
    if not isinstance(found, shape.DictType):
        return False
    return found.key_type in (*_ANY, shape.StrType()) and found.value_type in _ANY


class Model(Protocol):
    """What classes of pydantic can do; the library is not imported for it."""

    def model_validate(self, value: object) -> object:
        """Make an instance of a value."""
        ...

    def model_json_schema(self) -> dict[str, Json]:
        """Describe what an instance is made of."""
        ...


def is_model(kind: object) -> TypeGuard[Model]:
    """Tell whether a class is a model of pydantic, or does what one does."""
    return isinstance(kind, type) and callable(getattr(kind, "model_validate", None))


def _validated(kind: type, value: object) -> object:
    """Make a model; msgspec adds the path to what a ValueError says."""
    if not is_model(kind):
        return value
    try:
        return kind.model_validate(value)
    except ValueError as error:
        raise ValueError(_first_problem(error)) from None


def _first_problem(error: ValueError) -> str:
    """Say in one line what pydantic says in many."""
    try:
        problems = cast("_Problems", error).errors()
        where = ".".join(map(str, problems[0]["loc"]))
        what = f"{where}: {problems[0]['msg']}" if where else problems[0]["msg"]
    except Exception:  # noqa: BLE001  # not pydantic's after all
        return str(error)
    return f"{what} (and {len(problems) - 1} more)" if len(problems) > 1 else what


class _Problem(typing.TypedDict):
    """One thing that is wrong with a value, and where in it."""

    loc: tuple[str | int, ...]
    msg: str


class _Problems(Protocol):
    """What pydantic raises."""

    def errors(self) -> list[_Problem]: ...


# -- annotations --------------------------------------------------------------------------


class _Names(Mapping[str, object]):
    """Names as a function sees them; one that only type checkers see stands for anything.

    `if TYPE_CHECKING: from engine import Context` is how a linter wants it to be imported, so
    that name is known without.
    """

    def __init__(self, known: Mapping[str, object]) -> None:
        self._known = known

    def __getitem__(self, name: str) -> object:
        if name in self._known:
            return self._known[name]
        if hasattr(builtins, name):
            return getattr(builtins, name)
        return Context if name == Context.__name__ else ANYTHING

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def resolved(annotation: object, names: Mapping[str, object]) -> object:
    """Give what an annotation means, which may be written as a string.

    Args:
        annotation: As it stands in the signature.
        names: The globals of the function.
    """
    if annotation is inspect.Parameter.empty:
        return ANYTHING
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    try:
        found = typing.get_type_hints(holder, {}, _Names(names), include_extras=True)["it"]
    except Exception:  # noqa: BLE001  # it is the author's code, run as type checkers never do
        last = str(annotation).rpartition(".")[2]
        return Context if last == Context.__name__ else ANYTHING
    while typing.get_origin(found) is Annotated and typing.get_args(found)[0] is Context:
        found = Context
    return found


def mentions(annotation: object, *kinds: type) -> bool:
    """Tell whether one of the classes is in an annotation, such as in `Context | None`."""
    return any(annotation is kind for kind in kinds) or any(
        mentions(each, *kinds)
        for each in typing.get_args(annotation)
        if not isinstance(each, str | int)
    )


_INNER: Final = ("__wrapped__", "func", "__func__")
"""Where the function is inside of one that was decorated, a partial or a method."""


_MOST_LAYERS: Final = 100
"""Some objects have whatever attribute they are asked for."""


def globals_of(function: object) -> Mapping[str, object]:
    """Give the names that the annotations of a function were written with."""
    for _ in range(_MOST_LAYERS):
        if isinstance(function, types.FunctionType) and not hasattr(function, "__wrapped__"):
            return function.__globals__
        inner = [getattr(function, name) for name in _INNER if hasattr(function, name)]
        call = getattr(cast("object", type(function)), "__call__", None)  # noqa: B004  # of an object that can be called
        if inner:
            function = inner[0]
        elif isinstance(call, types.FunctionType):
            function = call
        else:
            break
    return {}
