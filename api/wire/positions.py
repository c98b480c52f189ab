"""Numbers and names that several requests take, and what they may be."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

Position: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
"""The seq of an entry, or the name of an activation, as a client gives it."""

_Amount: TypeAlias = Annotated[int, Meta(ge=-(2**53), le=2**53)]

LimitValues: TypeAlias = dict[str, _Amount | float | None]
"""Limits by name, and the values they are to have; null: none (of `deadline` only)."""

NewRunName: TypeAlias = Annotated[
    str,
    Meta(extra_json_schema={"pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$", "maxLength": 128}),
]
"""The name of a run that a client chooses; the engine says what is wrong with one."""
