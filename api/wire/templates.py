"""What is said of templates."""

from __future__ import annotations

import msgspec

from api.wire.reply import Body
from engine import Json, Problem


class ListedTemplate(msgspec.Struct, frozen=True):
    """A template in a list."""

    name: str
    title: str
    description: str


class TemplateList(msgspec.Struct, frozen=True):
    """The templates there are, by name."""

    templates: tuple[ListedTemplate, ...]


class TemplateView(msgspec.Struct, frozen=True):
    """A template as a whole."""

    name: str
    title: str
    description: str
    parameters: dict[str, Json]
    """The JSON Schema of the object of parameters; those with a default may be left out."""
    graph: dict[str, Json]
    """The document of the graph, with `{"$parameter": name}` wherever a value is to come."""


class TemplateRequest(Body, frozen=True):
    """Make a graph of a template."""

    parameters: dict[str, Json] = {}
    """Values in place of the defaults."""
    name: str | None = None
    """What the graph is called; as the template says if left out."""


class TemplatePreview(msgspec.Struct, frozen=True):
    """The document that a template makes, of which nothing was kept."""

    document: dict[str, Json]
    problems: tuple[Problem, ...]
    """Why no graph can be created of it now, such as a tool that is not there."""
    warnings: tuple[Problem, ...]
