"""What is said when an expression can't be evaluated on a state.

This module knows what can be missing or not fit, and the cure for each. It does not decide
that an evaluation failed, nor search for the place (`culprit`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from engine.condition.cel import MAX_ITERATIONS
from engine.condition.cost import LOGIC
from engine.condition.culprit import Culprit, culprit
from engine.condition.tree import (
    INDEX,
    STATE,
    Call,
    Field,
    Literal,
    Loop,
    Name,
    children,
    quoted,
    sign,
    written,
)
from engine.errors import ConditionFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.condition.program import Program
    from engine.condition.tree import Node
    from engine.errors import InvalidValue
    from engine.ids import Json

_MAX_KEYS: Final = 20
"""Keys that a message lists."""
_FEW_KEYS: Final = 5
"""Keys of an object that only stands for a value."""
_MAX_SHOWN: Final = 40
"""Characters of a value that a message shows."""


def too_expensive(program: Program, problem: str) -> ConditionFailed:
    """Say that an expression is not evaluated, or not to its end."""
    return ConditionFailed(
        f"the expression is too expensive: {problem}: {program.text}",
        code="CONDITION_TOO_EXPENSIVE",
        hint="let a node work this out and write the answer into a key",
        details={"expression": program.text, "limit": MAX_ITERATIONS},
    )


def not_bool(program: Program, value: Json) -> ConditionFailed:
    """Say that the answer is neither true nor false."""
    return ConditionFailed(
        f"the condition gave {_shown(value)}, true or false was expected: {program.text}",
        code="CONDITION_NOT_BOOL",
        hint=f"compare it with something, such as {_comparison(value)}",
        details={"expression": program.text, "value": _short(value)},
    )


def not_json(program: Program, value: Json, refusal: InvalidValue) -> ConditionFailed:
    """Say that a result can't be in a state."""
    kind = _NO_JSON.get(type(value).__name__)
    problem = f"the result is {kind}, which JSON does not have" if kind else refusal.message
    return ConditionFailed(
        f"{problem}: {program.text}",
        code="CONDITION_TYPE",
        hint=f"write string({program.text})" if kind else refusal.hint,
        details={"expression": program.text},
    )


_NO_JSON: Final = {"bytearray": "bytes", "datetime": "a timestamp", "timedelta": "a duration"}


def failed(
    program: Program, state: Mapping[str, Json], data: Mapping[str, Json], report: str
) -> ConditionFailed:
    """Say why an evaluation on `data`, taken from `state`, failed.

    Args:
        program: What was evaluated.
        state: What there is.
        data: What was handed to the library.
        report: What the library said.
    """
    if "budget" in report:
        return too_expensive(program, f"it loops more than {MAX_ITERATIONS:,} times")
    found = culprit(program.tree, data)
    if found is None:
        return ConditionFailed(
            f"the expression does not fit the state: {program.text}",
            code="CONDITION_TYPE",
            hint="look at the types of what it compares",
            details={"expression": program.text},
        )
    return _Case(program, state, found).said()


@dataclass(frozen=True, slots=True)
class _Case:
    """One failure, of which the place is known."""

    program: Program
    state: Mapping[str, Json]
    found: Culprit

    def said(self) -> ConditionFailed:
        """Say what is wrong, by the kind of the part that failed."""
        match self.found.node:
            case Name(name=name):
                return self._no_key(name.removeprefix("."))
            case Field(operand=operand, key=key):
                return self._no_field(operand, key)
            case Call(function=function, args=(operand, _)) if function == INDEX:
                return self._no_item(operand)
            case Loop(over=over):
                problem = f"{written(over)} is {_shown(self.found.values[0])}"
                return self._type(
                    f"{problem}, a list was expected", "only lists can be looped over"
                )
            case Call(function=function) if function in LOGIC:
                return self._no_truth()
            case node:
                return self._misfit(node)

    def _no_key(self, key: str) -> ConditionFailed:
        key = _cut(key)
        facts = self.program.facts
        keys = sorted(self.state if facts is None else facts & self.state.keys())
        # `my-key` is read as `my - key`: a key that the text contains as it stands was meant.
        text = self.program.text
        meant = [name for name in keys if not name.isidentifier() and name and name in text]
        near = get_close_matches(key, keys, n=1)
        ask = f"has(state.{key})" if key.isidentifier() else f"{quoted(key)} in state"
        if facts is not None:
            hint = "it is not known here yet"
        elif meant:
            hint = f"the key {quoted(meant[0])} is written state[{quoted(meant[0])}]"
        elif near:
            hint = f"did you mean {near[0]!r}? If not, give {key!r} a value in `state.defaults`"
        else:
            hint = f"give {key!r} a value in `state.defaults`, or ask {ask} first"
        return self._missing(f"the state has no key {key!r}", key, keys, hint)

    def _no_field(self, operand: Node, key: str) -> ConditionFailed:
        (owner,) = self.found.values
        if isinstance(owner, dict):
            return self._not_in(operand, owner, key)
        name = written(operand)
        hint = f"only an object has fields; {name} may hold something else than you think"
        if isinstance(owner, list):
            hint = f"its items are {name}[0], {name}[1], ...; their number is size({name})"
        elif isinstance(owner, str) and key in {"length", "size"}:
            hint = f"the number of its characters is size({name})"
        elif owner is None:
            hint = f"ask {name} != null first"
        return self._type(f"{name} is {_shown(owner)}, which has no field {key!r}", hint)

    def _no_item(self, operand: Node) -> ConditionFailed:
        owner, key = self.found.values
        name = written(operand)
        if isinstance(owner, dict) and isinstance(key, str):
            return self._not_in(operand, owner, key)
        if isinstance(owner, list) and type(key) is int:
            problem = (
                f"{name} has {len(owner)} items (the first is {name}[0]), but no {name}[{key}]"
            )
            return self._missing(problem, str(key), [], f"ask size({name}) > {max(key, 0)} first")
        expects = {"list": "a list takes an integer", "object": "an object takes a string"}
        hint = expects.get(_kind(owner), "only lists and objects have items")
        return self._type(f"{name} is {_shown(owner)}, which has no item {_short(key)}", hint)

    def _not_in(self, operand: Node, owner: dict[str, Json], key: str) -> ConditionFailed:
        if isinstance(operand, Name) and operand.name.removeprefix(".") == STATE:
            return self._no_key(key)  # of the state, `owner` may be but a part
        name, key = written(operand), _cut(key)
        keys = sorted(map(str, owner))
        near = get_close_matches(key, keys, n=1)
        ask = f"has({name}.{key})" if key.isidentifier() else f"{quoted(key)} in {name}"
        hint = (f"did you mean {name}.{near[0]}? If not, " if near else "") + f"ask {ask} first"
        return self._missing(f"{name} has no key {key!r}", key, keys, hint)

    def _missing(self, problem: str, key: str, keys: list[str], hint: str) -> ConditionFailed:
        keys = [_cut(name) for name in keys[: _MAX_KEYS + 1]]
        listed = ", ".join(keys[:_MAX_KEYS]) + (", ..." if len(keys) > _MAX_KEYS else "")
        there = f", only {listed}" if keys else ""
        text = self.program.text
        return ConditionFailed(
            f"{problem}{there}{self.found.loops}: {text}",
            code="CONDITION_MISSING_KEY",
            hint=hint,
            details={"expression": text, "key": key, "keys": [*keys[:_MAX_KEYS]]},
        )

    def _no_truth(self) -> ConditionFailed:
        """Say which side of a logical operator is neither true nor false."""
        node = self.found.node
        pairs = zip(children(node), self.found.values, strict=False)
        no_bool = (pair for pair in pairs if not isinstance(pair[1], bool))
        part, value = next(no_bool, (node, None))
        return self._type(
            f"{written(part)} is {_shown(value)}, true or false was expected",
            f"compare it, such as {_comparison(value)}",
        )

    def _misfit(self, node: Node) -> ConditionFailed:
        """Say which values an operator or a function can't take."""
        named = [
            f"{written(part)} is {_shown(value)}"
            for part, value in zip(children(node), self.found.values, strict=False)
            if not isinstance(part, Literal)
        ]
        since = f", since {' and '.join(named)}" if named else ""
        why = _words(self.found.report)
        return self._type(
            f"{written(node)} can't be worked out{since}" + (f" ({why})" if why else ""),
            self._cure(sign(node.function) if isinstance(node, Call) else written(node)),
        )

    def _cure(self, operator: str) -> str:
        kinds = frozenset(map(_kind, self.found.values))
        for applies, cure in (
            ("zero" in self.found.report, "ask whether the divisor is 0 first"),
            ("overflow" in self.found.report, "work with floats: double(x)"),
            ("out of" in self.found.report, "work with floats: double(x)"),
            (operator == "in", "`in` looks into lists and objects; text.contains(x) into text"),
            (
                kinds == frozenset({"integer", "float"}),
                "integers and floats don't mix in arithmetic: write 1.0, or double(x)",
            ),
            ("null" in kinds, "ask for null first: x != null && ..."),
            (
                "string" in kinds and len(kinds & {"integer", "float"}) > 0,
                "convert one of them: int(text), double(text) or string(number)",
            ),
            (operator == "size", "size() takes a string, a list or an object"),
            (bool(_words(self.found.report)), "mend the text, or ask for something simpler"),
        ):
            if applies:
                return cure
        return f"`{operator}` takes values of other types"

    def _type(self, problem: str, hint: str) -> ConditionFailed:
        text = self.program.text
        return ConditionFailed(
            f"{problem}{self.found.loops}: {text}",
            code="CONDITION_TYPE",
            hint=hint,
            details={
                "expression": text,
                "part": written(self.found.node),
                "value": [_short(value) for value in self.found.values],
            },
        )


# The library's words -> ours.
_WORDS: Final = (
    (r"integer overflow|out of .* range", "the result is beyond 64 bits"),
    (r"divide by zero|modulus by zero", "division by zero"),
    (r"regular expression: (.*)", "no regular expression: {0}"),
    (r"Timestamp conversion", 'a timestamp is written "2026-01-31T12:00:00Z"'),
    (r"Duration conversion", 'a duration is written "90s" or "1h30m"'),
    (r"cannot convert string|Type conversion error", "the text can't be converted"),
)


def _words(report: str) -> str:
    for pattern, words in _WORDS:
        if found := re.search(pattern, report):
            return words.format(*found.groups())
    return ""


_KINDS: Final[Mapping[type[object], str]] = {
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "string",
    list: "list",
    dict: "object",
    type(None): "null",
}


def _kind(value: Json) -> str:
    kind: type[object] = type(value)
    return _KINDS.get(kind, kind.__name__)


def _shown(value: Json) -> str:
    """Give a value as a message names it: its kind, and itself if it is short."""
    match value:
        case None:
            return "null"
        case list():
            return f"a list of {len(value)} items"
        case dict():
            return f"an object with the keys {_listed(value)}"
        case _:
            return f"the {_kind(value)} {_short(value)}"


def _short(value: Json) -> str:
    match value:
        case None | list() | dict():
            return _shown(value)
        case str():
            return quoted(_cut(value))
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)[:_MAX_SHOWN]


def _listed(value: dict[str, Json]) -> str:
    keys = sorted(map(str, value))
    more = ", ..." if len(keys) > _FEW_KEYS else ""
    return ", ".join(map(_cut, keys[:_FEW_KEYS])) + more if keys else "(none)"


def _cut(text: str) -> str:
    """Give the beginning of a text of any length."""
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."


def _comparison(value: Json) -> str:
    match value:
        case list() | dict():
            return "size(x) > 0"
        case str():
            return 'x != ""'
        case int() | float():
            return "x != 0"
        case _:
            return "x != null"
