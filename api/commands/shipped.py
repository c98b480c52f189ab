"""The graphs that are there from the beginning.

This module knows which of the documents that come along are created without being asked for.
It does not know what their nodes do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.commands.failure import Failure
from engine import installed_templates

if TYPE_CHECKING:
    from collections.abc import Mapping

HELLO: Final[Mapping[str, object]] = {
    "name": "hello",
    "description": "Greets, and counts the words of the greeting.",
    "edges": {"greet": "count_words"},
    "state": {"defaults": {"name": "world"}},
}
"""The smallest graph that shows something."""

REVIEW: Final = "code-review"
"""The template of the graph that reviews code."""


def documents() -> list[Mapping[str, object]]:
    """Give the documents of all graphs that a fresh server has.

    Raises:
        InvalidTemplate: A package offers a template that is none.
    """
    found = _review()
    return [HELLO] if found is None else [found, HELLO]


def review() -> Mapping[str, object]:
    """Give the document of the graph that reviews code.

    Raises:
        Failure: It did not come along.
        InvalidTemplate: A package offers a template that is none.
    """
    found = _review()
    if found is None:
        raise Failure(
            f"the template '{REVIEW}' is not installed",
            hint="install awe again, which brings it along; awe doctor says what else is missing",
        )
    return found


def _review() -> Mapping[str, object] | None:
    templates = installed_templates()
    return next((each.document() for each in templates if each.name == REVIEW), None)
