"""The syntax tree of an expression: of which parts it consists, and how each is written.

This module knows the shape of CEL's abstract syntax. It does not know where a tree comes
from (`wire`), what is read from outside (`reads`), or how a tree is evaluated.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

STATE: Final = "state"
"""The name that stands for the whole state."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a string, a truth value, bytes or null."""

    value: bool | int | float | str | bytes | None
    wire: bytes = field(repr=False)
    """How the library writes this part; it reads it back as an expression of its own."""


@dataclass(frozen=True, slots=True)
class Name:
    """A variable: a name of the state, of a loop, or of a type. `.x` is never a loop's."""

    name: str
    wire: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Field:
    """`operand.key`, or `has(operand.key)` if it is a `test`."""

    operand: Node
    key: str
    test: bool
    wire: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator; `target` is what stands before the dot, if anything."""

    function: str
    target: Node | None
    args: tuple[Node, ...]
    wire: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Items:
    """A list, or an object: its keys and values in turn."""

    items: tuple[Node, ...]
    brackets: str
    wire: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Loop:
    """What `exists`, `all` and `exists_one` become.

    `step` is worked out for each item of `over`, while `going` holds. It sees the item as
    `variable`, and as `result` what the step before it gave (the first sees `start`).
    """

    variable: str
    result: str
    over: Node
    start: Node
    going: Node
    step: Node
    end: Node
    wire: bytes = field(repr=False)


Node: TypeAlias = Literal | Name | Field | Call | Items | Loop


def children(node: Node) -> tuple[Node, ...]:
    """Give the parts of `node`, in the order in which they are written."""
    match node:
        case Literal() | Name():
            return ()
        case Field():
            return (node.operand,)
        case Call():
            return node.args if node.target is None else (node.target, *node.args)
        case Items():
            return node.items
        case Loop():
            return (node.over, node.start, node.going, node.step, node.end)


_BINARY: Final = re.compile(r"@?_?(\W+|in)_?")
_MACROS: Final = {"_||_": "exists", "_&&_": "all", "_?_:_": "exists_one"}
INDEX: Final = "_[_]"
CHOICE: Final = "_?_:_"


def sign(function: str) -> str:
    """Give an operator as it is written (`+` for `_+_`), or the name of a function."""
    if function in {"_?_:_", "_[_]"}:
        return function.replace("_", "")
    found = _BINARY.fullmatch(function)
    return found[1] if found else function


def quoted(text: str) -> str:
    """Give a string as it is written in an expression."""
    return json.dumps(text, ensure_ascii=False)


def written(node: Node) -> str:  # noqa: PLR0911  # one for each kind of node
    """Give the text of a part; spaces and brackets may differ from what was written."""
    match node:
        case Literal():
            return _literal(node)
        case Name():
            return node.name
        case Field(operand=operand, key=name, test=test):
            path = f"{_tight(operand)}.{name}"
            return f"has({path})" if test else path
        case Items(items=items, brackets="[]"):
            return f"[{', '.join(map(written, items))}]"
        case Items(items=items):
            pairs = zip(items[::2], items[1::2], strict=False)
            return (
                "{" + ", ".join(f"{written(key)}: {written(value)}" for key, value in pairs) + "}"
            )
        case Call():
            return _call(node)
        case Loop(step=Call(function=function, args=args)) if function in _MACROS:
            # The step of `exists` is `result || p`, of `all` `result && p`, of `exists_one`
            # `p ? result + 1 : result`.
            question = args[0] if function == CHOICE else args[-1]
            return f"{_tight(node.over)}.{_MACROS[function]}({node.variable}, {written(question)})"
        case Loop():
            return f"a loop over {written(node.over)}"


def _literal(node: Literal) -> str:
    value = node.value
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return quoted(value) if isinstance(value, str) else repr(value)


def _call(node: Call) -> str:
    name, args = node.function, node.args
    if node.target is not None:
        return f"{_tight(node.target)}.{name}({', '.join(map(written, args))})"
    if name == INDEX:
        return f"{_tight(args[0])}[{written(args[1])}]"
    if name == CHOICE:
        return f"{_tight(args[0])} ? {_tight(args[1])} : {_tight(args[2])}"
    operator = sign(name)
    if operator == name:
        return f"{name}({', '.join(map(written, args))})"
    if len(args) == 1:
        return f"{operator}{_tight(args[0])}"
    return f" {operator} ".join(map(_tight, args))


def _tight(node: Node) -> str:
    """Give a part in brackets where it would fall apart without."""
    text = written(node)
    if not isinstance(node, Call) or node.target is not None or node.function == INDEX:
        return text
    return f"({text})" if sign(node.function) != node.function else text
