"""What can be asked over HTTP, as data: one `Operation` for each route and method.

This module knows what an operation says of itself. It does not know which there are: each
module that answers some of them lists them beside the functions that do, as `OPERATIONS`,
and `operations` puts the lists together. Routing and description are made of that one table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from api.idempotency import KEY
from api.parameter import Parameter, named

if TYPE_CHECKING:
    from engine import Json

RUNS: Final = "/api/v1/runs"
"""Where runs are."""

RUN: Final = f"{RUNS}/{{run_id}}"
"""Where one of them is."""

Kind: TypeAlias = type[msgspec.Struct]

Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]

Method: TypeAlias = Literal["get", "post", "put", "delete"]


_OF_PATH: Final = (
    named("run_id", "The name of the run."),
    named("graph_id", "The name of the graph."),
    named("tool", "The name of the tool."),
    named("template", "The name of the template."),
    named("sha256", "The SHA-256 of its JSON, in hex, as `blobs` of an entry has it."),
)

BODY_PROBLEMS: Final = ("400", "413", "415", "500", "503")
"""The statuses of what can be wrong with every request that has a body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked."""

    path: str
    name: str
    summary: str
    endpoint: Endpoint
    """What answers."""
    answers: Mapping[str, tuple[Kind | None, str]]
    """By status: what the body is, and when. None: what `media` says, or an object that is
    described elsewhere, or nothing at all (204)."""
    method: Method = "get"
    body: Kind | None = None
    """What is posted; None: an object that is described elsewhere."""
    example: Mapping[str, Json] | None = None
    """A body as it may be sent."""
    any_value: bool = False
    """The answer may be any JSON, not only an object."""
    media: str = "application/json"
    """What the answer is written in, if all goes well."""
    parameters: tuple[Parameter[object], ...] = ()
    """What it may be asked with beside the body: read before it, and nothing else is let in."""
    problems: tuple[str, ...] = ()
    makes: bool = False
    """Makes something, and so takes an `Idempotency-Key`."""
    located: bool = False
    """The answer says where the run is."""

    @property
    def has_body(self) -> bool:
        """Whether something is sent with it."""
        return self.method in ("post", "put")

    @property
    def body_required(self) -> bool:
        """Whether the body may not be left out."""
        return self.body is None or any(f.required for f in msgspec.structs.fields(self.body))

    @property
    def all_parameters(self) -> tuple[Parameter[object], ...]:
        """Those of the path and the headers among them."""
        of_path = (each for each in _OF_PATH if f"{{{each.name}}}" in self.path)
        return (*of_path, *self.parameters, *((KEY,) if self.makes else ()))
