"""What a document says about the state and about limits.

This module knows which reducers there are and what each can begin with. It does not know
how a reducer works (`engine.reducer`), nor what happens at a limit.
"""

from __future__ import annotations

from dataclasses import fields as fields_of
from typing import TYPE_CHECKING, Final

from engine.graph.fields import Fields
from engine.graph.parts import Limits, StateSpec
from engine.graph.problems import UNREADABLE, listed, shown
from engine.graph.words import words
from engine.reducer import REDUCERS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from engine.graph.problems import Pointer, Problems
    from engine.ids import Json

_LIST: Final = ("a list", (list,))
_ORDERED: Final = ("a number or a string", (int, float, str))
_BEGINS_WITH: Final[Mapping[str, tuple[str, tuple[type, ...]]]] = {
    "append": _LIST,
    "extend": _LIST,
    "union": _LIST,
    "merge": ("an object", (dict,)),
    "sum": ("a number", (int, float)),
    "min": _ORDERED,
    "max": _ORDERED,
}
"""What the value of a key must be before its reducer is given a first write."""

_FOREIGN: Final[Mapping[str, str]] = {
    **dict.fromkeys(words("concat add_messages operator.add list add_all"), "extend"),
    **dict.fromkeys(words("push collect add_item accumulate"), "append"),
    **dict.fromkeys(words("add plus total count increment +"), "sum"),
    **dict.fromkeys(words("update dict assign deep_merge object combine |"), "merge"),
    **dict.fromkeys(words("set unique distinct"), "union"),
    **dict.fromkeys(words("overwrite replace latest last_value write override"), "last"),
    **dict.fromkeys(words("keep once initial first_value"), "first"),
    **dict.fromkeys(words("minimum smallest least"), "min"),
    **dict.fromkeys(words("maximum largest greatest"), "max"),
}


def read_state(
    value: Json, path: Pointer, problems: Problems, registered: Collection[str]
) -> StateSpec:
    """Read `state`; `registered` are the reducers known beside those that come along."""
    fields = Fields.of(value, path, "state", problems)
    fields.close()
    defaults = fields.mapping("defaults")
    reducers: dict[str, str] = {}
    for key, name in fields.mapping("reducers").items():
        where = (*fields.at("reducers"), key)
        if not isinstance(name, str):
            problems.wrong_type(where, name, "the name of a reducer")
        elif name in REDUCERS or name in registered:
            reducers[key] = name
            _check_default(name, key, defaults, (*fields.at("defaults"), key), problems)
        else:
            known = [*REDUCERS, *registered]
            ours = _FOREIGN.get(name.lower())
            problems.add(
                "UNKNOWN_REDUCER",
                where,
                f"there is no reducer {shown(name)}",
                f"here it is called '{ours}'"
                if ours
                else problems.did_you_mean(name, known) or f"there are {listed(known)}",
            )
    return StateSpec(schema=fields.mapping("schema"), defaults=defaults, reducers=reducers)


def _check_default(
    reducer: str, key: str, defaults: Mapping[str, Json], path: Pointer, problems: Problems
) -> None:
    if key not in defaults or reducer not in _BEGINS_WITH:
        return
    value = defaults[key]
    expected, kinds = _BEGINS_WITH[reducer]
    if value is UNREADABLE or (isinstance(value, kinds) and not isinstance(value, bool)):
        return
    problems.add(
        "REDUCER_DEFAULT",
        path,
        f"the reducer '{reducer}' works on {expected}, the default of {shown(key)} is "
        f"{shown(value)}",
        f"begin with {expected}, or leave the default out",
    )


def read_limits(value: Json, path: Pointer, problems: Problems) -> Limits:
    """Read `limits`; what is left out has its default."""
    fields = Fields.of(value, path, "limits", problems)
    fields.close()
    given: dict[str, int | None] = {
        limit.name: fields.integer(limit.name)
        for limit in fields_of(Limits)
        if limit.name != "deadline"
    }
    return Limits(
        deadline=fields.number("deadline"),
        **{name: number for name, number in given.items() if number is not None},
    )
