"""What an `http` declaration says, beside what all declarations do.

This module knows the fields and their limits, and nothing of what follows from them.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from engine import Json  # noqa: TC001  # msgspec reads annotations at run time

MAX_TIMEOUT: Final = 300
"""Seconds."""

MAX_BYTES: Final = 16 * 1024 * 1024

MAX_REDIRECTS: Final = 5


class HttpFields(msgspec.Struct, frozen=True):
    """The request that is sent, and what is taken of its answer."""

    url: Annotated[
        str,
        Meta(
            description="https://host/path, with {placeholders} behind the host, where arguments "
            "go in, encoded; or a single {placeholder}, an argument that is the whole URL.",
        ),
    ]
    method: Annotated[
        Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        Meta(description="All but GET and HEAD are sent with an Idempotency-Key."),
    ] = "GET"
    headers: Annotated[
        dict[str, str],
        Meta(description="By name: a text with {placeholders}, {secret.NAME} among them."),
    ] = {}
    query: Annotated[
        dict[str, str | int | float | bool],
        Meta(
            description="By name: a value, or a text with {placeholders}. A list gives its name "
            "several times; an argument that is null or was not given leaves it out.",
        ),
    ] = {}
    json: Annotated[
        Json | UnsetType,
        Meta(
            description="The body: any JSON, whose strings may have {placeholders}. One that is "
            "nothing but a placeholder becomes the argument itself, whatever its type.",
        ),
    ] = UNSET
    timeout: Annotated[float, Meta(gt=0, le=MAX_TIMEOUT, description="Seconds for all of it.")] = 30
    max_bytes: Annotated[
        int, Meta(ge=1, le=MAX_BYTES, description="What the answer may have, unpacked.")
    ] = 1024 * 1024
    redirects: Annotated[
        int, Meta(ge=0, le=MAX_REDIRECTS, description="How many are followed.")
    ] = MAX_REDIRECTS
    expect: Annotated[
        tuple[Annotated[int, Meta(ge=200, le=599)], ...],
        Meta(description="Statuses that are no error; if left out, 200 to 299."),
    ] = ()
    answer: Annotated[
        Literal["json", "text"] | None,
        Meta(description="How the answer is read; if left out, as its Content-Type says."),
    ] = None
    output: Annotated[
        dict[str, str],
        Meta(
            description="By key that is written: CEL over `status`, `headers` and `body`; if left "
            "out, status and body are written.",
        ),
    ] = field(default_factory=lambda: {"status": "status", "body": "body"})
