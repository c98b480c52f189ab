"""Values held against a JSON Schema (draft 2020-12): all that is wrong with one, at once.

This module knows schemas, and how long holding something against one may take. It does not
know what a schema is of.

Schemas come from outside, so none of them may make the server work or wait for long: nothing
is fetched, patterns are matched in linear time, and a schema may neither contain itself nor
grow beyond all measure when its references are followed.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, TypeAlias, cast
from urllib.parse import unquote

import jsonschema_rs

from engine.errors import EngineError, Problem
from engine.graph.problems import listed, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jsonschema_rs import ValidationError

    from engine.ids import Json

Steps: TypeAlias = "tuple[str | int, ...]"
"""The way to a place in a document: keys and indexes."""

MAX_PARTS: Final = 1_000
"""Parts that a schema may have, each counted as often as references lead to it: twenty that
name the one before twice would else be a million."""

MAX_CHAIN: Final = 32
"""References that may lead from one to the next."""

MAX_PROBLEMS: Final = 100
"""Problems that are told of one value; nobody reads more."""

# The library finds all errors before it gives the first, at 13 us each.
_FEW: Final = 2_000
"""Items of a value up to which all errors are looked for; of a larger one, the first."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_RENAMING: Final = ("$id", "$anchor", "$dynamicAnchor")


class InvalidSchema(EngineError):
    """Something is no JSON Schema, or none that values are held against here."""

    code = "BAD_SCHEMA"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("; ".join(f"{each.path or '/'}: {each.message}" for each in problems))


class Validator:
    """Holds values against one schema.

    Raises:
        InvalidSchema: It is none, or none that may be used here; all problems are told.
    """

    __slots__ = ("_held", "_schema")

    def __init__(self, schema: Mapping[str, Json]) -> None:
        self._schema: dict[str, Json] = dict(schema)
        if problems := list(_problems_of_schema(self._schema)):
            raise InvalidSchema(problems)
        try:
            self._held = _made(self._schema)
        except ValueError as error:
            raise InvalidSchema([_refused(error)]) from None

    def problems(self, value: Json, *, at: Steps = ()) -> tuple[Problem, ...]:
        """Say what is wrong with a value, at most the first 100 things.

        Args:
            value: A JSON value.
            at: Where it stands in its document, for the paths of the problems.
        """
        if self._held.is_valid(value):
            return ()
        return _told(_errors(self._held, value), at, self._schema)


def pointer(*steps: str | int) -> str:
    """Write a JSON pointer (RFC 6901)."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)


def _made(schema: dict[str, Json]) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(
        schema, offline=True, pattern_options=jsonschema_rs.RegexOptions(), validate_formats=True
    )


def _errors(held: jsonschema_rs.Validator, value: Json) -> Iterable[ValidationError]:
    if _is_small(value):
        return held.iter_errors(value)
    try:
        held.validate(value)
    except jsonschema_rs.ValidationError as error:
        return [error]
    return []


def _is_small(value: Json) -> bool:
    count = 0
    waiting = [value]
    while waiting and count <= _FEW:
        each = waiting.pop()
        if isinstance(each, dict | list):
            count += len(each)
            if count <= _FEW:
                waiting.extend(each.values() if isinstance(each, dict) else each)
    return count <= _FEW


# -- what is wrong with a value -----------------------------------------------------------


def _told(errors: Iterable[ValidationError], at: Steps, schema: Json) -> tuple[Problem, ...]:
    found: dict[Problem, None] = {}
    for error in errors:
        for problem in _problems(error, at, schema):
            found[problem] = None  # the library tells some of them more than once
        if len(found) >= MAX_PROBLEMS:
            break
    return tuple(found)[:MAX_PROBLEMS]


def _problems(error: ValidationError, at: Steps, schema: Json) -> Iterator[Problem]:
    keyword = error.kind.name
    steps = (*at, *error.instance_path)
    facts = cast("dict[str, Json]", error.kind.as_dict())
    instance = cast("Json", error.instance)
    match keyword:
        case "required":
            name = str(facts["property"])
            message = f"the field '{name}' is missing"
            yield Problem("MISSING_FIELD", pointer(*steps, name), message)
        case "additionalProperties" | "unevaluatedProperties":
            known = _known(schema, error.schema_path)
            for name in cast("list[str]", facts["unexpected"]):
                message = f"there is no field '{name}'"
                hint = _meant(name, known)
                yield Problem("UNKNOWN_FIELD", pointer(*steps, name), message, hint)
        case "anyOf" | "oneOf" if types := _types(error):
            yield Problem("WRONG_TYPE", pointer(*steps), _type({"types": types}, instance, ""))
        case "anyOf" | "oneOf" if branch := _nearest(error):
            for each in branch:
                yield from _problems(each, at, schema)
        case _:
            code, say = _WORDS.get(keyword, ("BAD_VALUE", _as_told))
            yield Problem(code, pointer(*steps), say(facts, instance, error.message))


def _nearest(error: ValidationError) -> list[ValidationError]:
    """Give the errors of the branch that was probably meant: the one that fits furthest."""
    nearest: list[ValidationError] = []
    for branch in _branches(error):
        if not nearest or len(branch[0].instance_path) > len(nearest[0].instance_path):
            nearest = branch
    return nearest


def _types(error: ValidationError) -> list[Json]:
    """Give the types of the branches, if no more is wrong than that the value has none of them."""
    types: list[Json] = []
    for branch in _branches(error):
        if [each.kind.name for each in branch] != ["type"] or (
            branch[0].instance_path != error.instance_path
        ):
            return []
        types += cast("list[Json]", branch[0].kind.as_dict()["types"])
    return types


def _branches(error: ValidationError) -> list[list[ValidationError]]:
    told = cast("list[list[ValidationError]]", getattr(error.kind, "context", []))
    return [branch for branch in told if branch]


def _expected(what: str) -> Callable[[Mapping[str, Json], Json, str], str]:
    """Say what was expected, by the facts of an error, and what came."""

    def say(facts: Mapping[str, Json], instance: Json, _: str) -> str:
        return f"expected {what.format(**facts)}, got {shown(instance)}"

    return say


def _type(facts: Mapping[str, Json], instance: Json, _: str) -> str:
    kinds = cast("list[str]", facts["types"])  # the library sorts them by name
    *others, last = [words for kind, words in _NAMES.items() if kind in kinds]
    expected = f"{', '.join(others)} or {last}" if others else last
    return f"expected {expected}, got {shown(instance)}"


def _enum(facts: Mapping[str, Json], instance: Json, _: str) -> str:
    options = cast("list[Json]", facts["options"])
    return f"expected one of {listed(map(str, options), 'or')}, got {shown(instance)}"


def _as_told(_: Mapping[str, Json], instance: Json, message: str) -> str:
    """Say it in the words of the library, which quotes the whole value."""
    if len(message) > _LONGEST:
        return f"{shown(instance)} is not what its schema says"
    return f"{message[:1].lower()}{message[1:]}"


_LONGEST: Final = 200
"""Characters of a message of the library."""

_NAMES: Final = {
    "object": "an object", "array": "a list", "string": "a string", "integer": "an integer",
    "number": "a number", "boolean": "true or false", "null": "null",
}  # fmt: skip

_WORDS: Final[Mapping[str, tuple[str, Callable[[Mapping[str, Json], Json, str], str]]]] = {
    "type": ("WRONG_TYPE", _type),
    "enum": ("NOT_ONE_OF", _enum),
    "const": ("NOT_ONE_OF", _expected("{expected_value}")),
    "minimum": ("OUT_OF_RANGE", _expected("{limit} or more")),
    "maximum": ("OUT_OF_RANGE", _expected("{limit} or less")),
    "exclusiveMinimum": ("OUT_OF_RANGE", _expected("more than {limit}")),
    "exclusiveMaximum": ("OUT_OF_RANGE", _expected("less than {limit}")),
    "minLength": ("OUT_OF_RANGE", _expected("{limit} characters or more")),
    "maxLength": ("OUT_OF_RANGE", _expected("{limit} characters or fewer")),
    "minItems": ("OUT_OF_RANGE", _expected("{limit} items or more")),
    "maxItems": ("OUT_OF_RANGE", _expected("{limit} items or fewer")),
    "minProperties": ("OUT_OF_RANGE", _expected("{limit} fields or more")),
    "maxProperties": ("OUT_OF_RANGE", _expected("{limit} fields or fewer")),
    "format": ("BAD_VALUE", _expected("text of the format {format}")),
    "pattern": ("BAD_VALUE", _expected("text that matches {pattern}")),
}
"""By keyword: the code, and the words. Others are told as the library does."""


def _known(schema: Json, path: list[str | int]) -> list[str]:
    """Find the names that an object has by its schema, if no reference stands in between."""
    here = schema
    for step in path[:-1]:
        if isinstance(here, dict) and isinstance(step, str):
            here = here.get(step)
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
    properties = here.get("properties") if isinstance(here, dict) else None
    return list(properties) if isinstance(properties, dict) else []


def _meant(name: str, known: list[str]) -> str:
    if close := get_close_matches(name, known, n=1):
        return f"did you mean '{close[0]}'?"
    return f"there are: {', '.join(known)}" if known else ""


# -- what is wrong with a schema ----------------------------------------------------------

_META: Final = _made({"$ref": _DIALECT})


def _problems_of_schema(schema: dict[str, Json]) -> Iterator[Problem]:
    for problem in _told(_errors(_META, schema), (), {}):
        yield Problem("BAD_SCHEMA", problem.path, problem.message, problem.hint)
    growth = _Growth(schema)
    parts = growth.of(schema, ())
    yield from growth.problems
    if parts > MAX_PARTS:
        yield Problem(
            "BAD_SCHEMA",
            "",
            f"the schema has more than {MAX_PARTS:,} parts, counted as often as references "
            "lead to them",
            "describe less of it: what is not described may be anything",
        )


class _Growth:
    """Counts the parts that a schema has when its references are followed."""

    def __init__(self, root: dict[str, Json]) -> None:
        self.problems: list[Problem] = []
        self._root = root
        self._sizes: dict[str, int] = {}
        self._open: set[str] = set()

    def of(self, part: Json, at: Steps) -> int:
        """Count a part and all that is in it."""
        if isinstance(part, list):
            return sum(self.of(each, (*at, index)) for index, each in enumerate(part))
        if not isinstance(part, dict):
            return 0
        size = 1
        for key, value in part.items():
            here = (*at, key)
            if key in _REFERENCES and isinstance(value, str):
                size += self._of_reference(value, here)
            elif key in _RENAMING and isinstance(value, str) and at:
                self._wrong(here, f"'{key}' is not supported inside a schema", "leave it out")
            elif here != ("$defs",):  # they count where they are named
                size += self.of(value, here)
        return size

    def _of_reference(self, reference: str, at: Steps) -> int:
        if reference in self._sizes:
            return self._sizes[reference]
        if reference in self._open:
            self._wrong(at, "the schema contains itself", "say {} where it would begin again")
            return 0
        if reference != "#" and not reference.startswith("#/"):
            problem = f"'{reference}' is not in this schema, and nothing is fetched"
            self._wrong(at, problem, "put it under $defs, and name it as '#/$defs/...'")
            return 0
        if len(self._open) >= MAX_CHAIN:
            self._wrong(at, f"more than {MAX_CHAIN} references lead to each other", "name it here")
            return 0
        self._open.add(reference)
        size = self.of(self._named(reference), at)
        self._open.discard(reference)
        self._sizes[reference] = size
        return size

    def _named(self, reference: str) -> Json:
        """Give what a reference names; one that names nothing the library complains about."""
        here: Json = self._root
        for step in unquote(reference.removeprefix("#")).split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(here, dict):
                here = here.get(key)
            elif isinstance(here, list) and key.isdecimal() and int(key) < len(here):
                here = here[int(key)]
            else:
                return None
        return here

    def _wrong(self, at: Steps, message: str, hint: str) -> None:
        self.problems.append(Problem("BAD_SCHEMA", pointer(*at), message, hint))


def _refused(error: ValueError) -> Problem:
    """Say why the library makes nothing of a schema."""
    if isinstance(error, jsonschema_rs.ValidationError):
        return Problem("BAD_SCHEMA", pointer(*error.instance_path), error.message)
    return Problem("BAD_SCHEMA", "", str(error), "make it simpler")
