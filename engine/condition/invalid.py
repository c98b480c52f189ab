"""What is said when a text is no expression, or can't be the one that is asked for.

This module knows the words in which the CEL library refuses a text, and what people write who
know another language. It turns both into a message and a cure; it does not compile.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from engine.condition.cel import MAX_DEPTH
from engine.condition.tree import quoted, sign
from engine.errors import InvalidCondition

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTIONS: Final = (
    "all", "bool", "contains", "double", "duration", "endsWith", "exists", "exists_one",
    "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours",
    "getMilliseconds", "getMinutes", "getMonth", "getSeconds", "has", "int", "matches", "size",
    "startsWith", "string", "timestamp", "type",
)  # fmt: skip
"""What an expression may call."""

_PYTHON: Final = {"True": "true", "False": "false", "None": "null"}

# What somebody wrote who thinks of another language -> what it is in CEL. The first that is
# found in the text is the hint.
_HABITS: Final = (
    (r"\band\b", "`and` is written `&&`"),
    (r"\bor\b", "`or` is written `||`"),
    (r"\bnot\b", "`not x` is written `!x`"),
    (r"\bis\b", "`is` is written `==`"),
    (r"===", "equality is written `==`"),
    (r"<>", "inequality is written `!=`"),
    (r"(?<![=!<>])=(?!=)", "equality is written `==`; an expression can't set anything"),
    (r"\*\*", "there are no powers; write `x * x`"),
    (r"(?<!&)&(?!&)", "`and` is written `&&`"),
    (r"(?<!\|)\|(?!\|)", "`or` is written `||`"),
    (r"\.\?|\?\.", "ask with has(a.b) first: `has(a.b) && a.b > 1`"),
    (r"\bfor\b.*\bin\b", "write list.exists(x, ...) or list.all(x, ...)"),
    (r"`", 'a key that is no plain name is written state["my-key"]'),
)  # fmt: skip

_INSTEAD: Final = {
    "len": "size(x)",
    "length": "size(x)",
    "count": "size(x)",
    "str": "string(x)",
    "float": "double(x)",
    "number": "double(x)",
    "any": "list.exists(x, ...)",
    "some": "list.exists(x, ...)",
    "every": "list.all(x, ...)",
    "includes": "list.exists(x, x == ...), `item in list` or text.contains(...)",
    "isinstance": "type(x) == int",
    "typeof": "type(x) == int",
    "defined": "has(state.x)",
    "exist": "has(state.x)",
    "get": "has(state.x) ? state.x : other, or give the key a value in `state.defaults`",
    "keys": "map.exists(key, ...)",
}
_USES: Final = {
    "all": "list.all(x, x > 1)",
    "exists": "list.exists(x, x > 1)",
    "exists_one": "list.exists_one(x, x > 1)",
    "has": "has(state.x)",
}
_LEFT_OUT: Final = "it is left out, since it builds lists of any length; let a node do that"
_CAN_NOT: Final = "let a node work it out and write it into a key"


def too_long(text: str, limit: int) -> InvalidCondition:
    """Say that a text has too many characters."""
    return InvalidCondition(
        f"the expression has {len(text):,} characters, at most {limit:,} are allowed: "
        f"{text[:60]}...",
        code="CONDITION_TOO_EXPENSIVE",
        hint=_CAN_NOT,
        details={"expression": text[:limit], "limit": limit},
    )


def refused(text: str, report: str) -> InvalidCondition:
    """Say in our words why the library refused a text."""
    if "recursion" in report:
        return InvalidCondition(
            f"the expression is nested deeper than {MAX_DEPTH} levels: {text}",
            code="CONDITION_TOO_EXPENSIVE",
            hint="split it into several rules, or " + _CAN_NOT,
            details={"expression": text, "limit": MAX_DEPTH},
        )
    found = _PLACE.search(report)
    if found is None:
        line, column, problem = 0, 0, report.partition("\n")[0].removesuffix(_TAIL)
    else:
        line, column, problem = int(found[1]), int(found[2]), found[3].removesuffix(_TAIL)
    message, hint = _readable(problem, text)
    return _wrong(text, line, column, message, hint)


def misused(text: str, name: str) -> InvalidCondition:
    """Say that the name of a type stands where a value is expected."""
    line, column = _find(text, name)
    return _wrong(
        text,
        line,
        column,
        f"`{name}` is a type in CEL",
        f"the key of that name is state[{quoted(name)}]",
    )


def foreign(text: str, names: frozenset[str]) -> InvalidCondition | None:
    """Say that a name is Python's word for a value, if one of `names` is."""
    for name in sorted(names & _PYTHON.keys()):
        line, column = _find(text, name)
        return _wrong(
            text,
            line,
            column,
            f"there is no `{name}` in CEL",
            f"write `{_PYTHON[name]}`; a key of that name is state[{quoted(name)}]",
        )
    return None


def unknown(text: str, name: str, facts: frozenset[str]) -> InvalidCondition:
    """Say that a name is none of the facts there are."""
    known = sorted(facts)
    near = get_close_matches(name, known, n=1)
    line, column = _find(text, name)
    return InvalidCondition(
        f"there is no `{name}` here, only {', '.join(known)}\n{_pointed(text, line, column)}",
        code="CONDITION_MISSING_KEY",
        hint=f"did you mean `{near[0]}`?" if near else "the state can't be read here",
        details={
            "expression": text, "line": line, "column": column, "key": name, "keys": [*known],
        },
    )  # fmt: skip


def bad_pattern(text: str, report: str) -> InvalidCondition:
    """Say that a regular expression is none."""
    problem = report.partition("regular expression: ")[2] or report
    line, column = _find(text, "matches")
    return _wrong(
        text, line, column, f"the regular expression is not valid: {problem}", "mend the pattern"
    )


def costly_pattern(text: str, pattern: str) -> InvalidCondition:
    """Say that a regular expression takes too long to compile, which is done at each use."""
    return InvalidCondition(
        f"the regular expression {quoted(pattern[:60])} stands for too many states: {text}",
        code="CONDITION_TOO_EXPENSIVE",
        hint="repeat less often, and write [a-zA-Z] instead of \\pL",
        details={"expression": text},
    )


def named_zone(text: str, function: str) -> InvalidCondition:
    """Say that a time zone is named."""
    line, column = _find(text, function)
    message = "a named time zone may mean something else on another machine"
    return _wrong(text, line, column, message, 'write "UTC" or an offset such as "+02:00"')


def never_bool(text: str, kind: str) -> InvalidCondition:
    """Say that an expression can't be a condition, whatever the state."""
    return InvalidCondition(
        f"a condition must give true or false, this gives {type_name(kind)}: {text}",
        code="CONDITION_NOT_BOOL",
        hint=_COMPARE.get(kind.partition("<")[0], "compare it with something, such as `== null`"),
        details={"expression": text, "type": kind.lower()},
    )


def type_name(kind: str) -> str:
    """Give the name of a CEL type as people say it, with its article."""
    return _TYPES.get(kind.partition("<")[0].partition("(")[0].upper(), kind.lower())


_TYPES: Final = {
    "BOOL": "a boolean",
    "BYTES": "bytes",
    "DOUBLE": "a float",
    "DURATION": "a duration",
    "INT": "an integer",
    "INT64": "an integer",
    "LIST": "a list",
    "MAP": "an object",
    "NULL": "null",
    "NULL_TYPE": "null",
    "STRING": "a string",
    "TIMESTAMP": "a timestamp",
    "TYPE": "a type",
    "UINT": "an unsigned integer",
    "UINT64": "an unsigned integer",
    "DYN": "a value",
}
_COMPARE: Final = {
    "INT": "compare it, such as `x > 0`",
    "DOUBLE": "compare it, such as `x > 0.5`",
    "STRING": 'compare it, such as `x != ""`',
    "LIST": "ask for its size: `size(x) > 0`",
    "MAP": "ask for its size: `size(x) > 0`",
}

_PLACE: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (?:Syntax error: )?([^\n]*)")
_TAIL: Final = " [INVALID_ARGUMENT]"


def _no_function(found: re.Match[str], _: str) -> tuple[str, str]:
    name = found[1]
    message = f"there is no function `{name}`"
    if name in {"map", "filter"}:
        return message, _LEFT_OUT
    if name in FUNCTIONS:
        return f"`{name}` is not used like this", f"write {_USES.get(name, f'{name}(x)')}"
    if name in _INSTEAD:
        return message, f"write {_INSTEAD[name]}"
    near = get_close_matches(name.lower(), [known.lower() for known in FUNCTIONS], n=1, cutoff=0.75)
    if near:
        return message, f"did you mean `{next(k for k in FUNCTIONS if k.lower() == near[0])}`?"
    return message, _CAN_NOT


def _no_overload(found: re.Match[str], _: str) -> tuple[str, str]:
    operator, types = sign(found[1]), found[2]
    kinds = [kind.strip() for kind in re.split(r",(?![^(]*\))", types)]
    shown = " and ".join(type_name(kind) for kind in kinds)
    hint = "compare and combine values of one type"
    if {"int", "double"} <= set(kinds):
        hint = "integers and floats don't mix: write 1.0, or double(x)"
    elif operator == "?:":
        hint = "both sides of `:` must be of one type; dyn(x) leaves it open"
    elif "string" in kinds and operator == "+":
        hint = "write string(x) to join it with a string"
    return f"`{operator}` can't take {shown}", hint


def _unexpected(found: re.Match[str], text: str) -> tuple[str, str]:
    came = found[1]
    if came == "<EOF>":
        return "it ends too early", _habit(text) or "something is missing at the end"
    return f"`{came}` is unexpected here", _habit(text) or "an operator may be missing before it"


def _not_closed(found: re.Match[str], _: str) -> tuple[str, str]:
    return f"`{found[1]}` is missing", f"write {found[1]} where the bracket ends"


def _no_token(found: re.Match[str], text: str) -> tuple[str, str]:
    came = found[1]
    if came[:1] in {'"', "'"}:
        if "\\" in came:
            return (
                "the string has an unknown escape, or is not closed",
                r"a backslash is written \\",
            )
        return "the string is not closed", f"write {came[0]} at its end"
    hint = _habit(text)
    if not hint and not came.isascii():
        hint = f"names have ASCII letters, digits and _; any other key is state[{quoted(came)}]"
    return f"`{came.strip()}` is no part of an expression", hint


def _reserved(found: re.Match[str], _: str) -> tuple[str, str]:
    name = found[1]
    return f"`{name}` is a reserved word", f"the key of that name is state[{quoted(name)}]"


def _bad_key(found: re.Match[str], _: str) -> tuple[str, str]:
    return f"{type_name(found[1])} can't be the key of an object", 'write a string: {"a": 1}'


# The library's words -> ours.
_REPORTS: Final[tuple[tuple[str, Callable[[re.Match[str], str], tuple[str, str]]], ...]] = (
    (r"undeclared reference to '(\w+)'", _no_function),
    (r"found no matching overload for '([^']+)' applied to '\((.*)\)'", _no_overload),
    (r"(?:mismatched|extraneous) input '(.+?)' expecting", _unexpected),
    (r"missing '(.)' at", _not_closed),
    (r"no viable alternative at input '(.+)'", _unexpected),
    (r"token recognition error at: '(.*?)'?$", _no_token),
    (r"reserved identifier: (\w+)", _reserved),
    (r"Unsupported map key type: (\w+)", _bad_key),
)


def _readable(problem: str, text: str) -> tuple[str, str]:
    for pattern, say in _REPORTS:
        if found := re.search(pattern, problem):
            return say(found, text)
    if "has() argument" in problem:
        return "has() asks for a field", "write has(state.x) or has(review.score)"
    if "incompatible function arguments" in problem:  # text that is no UTF-8
        return "it contains half a surrogate pair, which is no character", "remove it"
    return problem.replace(" (in container '')", ""), _habit(text)


def _habit(text: str) -> str:
    bare = re.sub(r"""(["'])(?:\\.|(?!\1).)*\1""", "''", text)  # what is in strings is no habit
    return next((hint for pattern, hint in _HABITS if re.search(pattern, bare)), "")


def _wrong(text: str, line: int, column: int, message: str, hint: str) -> InvalidCondition:
    return InvalidCondition(
        f"the expression is not valid: {message}\n{_pointed(text, line, column)}",
        hint=hint,
        details={"expression": text, "line": line, "column": column},
    )


def _pointed(text: str, line: int, column: int) -> str:
    """Give the line of `text` with a caret under `column`, both counted from 1."""
    lines = text.split("\n")
    if not 1 <= line <= len(lines) or column < 1:
        return f"  {text}"
    before = re.sub(r"[^\t]", " ", lines[line - 1][: column - 1])
    return f"  {lines[line - 1]}\n  {before}^"


def _find(text: str, name: str) -> tuple[int, int]:
    """Give line and column at which a name stands alone."""
    found = re.search(rf"(?<![\w\"']){re.escape(name)}(?!\w)", text)
    before = text[: found.start() if found else 0]
    return before.count("\n") + 1, len(before) - before.rfind("\n")
