"""What is wrong with a value, put into words: the errors of the library, told as problems.

This module knows what the library says of a value. It does not hold values against schemas.
"""

from __future__ import annotations

from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Final, cast

from engine.errors import Problem
from engine.graph.problems import listed, shown
from engine.validator.place import Steps, pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from jsonschema_rs import ValidationError

    from engine.ids import Json

MAX_PROBLEMS: Final = 100
"""Problems that are told of one value; nobody reads more."""


def told(errors: Iterable[ValidationError], at: Steps, schema: Json) -> tuple[Problem, ...]:
    """Put errors into words: at most 100, and how many more there are."""
    found: dict[Problem, None] = {}
    waiting = iter(errors)
    for error in waiting:
        for problem in _problems(error, at, schema):
            found[problem] = None  # the library tells some of them more than once
            if len(found) > MAX_PROBLEMS:
                break
        if len(found) > MAX_PROBLEMS:
            break
    if len(found) <= MAX_PROBLEMS:
        return tuple(found)
    return (*islice(found, MAX_PROBLEMS), more(1 + sum(1 for _ in waiting)))


def more(count: int | None = None) -> Problem:
    """Say that there are, or may be, more problems than are told."""
    what = "there may be" if count is None else f"there are at least {count:,}"
    hint = "mend these first; often one cause has many effects"
    return Problem("TOO_MANY_PROBLEMS", "", f"{what} more problems", hint)


def missing(names: Iterable[str], at: Steps) -> Iterator[Problem]:
    """Say which fields are missing."""
    for name in names:
        yield Problem("MISSING_FIELD", pointer(*at, name), f"the field '{name}' is missing")


def unknown(names: Iterable[str], known: list[str], at: Steps) -> Iterator[Problem]:
    """Say which fields there are not, and which were meant."""
    for name in names:
        message = f"there is no field '{name}'"
        yield Problem("UNKNOWN_FIELD", pointer(*at, name), message, _meant(name, known))


_FACTS: Final = {"const": "expected_value", "enum": "options"}
_LIMITED: Final = ("min", "max", "exclusive")


def said(keyword: str, told: Json, value: Json, at: Steps) -> Problem | None:
    """Say that a value is not what one keyword says; None: there are no words for that."""
    if keyword not in _WORDS:
        return None
    code, say = _WORDS[keyword]
    name = "limit" if keyword.startswith(_LIMITED) else _FACTS.get(keyword, keyword)
    facts: dict[str, Json] = {name: told}
    if keyword == "type":
        facts = {"types": told if isinstance(told, list) else [told]}
    return Problem(code, pointer(*at), say(facts, value, ""))


def _problems(error: ValidationError, at: Steps, schema: Json) -> Iterator[Problem]:
    keyword = error.kind.name
    steps = (*at, *error.instance_path)
    facts = cast("dict[str, Json]", error.kind.as_dict())
    instance = cast("Json", error.instance)
    match keyword:
        case "required":
            yield from missing([str(facts["property"])], steps)
        case "additionalProperties" | "unevaluatedProperties":
            known = _known(schema, error.schema_path)
            yield from unknown(cast("list[str]", facts["unexpected"]), known, steps)
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
    return f"expected one of {listed([str(each) for each in options], 'or')}, got {shown(instance)}"


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
