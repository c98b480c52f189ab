"""Values held against a JSON Schema (draft 2020-12): all that is wrong with one, at once.

This module knows schemas, and how long holding something against one may take. It does not
know what a schema is of.

Schemas come from outside, so none of them may make the server work or wait for long: nothing
is fetched, patterns are matched in linear time, and a schema may neither contain itself nor
grow beyond all measure when its references are followed.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, cast

import jsonschema_rs

from engine.errors import EngineError, Problem
from engine.graph.problems import listed, shown
from engine.validator.growth import REFERENCES, Growth
from engine.validator.place import Steps, pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from jsonschema_rs import ValidationError

    from engine.ids import Json

MAX_PARTS: Final = 1_000
"""Parts that a schema may have, each counted as often as references lead to it: twenty that
name the one before twice would else be a million."""

MAX_PROBLEMS: Final = 100
"""Problems that are told of one value; nobody reads more."""

MAX_WORK: Final = 20_000_000
"""Parts of a schema times the size of a value that is held against it: about a second."""

# The library finds all errors before it gives the first, at 13 us each; each error, and each
# of every branch of an `anyOf` or `oneOf`, has a copy of what it is about, at 6 us an item.
_FEW: Final = 2_000
"""Size of a value up to which all errors are looked for; of a larger one, the first."""

_LITTLE: Final = 20_000
"""Words of a schema times the size of a value up to which all errors are looked for."""

_PLAIN: Final = 20
"""Parts of a schema up to which no value that a request can bring takes long."""

_CHARACTERS: Final = 16
"""Characters that take as long as one item."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


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

    __slots__ = ("_held", "_parts", "_schema", "_words")

    def __init__(self, schema: Mapping[str, Json]) -> None:
        self._schema: dict[str, Json] = dict(schema)
        growth = Growth(self._schema)
        self._parts = growth.of(self._schema, ())
        self._words = max(growth.words, self._parts)
        if problems := list(_problems_of_schema(self._schema, growth, self._parts)):
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
        if self._parts > _PLAIN and _exceeds(value, MAX_WORK // self._parts):
            return (_too_much(self._parts, at),)
        if self._held.is_valid(value):
            return ()
        if _exceeds(value, min(_FEW, _LITTLE // self._words)):
            return _first(self._schema, value, at)
        return _told(self._held.iter_errors(value), at, self._schema)


def _made(schema: dict[str, Json]) -> jsonschema_rs.Validator:
    return jsonschema_rs.Draft202012Validator(
        schema, offline=True, pattern_options=jsonschema_rs.RegexOptions(), validate_formats=True
    )


def _exceeds(value: Json, limit: int) -> bool:
    """Say whether a value is larger than so many items, long text counted as several."""
    size = 0
    waiting = [value]
    while waiting and size <= limit:
        each = waiting.pop()
        if isinstance(each, str):
            size += len(each) // _CHARACTERS
        elif isinstance(each, dict | list):
            size += len(each)
            if size <= limit:
                waiting.extend(each)
                if isinstance(each, dict):
                    waiting.extend(each.values())
    return size > limit


# -- what is wrong with a large value -----------------------------------------------------

_MAPS: Final = ("properties", "patternProperties", "dependentSchemas", "$defs")
_WAYS: Final = {"anyOf": "fits none of the {} ways", "oneOf": "does not fit one of the {} ways"}


def _too_much(parts: int, at: Steps) -> Problem:
    message = f"the value is too large to be held against a schema of {parts:,} parts"
    hint = f"up to {MAX_WORK // parts:,} items: give less, or describe less of it"
    return Problem("BAD_VALUE", pointer(*at), message, hint)


def _first(schema: dict[str, Json], value: Json, at: Steps) -> tuple[Problem, ...]:
    """Say the first thing that is wrong with a value that does not fit, copying it but once."""
    vague = Problem("BAD_VALUE", pointer(*at), f"{shown(value)} is not what its schema says")
    try:
        blunt = _made(cast("dict[str, Json]", _blunt(schema)))
    except ValueError:  # what it names has moved, or may not be moved
        return (vague,)
    try:
        blunt.validate(value)
    except jsonschema_rs.ValidationError as error:
        return _told_of_ways(error, at) or _told([error], at, schema)
    return (vague,)


def _told_of_ways(error: ValidationError, at: Steps) -> tuple[Problem, ...]:
    if error.kind.name != "not":
        return ()
    denied = cast("dict[str, Json]", error.kind.as_dict())["schema"]
    inner = denied.get("not") if isinstance(denied, dict) else None
    for keyword, words in _WAYS.items():
        if isinstance(inner, dict) and isinstance(ways := inner.get(keyword), list):
            what = shown(cast("Json", error.instance))
            message = f"{what} {words.format(len(ways))} of '{keyword}'"
            return (Problem("BAD_VALUE", pointer(*at, *error.instance_path), message),)
    return ()


def _blunt(part: Json, *, names: bool = False) -> Json:
    """Rewrite a schema so that its errors do not tell of branches.

    What is denied twice means the same, and an error of `not` has no errors inside.

    Args:
        part: A schema, or something in one.
        names: Whether its keys are names, not keywords.

    Raises:
        ValueError: It has something that would mean something else.
    """
    if isinstance(part, list):
        return [_blunt(each) for each in part]
    if not isinstance(part, dict):
        return part
    made: dict[str, Json] = {}
    ways: list[Json] = []
    for key, value in part.items():
        if key in _WAYS and isinstance(value, list):
            ways.append({"not": {"not": {key: value}}})
        elif key in {"const", "enum"} and not names:
            made[key] = value
        elif _is_moved(key, value) and not names:
            raise ValueError(key)
        else:
            made[key] = _blunt(value, names=key in _MAPS and not names)
    if ways:
        before = made.get("allOf")
        made["allOf"] = [*(before if isinstance(before, list) else []), *ways]
    return made


def _is_moved(key: str, value: Json) -> bool:
    """Say whether a keyword looks into branches, or into what is no schema."""
    if key in REFERENCES and isinstance(value, str):
        return "%" in value or any(f"/{each}" in value for each in (*_WAYS, "const", "enum"))
    return key.startswith("unevaluated")


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


def _problems_of_schema(schema: dict[str, Json], growth: Growth, parts: int) -> Iterator[Problem]:
    for problem in _told(_errors_of_schema(schema), (), {}):
        yield Problem("BAD_SCHEMA", problem.path, problem.message, problem.hint)
    yield from growth.problems
    if parts > MAX_PARTS:
        yield Problem(
            "BAD_SCHEMA",
            "",
            f"the schema has more than {MAX_PARTS:,} parts, counted as often as references "
            "lead to them",
            "describe less of it: what is not described may be anything",
        )


def _errors_of_schema(schema: dict[str, Json]) -> Iterable[ValidationError]:
    if not _exceeds(schema, _FEW):
        return _META.iter_errors(schema)
    try:
        _META.validate(schema)
    except jsonschema_rs.ValidationError as error:
        return [error]
    return []


def _refused(error: ValueError) -> Problem:
    """Say why the library makes nothing of a schema."""
    if isinstance(error, jsonschema_rs.ValidationError):
        return Problem("BAD_SCHEMA", pointer(*error.instance_path), error.message)
    return Problem("BAD_SCHEMA", "", str(error), "make it simpler")
