"""Tools of the kind `template`: texts with placeholders that are filled from the arguments.

This module knows the fields of such a declaration, and how much text it may make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from engine import DeclaredTool, ToolError
from tools.placeholders import Text, check_names, written

if TYPE_CHECKING:
    from engine import Context, Declaration, Json, Problems

MAX_TEXT: Final = 1024 * 1024
"""Characters that one call may make: a short template can name a long value many times."""


class TemplateFields(msgspec.Struct, frozen=True):
    """What a `template` says beside what all declarations do."""

    output: Annotated[
        dict[str, str],
        Meta(min_length=1, description="By key that is written: a text with {placeholders}."),
    ]


class TemplateKind:
    """Makes tools of texts with placeholders."""

    name: str = "template"
    fields: type[TemplateFields] = TemplateFields

    def make(
        self, declaration: Declaration, fields: TemplateFields, problems: Problems
    ) -> DeclaredTool | None:
        """Make a tool that fills every text of its output."""
        texts: dict[str, Text] = {}
        for key, template in fields.output.items():
            at = ("output", key)
            texts[key] = Text.read(template, at, problems)
            check_names(texts[key].names, at, declaration.parameters, problems)

        def fill(arguments: dict[str, Json], _: Context) -> dict[str, Json]:
            return _filled(texts, arguments, declaration.name)

        return DeclaredTool(declaration, fill, writes=texts)


def _filled(texts: dict[str, Text], arguments: dict[str, Json], tool: str) -> dict[str, Json]:
    """Fill texts, unless they would be too long together.

    Raises:
        ToolError: They would be (`TEXT_TOO_LONG`), or a value can't be written (`BAD_INPUT`).
    """
    names = dict.fromkeys(name for text in texts.values() for name in text.names)
    values = {name: _value(name, arguments[name], tool) for name in names}
    length = sum(
        len(part if isinstance(part, str) else values[part.name])
        for text in texts.values()
        for part in text.parts
    )
    if length > MAX_TEXT:
        raise ToolError(
            f"tool '{tool}' would write {length:,} characters, {MAX_TEXT:,} are allowed",
            code="TEXT_TOO_LONG",
            hint="shorten what it is given, or name long values fewer times",
            retryable=False,
        )
    return {key: text.filled(values.__getitem__) for key, text in texts.items()}


def _value(name: str, value: Json, tool: str) -> str:
    if value is None:
        raise ToolError(
            f"tool '{tool}' can't write its argument '{name}' into a text: it is null",
            code="BAD_INPUT",
            hint=f"mend what writes '{name}', or give another text for it",
            retryable=False,
        )
    return written(value)
