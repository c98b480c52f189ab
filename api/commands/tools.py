"""`awe tools`: the tools that nodes of graphs may name, and what they take.

This module knows how tools are listed. It does not know what they do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from api.commands.failure import WRONG, Failure
from api.commands.screen import hang, output, show_json, styled
from api.commands.server_client import READING, ServerClient, TimeoutOption

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from api.commands.server_client import Object

TOOLS: Final = "/api/v1/tools"

_PYTHON: Final = "python"
"""The kind of a tool that is a function, and of no declaration."""


def command(
    *,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Write a list of JSON, with the schemas of what they take."),
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(metavar="URL", help="List those of a server instead of those installed here."),
    ] = None,
    timeout: TimeoutOption = READING,
) -> int:
    """List the tools that nodes of graphs may name."""
    found = _installed() if server is None else [*_served(server, timeout)]
    if as_json:
        show_json(found)
    else:
        _show(found)
    return 0


def _installed() -> list[Object]:
    """List the tools that packages offer which are installed here."""
    # An engine takes half a second to load, and who asks a server needs none.
    from api.commands.embedded import told  # noqa: PLC0415
    from engine import installed_tools  # noqa: PLC0415  # as above

    with told():
        found = sorted(installed_tools(), key=lambda tool: tool.name)
    return [
        {
            "name": tool.name,
            "description": tool.description,
            "execution": tool.execution,
            "kind": _PYTHON,
            "input_schema": tool.input_schema,
            "output_schema": tool.output_schema,
        }
        for tool in found
    ]


def _served(address: str, timeout: float) -> Iterator[Object]:
    """Give the tools of a server, each with the schemas, which are not in its list."""
    with ServerClient(address, patience=timeout) as client:
        listed = client.get(TOOLS)["tools"]
        for each in listed if isinstance(listed, list) else ():
            if not isinstance(each, dict):
                continue
            try:
                yield client.get(f"{TOOLS}/{quote(str(each['name']), safe='')}")
            except Failure as refused:
                if refused.status != WRONG:  # else it was removed since
                    raise


def _show(tools: Iterable[Object]) -> None:
    screen = output()
    for tool in tools:
        takes = styled(f"{_takes(tool)})", "cyan")
        if (kind := tool.get("kind")) != _PYTHON:
            takes.append_text(styled(f"  {kind}, version {tool.get('version')}", "dim"))
        hang(screen, styled(tool["name"], "bold").append_text(styled("(", "cyan")), takes)
        if says := tool.get("description"):
            hang(screen, styled("    "), styled(says))


def _takes(tool: Object) -> str:
    """Name the parameters; those that may be missing with a question mark."""
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        return ""
    parameters, required = schema.get("properties"), schema.get("required")
    needed = required if isinstance(required, list) else []
    names = parameters if isinstance(parameters, dict) else {}
    return ", ".join(name if name in needed else f"{name}?" for name in names)
