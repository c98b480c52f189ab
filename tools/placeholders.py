"""Texts with placeholders: `Dear {name}, ...`, a literal brace being written twice.

This module knows how such a text is taken apart and put together. It does not know what the
text is for: whoever uses one says how values are written into it. No placeholder is ever more
than a name, so that no text can do anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine import Json, Problems

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?")

_PART: Final = re.compile(r"(?P<literal>[^{}]+|\{\{|\}\})|\{(?P<name>[^{}]*)\}|(?P<stray>[{}])")

_CURE: Final = "a literal brace is written twice: {{ or }}"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A place in a text where a value goes."""

    name: str


Part: TypeAlias = "str | Placeholder"


@dataclass(frozen=True, slots=True)
class Text:
    """A text that was taken apart. Made by `Text.read`."""

    parts: tuple[Part, ...]

    @classmethod
    def read(cls, text: str, at: tuple[str | int, ...], problems: Problems) -> Text:
        """Take a text apart; report every brace in it that is neither literal nor a place.

        Args:
            text: As it was written.
            at: Where it stands in its document.
            problems: Told what is wrong with it.
        """
        parts: list[Part] = []
        for found in _PART.finditer(text):
            name, stray = found["name"], found["stray"]
            where = f"at character {found.start() + 1}"
            if stray is not None:
                problems.add("BAD_TEMPLATE", at, f"the '{stray}' {where} has no partner", _CURE)
            elif name is None:
                literal = found["literal"].replace("{{", "{").replace("}}", "}")
                if parts and isinstance(parts[-1], str):
                    parts[-1] += literal
                else:
                    parts.append(literal)
            elif NAME.fullmatch(name):
                parts.append(Placeholder(name))
            else:
                message = f"'{{{name[:40]}}}' {where} holds no name"
                problems.add("BAD_TEMPLATE", at, message, f"as in {{city}}; {_CURE}")
        return cls(tuple(parts))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its placeholders, in order, each once."""
        named = (part.name for part in self.parts if isinstance(part, Placeholder))
        return tuple(dict.fromkeys(named))

    @property
    def only(self) -> str | None:
        """The name of the placeholder that it is, if it is nothing else."""
        match self.parts:
            case (Placeholder(name=name),):
                return name
            case _:
                return None

    def filled(self, write: Callable[[str], str]) -> str:
        """Put the text together.

        Args:
            write: Gives what is written in the place of a name.
        """
        return "".join(part if isinstance(part, str) else write(part.name) for part in self.parts)


def check_names(
    names: Iterable[str],
    at: tuple[str | int, ...],
    parameters: Mapping[str, bool] | None,
    problems: Problems,
    *,
    optional: bool = False,
) -> None:
    """See that the placeholders of a text are parameters, which are always there.

    Args:
        names: Of the placeholders of a text.
        at: Where the text stands in its document.
        parameters: By name, whether it is always there; None: that is not known.
        problems: Told what is wrong.
        optional: Whether one that may be missing will do.
    """
    if parameters is None:
        return
    for name in names:
        if name not in parameters:
            problems.unknown("parameter", name, parameters, at)
        elif not (parameters[name] or optional):
            problems.add(
                "OPTIONAL_PARAMETER",
                at,
                f"'{name}' may be missing, and then nothing could be written here",
                f"list '{name}' under input.required, or give it a default",
            )


def written(value: Json) -> str:
    """Write a value into a text: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
