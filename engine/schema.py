"""What a tool takes and gives, as JSON Schema: for models, for forms, for people.

This module knows annotations and JSON Schema (draft 2020-12). It does not check values: that
is `parameter`, by the same annotations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import msgspec

from engine.outcome import Command, Overwrite
from engine.parameter import ANYTHING, is_model, mentions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.ids import Json
    from engine.parameter import Parameter

Schema = dict[str, "Json"]

_REFERENCE: Final = "#/$defs/{name}"

# msgspec takes an empty schema for none at all, so anything is marked first and emptied then.
_ANYTHING: Final = "x-anything"


def schema_of_parameters(parameters: Sequence[Parameter], description: str = "") -> Schema:
    """Describe the object of all arguments of a tool.

    What can't be described takes anything: `{}`. A `Context` is nobody's argument.
    """
    asked = [each for each in parameters if not each.is_context]
    described, definitions = _described([each.annotation for each in asked])
    properties: dict[str, Json] = {}
    for parameter, schema in zip(asked, described, strict=True):
        default = None if parameter.required else _default(parameter.default)
        properties[parameter.name] = schema | default if default else schema
    made: Schema = {"type": "object"}
    if description:
        made["description"] = description
    made["properties"] = properties
    required: list[Json] = [each.name for each in asked if each.required]
    if required:
        made["required"] = required
    if definitions:
        made["$defs"] = definitions
    return made


def schema_of_result(annotation: object) -> Schema:
    """Describe what a tool returns. A `Command` is no JSON, so it takes anything: `{}`."""
    if mentions(annotation, Command, Overwrite):
        return {}
    described, definitions = _described([annotation])
    if definitions:
        described[0]["$defs"] = definitions
    return described[0]


def values_of(schema: Schema, name: str) -> list[Json]:
    """List the values that an argument can have: all, or none if they can't be listed.

    One that may be anything or nothing has one value that is known, which is `None`.
    """
    definitions = cast("dict[str, Json]", schema.get("$defs", {}))
    properties = cast("dict[str, Json]", schema.get("properties", {}))
    return _values(properties.get(name, {}), definitions) or []


def _values(schema: Json, definitions: dict[str, Json]) -> list[Json] | None:
    found: list[Json] | None = None
    match schema:
        case {"const": value}:
            found = [value]
        case {"enum": [*values]}:
            found = values
        case {"type": "boolean"}:
            found = [True, False]
        case {"type": "null"}:
            found = [None]
        case {"$ref": str(reference)}:  # one step: what refers to itself has no end
            found = _values(definitions.get(reference.rpartition("/")[2]), {})
        case {"anyOf": [*parts]}:
            each = [_values(part, definitions) for part in parts]
            listed = [values for values in each if values is not None]
            if len(listed) == len(parts):
                found = [value for values in listed for value in values]
            elif [None] in listed:
                found = [None]
        case _:
            pass
    return found


def _described(annotations: Sequence[object]) -> tuple[list[Schema], dict[str, Json]]:
    """Describe types, and the types that they name.

    Those that msgspec can do are described together, so that two classes of one name get two.
    """
    definitions: dict[str, Json] = {}

    def others(kind: type) -> Schema:
        if not is_model(kind):
            return {_ANYTHING: True}
        schema = kind.model_json_schema()
        definitions.update(cast("dict[str, Json]", schema.pop("$defs", {})))
        return schema

    def together(asked: Sequence[object]) -> list[Schema]:
        made, named = msgspec.json.schema_components(
            asked, ref_template=_REFERENCE, schema_hook=others
        )
        definitions.update({name: _emptied(each) for name, each in named.items()})
        return [cast("Schema", _emptied(each)) for each in made]

    able = [each for each in annotations if each is not ANYTHING and _is_described(each)]
    made = iter(together(able))
    described = [next(made) if each in able else {} for each in annotations]
    return described, definitions


def _is_described(annotation: object) -> bool:
    """Tell whether msgspec can describe a type."""
    try:
        msgspec.json.schema_components([annotation], schema_hook=lambda _: {_ANYTHING: True})
    except Exception:  # noqa: BLE001  # whatever msgspec can't do, and whatever annotations do
        return False
    return True


def _emptied(schema: Json) -> Json:
    """Put an empty schema for what was marked, and leave out what then says nothing."""
    if isinstance(schema, list):
        return [_emptied(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema == {_ANYTHING: True}:
        return {}
    made = {key: _emptied(each) for key, each in schema.items()}
    return {
        key: each
        for key, each in made.items()
        if each != {} or key not in {"items", "additionalProperties"}
    }


def _default(value: object) -> Schema:
    try:
        return {"default": cast("Json", msgspec.to_builtins(value))}
    except Exception:  # noqa: BLE001  # it is nothing that JSON has
        return {}
