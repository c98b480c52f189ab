"""Tools of the kind `expression`: what they write is worked out by CEL from their arguments.

This module knows the fields of such a declaration. What an expression may be, the engine knows,
and what a call may cost, `evaluation`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from engine import DeclaredTool
from tools.evaluation import Evaluation

if TYPE_CHECKING:
    from engine import Context, Declaration, Json, Problems


class ExpressionFields(msgspec.Struct, frozen=True):
    """What an `expression` says beside what all declarations do."""

    output: Annotated[
        dict[str, str],
        Meta(
            min_length=1, description="By key that is written: a CEL expression over the arguments."
        ),
    ]


class ExpressionKind:
    """Makes tools of CEL expressions."""

    name: str = "expression"
    fields: type[ExpressionFields] = ExpressionFields

    def make(
        self, declaration: Declaration, fields: ExpressionFields, problems: Problems
    ) -> DeclaredTool | None:
        """Make a tool that works out every key of its output."""
        compiled = {
            key: problems.expression(text, ("output", key), names=declaration.parameters)
            for key, text in fields.output.items()
        }
        expressions = {key: each for key, each in compiled.items() if each is not None}
        evaluation = Evaluation(declaration.name, expressions)

        async def work_out(arguments: dict[str, Json], _: Context) -> dict[str, Json]:
            return await evaluation.of(arguments)

        return DeclaredTool(declaration, work_out, writes=expressions)
