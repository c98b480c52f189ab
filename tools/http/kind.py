"""Tools of the kind `http`: one request for each call, sent by the one way out.

This module knows the order of things. What is sent, where it may go and what is taken of its
answer, others know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine import DeclaredTool
from tools.http.answer import taken_of
from tools.http.egress import Egress
from tools.http.fields import HttpFields
from tools.http.reading import pattern_of
from tools.http.secret import looked_up

if TYPE_CHECKING:
    from engine import Context, Declaration, Json, Problems


class HttpKind:
    """Makes tools that send a request.

    Args:
        egress: The way out; as the environment says if left out.
    """

    name: str = "http"
    fields: type[HttpFields] = HttpFields

    def __init__(self, egress: Egress | None = None) -> None:
        self._egress = Egress.from_environment() if egress is None else egress

    def make(
        self, declaration: Declaration, fields: HttpFields, problems: Problems
    ) -> DeclaredTool | None:
        """Make a tool that sends what is declared, and gives what is to be taken of the answer."""
        pattern = pattern_of(declaration, fields, problems)
        taken = taken_of(declaration, fields, problems)
        egress = self._egress

        async def ask(arguments: dict[str, Json], context: Context) -> dict[str, Json]:
            secrets = looked_up(pattern.secrets, declaration.name)
            answer = await egress.send(pattern.filled(arguments, secrets, context))
            return await taken.of(answer, secrets)

        return DeclaredTool(declaration, ask, writes=fields.output)
