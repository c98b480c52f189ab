"""How the CEL library hands out what it has parsed.

This module knows the public wire format of a parsed expression, `cel.expr.ParsedExpr`, as far
as expressions need it. It does not know what a tree means.

Why read it at all: the names of an expression decide what is converted for it, its loops what
it may cost, and the library's own errors name neither the operands nor the place of a failure.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, TypeAlias

from engine.condition.tree import Call, Field, Items, Literal, Loop, Name, Node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # The fields of one message by number; a repeated one has several values.
    Message: TypeAlias = Mapping[int, list["int | bytes"]]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MORE: Final = 0x80
_LOW: Final = 0x7F

# Numbers of fields in cel/expr/syntax.proto; a public format may grow, but not renumber them.
_ENVELOPE_BODY: Final = 2
_PARSED_EXPR: Final = 2
_ENVELOPE_TYPE: Final = b"\x0a\x27type.googleapis.com/cel.expr.ParsedExpr"


def parsed(serialized: bytes) -> Node:
    """Give the tree of an expression that the library has parsed and serialised."""
    envelope = _message(serialized)
    return _node(_inner(_message(_inner(envelope, _ENVELOPE_BODY)), _PARSED_EXPR))


def wrapped(node: Node) -> bytes:
    """Give a part as an expression of its own, in the form the library reads back."""
    expression = _delimited(_PARSED_EXPR, node.wire)
    return _ENVELOPE_TYPE + _delimited(_ENVELOPE_BODY, expression)


def _delimited(number: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while size > _LOW:
        length.append(size & _LOW | _MORE)
        size >>= 7
    length.append(size)
    return bytes((number << 3 | _BYTES,)) + length + body


def _message(data: bytes) -> dict[int, list[int | bytes]]:
    fields: dict[int, list[int | bytes]] = {}
    at, end = 0, len(data)
    value: int | bytes
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
        else:
            if kind == _BYTES:
                size, at = _varint(data, at)
            else:
                size = {_FIXED64: 8, _FIXED32: 4}[kind]
            value = data[at : at + size]
            at += size
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _varint(data: bytes, at: int) -> tuple[int, int]:
    if (byte := data[at]) < _MORE:  # most are small
        return byte, at + 1
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & _LOW) << shift
        if byte < _MORE:
            return value, at
        shift += 7


def _inner(message: Message, number: int) -> bytes:
    (value,) = message.get(number, [b""])
    if isinstance(value, int):
        raise TypeError(f"field {number} holds a number, bytes were expected")
    return value


def _text(message: Message, number: int) -> str:
    return _inner(message, number).decode()


def _nodes(message: Message, number: int) -> tuple[Node, ...]:
    return tuple(_node(value) for value in message.get(number, ()) if isinstance(value, bytes))


def _node(wire: bytes) -> Node:
    message = _message(wire)
    for number, read in _KINDS.items():
        if number in message:
            return read(_message(_inner(message, number)), wire)
    raise ValueError("the CEL library has parsed an expression of an unknown kind")


def _literal(body: Message, wire: bytes) -> Node:
    ((number, (value,)),) = body.items()
    match number, value:
        case 1, _:
            return Literal(None, wire)
        case 2, int():
            return Literal(bool(value), wire)
        case 3, int():
            return Literal(value - (1 << 64) if value >> 63 else value, wire)
        case 5, bytes():
            return Literal(float(struct.unpack("<d", value)[0]), wire)
        case 6, bytes():
            return Literal(value.decode(), wire)
        case _:
            return Literal(value, wire)


def _name(body: Message, wire: bytes) -> Node:
    return Name(_text(body, 1), wire)


def _field(body: Message, wire: bytes) -> Node:
    test = bool(body.get(3))
    return Field(_node(_inner(body, 1)), _text(body, 2), test, wire)


def _call(body: Message, wire: bytes) -> Node:
    target = _node(_inner(body, 1)) if 1 in body else None
    return Call(_text(body, 2), target, _nodes(body, 3), wire)


def _list(body: Message, wire: bytes) -> Node:
    return Items(_nodes(body, 1), "[]", wire)


def _object(body: Message, wire: bytes) -> Node:
    items: list[Node] = []
    for entry in body.get(2, ()):
        if isinstance(entry, bytes):
            parts = _message(entry)
            items += _nodes(parts, 3) or (Literal(_text(parts, 2), b""),)
            items += _nodes(parts, 4)
    return Items(tuple(items), "{}", wire)


def _loop(body: Message, wire: bytes) -> Node:
    over, start, going, step, end = (_node(_inner(body, n)) for n in (2, 4, 5, 6, 7))
    return Loop(_text(body, 1), _text(body, 3), over, start, going, step, end, wire)


_KINDS: Final[Mapping[int, Callable[[Message, bytes], Node]]] = {
    3: _literal,
    4: _name,
    5: _field,
    6: _call,
    7: _list,
    8: _object,
    9: _loop,
}
