"""The CEL library, as far as this package uses it, with types.

The library is Google's C++ implementation. Its wheel has type hints, but does not say so to
type checkers, so what we use of it is spelt out here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

from cel_expr_python import cel  # type: ignore[import-untyped]  # see above

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.ids import Json

MAX_DEPTH: Final = 32
"""How deep an expression may be nested; a limit of the library."""
MAX_ITERATIONS: Final = 10_000
"""Turns of all loops of one evaluation together; a limit of the library."""


class Type(Protocol):
    """The type of a value."""

    def name(self) -> str:
        """Give its name, such as `INT`."""
        ...


class Value(Protocol):
    """What an evaluation gave. An error is a value, of type `ERROR`."""

    def type(self) -> Type:
        """Give its type."""
        ...

    def value(self) -> object:
        """Give it as Python's; the items of lists and maps as values, an error as its text.

        Never call it for null: see `plain`.
        """
        ...


class Compiled(Protocol):
    """An expression that can be evaluated."""

    def eval(self, *, data: Mapping[str, Json]) -> Value:
        """Evaluate; raises RuntimeError when the budget of iterations is used up."""
        ...

    def return_type(self) -> Type:
        """Give the type of its values, `DYN` if that depends on the data."""
        ...

    def serialize(self) -> bytes:
        """Write it down, parsed or checked."""
        ...


class _Env(Protocol):
    def compile(self, text: str, disable_check: bool = ...) -> Compiled: ...

    def deserialize(self, serialized: bytes) -> Compiled: ...


# `map` and `filter` build lists: one `filter` over a state held the process for 2.7 s.
_CONFIG: Final = cel.NewEnvConfigFromYaml("stdlib:\n  exclude_macros: [map, filter]\n")
_BASE: Final = cast("_Env", cel.NewEnv(config=_CONFIG))


def parse(text: str) -> bytes:
    """Parse, without a look at names and types; raises RuntimeError or TypeError."""
    return _BASE.compile(text, disable_check=True).serialize()


_MAX_NAMES: Final = 1_000
"""Names that one environment knows; a thousand take 0.1 ms more to make it."""


class _Checker:
    """The environment that expressions are checked in: it knows their names, and earlier ones.

    It is made anew where a name is new to it. The first check in an environment takes 0.9 ms,
    each other one 0.05 ms, and a name too many means nothing to an expression.
    """

    def __init__(self) -> None:
        self._known: tuple[frozenset[str], _Env] = (frozenset(), _BASE)

    def knowing(self, names: frozenset[str]) -> _Env:
        """Give the environment, after teaching it these names."""
        known, env = self._known
        if not names <= known:
            wanted = names | known
            if len(wanted) > _MAX_NAMES:
                wanted = names
            given = dict.fromkeys(sorted(wanted), cel.Type.DYN)
            env = cast("_Env", cel.NewEnv(config=_CONFIG, variables=given))
            # Another thread may do so meanwhile: whoever comes last is kept, both are right.
            self._known = (wanted, env)
        return env


_checker: Final = _Checker()


def declare(names: frozenset[str]) -> None:
    """Say which names are to come, so that they are learnt all at once."""
    _checker.knowing(names)


def check(text: str, names: frozenset[str]) -> Compiled:
    """Compile `text`, in which `names` are values of unknown type; raises RuntimeError.

    What comes back lives in an environment that all expressions share: one of its own costs
    95 KB of memory for each, this one 3 KB.
    """
    return _BASE.deserialize(_checker.knowing(names).compile(text).serialize())


def revive(serialized: bytes) -> Compiled:
    """Give a parsed expression that was written down, unchecked."""
    return _BASE.deserialize(serialized)


def try_out(text: str) -> str:
    """Evaluate a text that reads nothing; give the library's words if that fails."""
    answer = revive(parse(text)).eval(data={})
    return str(answer.value()) if answer.type().name() == "ERROR" else ""


def plain(value: Value) -> Json:
    """Give a value as Python's, all the way down.

    It is JSON but for bytes, times and types, which the door refuses.

    The library forgets to count a reference whenever it hands out None: on Python 3.11 some
    thousands of nulls, in the values of its own `plain_value()` too, abort the process with
    "deallocating None". So it is never asked for a null.
    """
    kind = value.type().name()
    if kind == "NULL":
        return None
    if kind.startswith("LIST"):
        return [plain(item) for item in items(value)]
    if kind.startswith("MAP"):
        return cast("Json", {key: plain(item) for key, item in pairs(value)})
    return cast("Json", value.value())


def outline(value: Value) -> Json:
    """Give a value without what is in it: lists of as many nulls, objects of their keys."""
    kind = value.type().name()
    if kind.startswith("LIST"):
        nothing: list[Json] = [None] * len(items(value))
        return nothing
    if kind.startswith("MAP"):
        return cast("Json", dict.fromkeys(key for key, _ in pairs(value)))
    return plain(value)


def items(value: Value) -> list[Value]:
    """Give the items of a list."""
    return cast("list[Value]", value.value())


def pairs(value: Value) -> list[tuple[object, Value]]:
    """Give the keys and values of a map.

    Sorted, since the library's order differs in every process. To Python, 1 and true are one
    key, and which of both it has got is chance as well.
    """
    found = cast("dict[object, Value]", value.value())
    named = {int(key) if isinstance(key, bool) else key: found[key] for key in found}
    return sorted(named.items(), key=_by_text)


def _by_text(pair: tuple[object, object]) -> str:
    return str(pair[0])
