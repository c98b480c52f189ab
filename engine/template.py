"""Templates: documents of graphs with parameters, from which graphs are made.

This module knows how a template is written, how its parameters are held against their schema,
and where templates are found. It does not know what a graph means, nor whether its tools are
there: what comes out is a document like any other.

Rule: an object `{"$parameter": "name"}` is replaced by the value of that parameter, as a whole
and once. Nothing is ever put into a text: where an expression is to depend on a parameter, the
value goes into `state.defaults`, and the expression names the key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import entry_points
from importlib.resources import files
from typing import TYPE_CHECKING, Final, cast

import msgspec

from engine.errors import EngineError, Problem
from engine.graph import strict_json
from engine.graph.intake import taken_in
from engine.graph.problems import Enough, Problems, shown
from engine.ids import Json  # noqa: TC001  # msgspec reads annotations at run time
from engine.validator import InvalidSchema, Validator, pointer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from engine.validator import Steps

GROUP: Final = "awe.templates"
"""The group of entry points by which installed packages offer templates."""

PARAMETER: Final = "$parameter"


class InvalidTemplate(EngineError):
    """Something is not a template; `problems` lists everything that is wrong with it."""

    code: str = "INVALID_TEMPLATE"

    def __init__(self, problems: Sequence[Problem], *, where: str = "the template") -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        lines = "; ".join(f"{each.path or '/'}: {each.message}" for each in problems)
        super().__init__(f"{where} can't be used: {lines}", hint=problems[0].hint)


class InvalidParameters(EngineError):
    """Parameters are not what a template asks for; `problems` lists all that is wrong.

    Attributes:
        problems: Each with a JSON pointer into the object of parameters.
    """

    code: str = "INVALID_PARAMETERS"

    def __init__(self, template: str, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        lines = "; ".join(f"{each.path or '/'}: {each.message}" for each in problems)
        super().__init__(
            f"the parameters don't fit the template '{template}': {lines}",
            details={"template": template},
        )


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A template as it is written down."""

    name: str
    title: str
    parameters: dict[str, Json]
    graph: dict[str, Json]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A graph with parameters. Made by `parse`."""

    name: str
    title: str
    """A few words for a list."""
    description: str
    parameters: Mapping[str, Json]
    """The JSON Schema of the object of parameters; those with a default may be left out."""
    graph: Mapping[str, Json]
    """The document, with `{"$parameter": name}` wherever a value is to come."""
    _validator: Validator = field(repr=False, compare=False)

    @classmethod
    def parse(cls, document: object) -> Template:
        """Read a template as it comes out of a JSON parser.

        Raises:
            InvalidTemplate: With everything that is wrong.
        """
        taken, problems = _taken(document)
        if problems:
            raise InvalidTemplate(problems)
        try:
            read = msgspec.convert(taken, _Document)
        except msgspec.ValidationError as error:
            hint = "it has name, title, description, parameters and graph"
            raise InvalidTemplate([Problem("WRONG_TYPE", "", str(error), hint)]) from None
        schema = {"type": "object", "additionalProperties": False, **read.parameters}
        try:
            validator = Validator(schema)
        except InvalidSchema as error:
            raise InvalidTemplate(
                [Problem(p.code, f"/parameters{p.path}", p.message, p.hint) for p in error.problems]
            ) from None
        if misfits := [*_misfits(read, validator)]:
            raise InvalidTemplate(misfits)
        return cls(read.name, read.title, read.description, schema, read.graph, validator)

    @property
    def defaults(self) -> dict[str, Json]:
        """The parameters that may be left out, and what they are then: a copy each time."""
        return _defaults(self.parameters)

    def document(
        self, parameters: Mapping[str, Json] | None = None, *, name: str | None = None
    ) -> dict[str, Json]:
        """Make the document of a graph.

        Args:
            parameters: Values in place of the defaults.
            name: What the graph is called; as the template says if left out.

        Raises:
            InvalidParameters: With everything that is wrong with the parameters.
        """
        taken, problems = _taken(dict(parameters or {}))
        values = self.defaults | cast("dict[str, Json]", taken)
        problems = problems or self._validator.problems(values)
        if problems:
            raise InvalidParameters(self.name, problems)
        filled = cast("dict[str, Json]", _filled(dict(self.graph), values))
        return {"name": self.name} | filled | ({} if name is None else {"name": name})


def installed_templates() -> list[Template]:
    """Find the templates that installed packages offer, by their names.

    An entry point of the group `awe.templates` names a package; every `*.json` in it is a
    template. Finding them imports that package, and nothing else.

    Raises:
        InvalidTemplate: A package is not there, or a file of it is no template, or two have
            one name; it is named.
    """
    found: dict[str, Template] = {}
    for package in sorted({point.value for point in entry_points(group=GROUP)}):
        for where, text in _texts(package):
            template = _read(where, text)
            if template.name in found:
                message = f"there is another template named '{template.name}'"
                problem = Problem("DUPLICATE_TEMPLATE", "/name", message, "give it its own name")
                raise InvalidTemplate([problem], where=where)
            found[template.name] = template
    return sorted(found.values(), key=lambda template: template.name)


def _texts(package: str) -> Iterator[tuple[str, bytes]]:
    """Read the files of a package, and say where each is."""
    try:
        there = sorted(files(package).iterdir(), key=lambda each: each.name)
    except (ImportError, OSError) as error:
        message = f"{type(error).__name__}: {error}"
        problem = Problem("NO_PACKAGE", "", message, "mend or remove the package that declares it")
        raise InvalidTemplate([problem], where=f"the package '{package}'") from error
    for each in there:
        if each.name.endswith(".json"):
            yield f"{package}/{each.name}", each.read_bytes()


def _read(where: str, text: bytes) -> Template:
    problems = Problems()
    found = strict_json.read(text, problems)
    if found is None:
        raise InvalidTemplate(problems.errors(), where=where)
    try:
        return Template.parse(found[0])
    except InvalidTemplate as error:
        raise InvalidTemplate(error.problems, where=where) from None


def _taken(given: object) -> tuple[Json, tuple[Problem, ...]]:
    """Copy what may be anything, and say what in it JSON has not."""
    problems = Problems()
    try:
        taken = taken_in(given, problems)
    except Enough:
        taken = None
    return taken, problems.errors()


# -- what is wrong with a template --------------------------------------------------------


def _misfits(read: _Document, validator: Validator) -> Iterator[Problem]:
    """Find parameters that are not there, not used, or can't be their own default."""
    if not read.name or "/" in read.name:
        message = f"expected a name without '/', got {shown(read.name)}"
        yield Problem("BAD_NAME", "/name", message, "the name stands in addresses")
    known = _properties(read.parameters)
    used: set[str] = set()
    for steps, given in _placeholders(read.graph, ("graph",)):
        name = given.get(PARAMETER)
        if not isinstance(name, str) or len(given) > 1:
            message = f'expected {{"{PARAMETER}": "name"}} and nothing beside it'
            yield Problem("WRONG_TYPE", pointer(*steps), f"{message}, got {shown(name)}")
        elif name not in known:
            message = f"there is no parameter '{name}'"
            hint = f"there are: {', '.join(known) or 'none'}"
            yield Problem("UNKNOWN_PARAMETER", pointer(*steps), message, hint)
        else:
            used.add(name)
    for name in known:
        if name not in used:
            message = f"nothing in the graph depends on the parameter '{name}'"
            where = pointer("parameters", "properties", name)
            yield Problem("UNUSED_PARAMETER", where, message, "take it out")
    for each in validator.problems(_defaults(read.parameters)):
        if each.code != "MISSING_FIELD":
            where = f"/parameters/properties{each.path}/default"
            yield Problem("BAD_DEFAULT", where, each.message, each.hint)


def _properties(schema: Mapping[str, Json]) -> Mapping[str, Json]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _defaults(schema: Mapping[str, Json]) -> dict[str, Json]:
    return {
        name: _copy(each["default"])
        for name, each in _properties(schema).items()
        if isinstance(each, dict) and "default" in each
    }


# -- the rule of substitution -------------------------------------------------------------


def _placeholders(part: Json, at: Steps) -> Iterator[tuple[Steps, dict[str, Json]]]:
    match part:
        case dict() if PARAMETER in part:
            yield at, part
        case dict():
            for key, value in part.items():
                yield from _placeholders(value, (*at, key))
        case list():
            for index, value in enumerate(part):
                yield from _placeholders(value, (*at, index))
        case _:
            pass


def _filled(part: Json, values: Mapping[str, Json]) -> Json:
    """Put the values in; what is put in is not looked at again."""
    match part:
        case dict() if PARAMETER in part:
            return _copy(values[str(part[PARAMETER])])
        case dict():
            return {key: _filled(value, values) for key, value in part.items()}
        case list():
            return [_filled(value, values) for value in part]
        case _:
            return part


def _copy(value: Json) -> Json:
    return cast("Json", msgspec.json.decode(msgspec.json.encode(value)))
