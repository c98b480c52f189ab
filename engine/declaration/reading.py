"""How a document becomes a declared tool, or everything that is wrong with it.

This module knows the fields that every declaration has. Those of a kind are checked by the
struct that the kind gives, and looked into by the kind itself.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

import msgspec

from engine.declaration.declaration import Declaration
from engine.declaration.problems import InvalidDeclaration, Problems
from engine.errors import InvalidValue, Problem
from engine.graph.problems import shown
from engine.tool import WHOLE_STATE
from engine.validator import InvalidSchema, Validator, pointer
from engine.value import admit

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from engine.declaration.kind import AnyToolKind
    from engine.declaration.tool import DeclaredTool
    from engine.ids import Json

MAX_DOCUMENT: Final = 64 * 1024
"""Bytes of a declaration as canonical JSON."""
MAX_DEPTH: Final = 32
"""Lists and objects inside each other."""
MAX_PARAMETERS: Final = 100

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
_PARAMETER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")

_FIELDS: Final[Mapping[str, Json]] = {
    "name": {"type": "string"},
    "kind": {"type": "string"},
    "description": {"type": "string", "maxLength": 2_000},
    "input": {"type": ["object", "array"]},
}
_REQUIRED: Final = ("name", "kind")


def read(
    document: Mapping[str, object],
    kinds: Mapping[str, AnyToolKind],
    *,
    taken: Container[str] = (),
) -> DeclaredTool:
    """Make the tool that a document declares.

    Args:
        document: The declaration.
        kinds: The kinds there are, by name.
        taken: Names that it can't have.

    Raises:
        InvalidDeclaration: It declares none; everything that is wrong is told.
    """
    try:
        given = admit(
            dict(document), what="the declaration", max_depth=MAX_DEPTH, max_size=MAX_DOCUMENT
        )
    except InvalidValue as error:
        raise InvalidDeclaration([Problem("BAD_VALUE", "", error.message, error.hint)]) from None
    fields = cast("dict[str, Json]", given)
    problems = Problems()
    kind = _kind(fields, kinds, problems)
    bad = _check_form(fields, kind, problems)
    name = fields.get("name")
    if isinstance(name, str):
        _check_name(name, taken, problems)
    declaration = _declaration(fields, bad, problems)
    tool = None if kind is None else _made(declaration, fields, bad, kind, problems)
    if problems.found or tool is None:
        place = {name: number for number, name in enumerate(fields)}
        found = sorted(problems.found, key=lambda each: place.get(_first(each.path), len(place)))
        raise InvalidDeclaration(found)
    return tool


def _kind(
    fields: Mapping[str, Json], kinds: Mapping[str, AnyToolKind], problems: Problems
) -> AnyToolKind | None:
    name = fields.get("kind")
    if not isinstance(name, str):
        return None  # it is missing or no text, which is reported as of any field
    if name not in kinds:
        if kinds:
            problems.unknown("kind", name, kinds, ("kind",))
        else:
            hint = "Engine(tool_kinds=installed_tool_kinds())"
            problems.add("UNKNOWN_KIND", ("kind",), "no kinds of tools are installed here", hint)
    return kinds.get(name)


def _check_form(
    fields: dict[str, Json], kind: AnyToolKind | None, problems: Problems
) -> frozenset[str]:
    """Report what fields are missing, unknown or not what they must be; name those."""
    form = _COMMON if kind is None else _form(cast("type[msgspec.Struct]", kind.fields))
    found = form.problems(fields)
    problems.found.extend(found)
    return frozenset(_first(each.path) for each in found)


def _first(path: str) -> str:
    return path.split("/")[1].replace("~1", "/").replace("~0", "~") if path else ""


@lru_cache(maxsize=64)
def _form(fields: type[msgspec.Struct]) -> Validator:
    """Give what holds a declaration against the fields of its kind."""
    return Validator(schema_of(fields))


def schema_of(fields: type[msgspec.Struct]) -> dict[str, Json]:
    """Describe declarations of a kind by the struct of its fields."""
    _, named = msgspec.json.schema_components([fields], ref_template="#/$defs/{name}")
    own = cast("dict[str, dict[str, Json]]", named).pop(fields.__name__)
    properties = cast("dict[str, Json]", own.get("properties", {}))
    made: dict[str, Json] = {
        "type": "object",
        "properties": {**_FIELDS, **properties},
        "required": [*_REQUIRED, *cast("list[Json]", own.get("required", []))],
        "additionalProperties": False,
    }
    return made | ({"$defs": cast("Json", named)} if named else {})


_COMMON: Final = Validator(
    {"type": "object", "properties": dict(_FIELDS), "required": [*_REQUIRED]}
)
"""For a declaration of a kind that does not exist: its other fields may be anything."""


def _check_name(name: str, taken: Container[str], problems: Problems) -> None:
    if not NAME.fullmatch(name):
        problems.add(
            "BAD_NAME",
            ("name",),
            f"{shown(name)} can't be the name of a tool",
            "at most 100 of A-Z a-z 0-9 . _ -, the first a letter",
        )
    elif name in taken:
        problems.add(
            "TOOL_NAME_TAKEN",
            ("name",),
            f"'{name}' is the name of a tool that is a Python function",
            "give it another name: only declared tools can be replaced",
        )


# -- what it takes ------------------------------------------------------------------------


def _declaration(fields: dict[str, Json], bad: frozenset[str], problems: Problems) -> Declaration:
    told = Declaration(
        name=str(fields.get("name", "")),
        kind=str(fields.get("kind", "")),
        description="" if "description" in bad else str(fields.get("description", "")),
        document=fields,
    )
    schema = None if "input" in bad else _schema(fields.get("input", []), problems)
    if schema is None:
        return told
    properties = cast("dict[str, Json]", schema.get("properties", {}))
    needed = cast("list[str]", schema.get("required", []))
    names = dict.fromkeys([*properties, *needed])
    defaults = {
        name: each["default"]
        for name, each in properties.items()
        if isinstance(each, dict) and "default" in each
    }
    _check_parameters(names, problems)
    _check_defaults(schema, defaults, problems)
    return replace(
        told,
        input=schema,
        parameters={name: name in needed or name in defaults for name in names},
        defaults=defaults,
    )


def _schema(given: Json, problems: Problems) -> dict[str, Json] | None:
    """Read `input`: a list of names, which may all be anything, or a JSON Schema."""
    if isinstance(given, list):
        for index, name in enumerate(given):
            if not isinstance(name, str):
                message = f"expected the name of a parameter, got {shown(name)}"
                hint = "parameters of which more is to be said are described by a JSON Schema"
                problems.add("WRONG_TYPE", ("input", index), message, hint)
        names = [name for name in given if isinstance(name, str)]
        for name in sorted({name for name in names if names.count(name) > 1}):
            problems.add("BAD_SCHEMA", ("input",), f"'{name}' is named twice", "name it once")
        return {
            "type": "object",
            "properties": {name: {} for name in names},
            "required": [*dict.fromkeys(names)],
        }
    schema = cast("dict[str, Json]", given)
    try:
        Validator(schema)
    except InvalidSchema as error:
        for each in error.problems:
            path = pointer("input") + each.path
            problems.found.append(Problem(each.code, path, each.message, each.hint))
        return None
    if schema.get("type", "object") != "object":
        problems.add(
            "BAD_SCHEMA",
            ("input", "type"),
            f"expected 'object', got {shown(schema['type'])}",
            "it describes the object of all arguments, each under 'properties'",
        )
        return None
    return schema


def _check_parameters(names: Mapping[str, object], problems: Problems) -> None:
    for name in names:
        at = ("input", "properties", name)
        if name == WHOLE_STATE:
            problems.add(
                "BAD_NAME",
                at,
                f"'{name}' can't be the name of a parameter of a declared tool",
                "it would get all of the state; name what is needed of it",
            )
        elif not _PARAMETER.fullmatch(name):
            problems.add(
                "BAD_NAME",
                at,
                f"{shown(name)} can't be the name of a parameter",
                "letters, digits and _; a node gives it another key of the state by 'inputs'",
            )
    if len(names) > MAX_PARAMETERS:
        message = f"expected at most {MAX_PARAMETERS} parameters, got {len(names)}"
        problems.add("OUT_OF_RANGE", ("input",), message, "take some of them as one object")


def _check_defaults(
    schema: Mapping[str, Json], defaults: Mapping[str, Json], problems: Problems
) -> None:
    """See that each default is what its own schema says."""
    for each in Validator(schema).problems(dict(defaults)):
        name = _first(each.path)
        if name in defaults and each.code != "MISSING_FIELD":
            at = ("input", "properties", name, "default")
            problems.add("BAD_DEFAULT", at, f"the default of '{name}': {each.message}")


# -- what it does -------------------------------------------------------------------------


def _made(
    declaration: Declaration,
    fields: dict[str, Json],
    bad: frozenset[str],
    kind: AnyToolKind,
    problems: Problems,
) -> DeclaredTool | None:
    """Let the kind look into its fields, without those that are not even of the right form."""
    own = {name: value for name, value in fields.items() if name not in _FIELDS and name not in bad}
    try:
        given = msgspec.convert(own, kind.fields)
    except msgspec.ValidationError as error:
        if not problems.found:  # a struct may be stricter than its schema can say
            problems.add("BAD_VALUE", (), str(error))
        return None
    return kind.make(declaration, given, problems)
