"""Kinds of declared tools: the protocol, and which are installed.

This module knows what the engine asks of a kind. It knows no kind; `awe.tool_kinds` is the
group of entry points by which installed packages offer theirs.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar, cast

import msgspec

from engine.tool import InvalidTool

if TYPE_CHECKING:
    from collections.abc import Callable

    from engine.declaration.declaration import Declaration
    from engine.declaration.problems import Problems
    from engine.declaration.tool import DeclaredTool

GROUP: Final = "awe.tool_kinds"
"""The group of entry points by which installed packages offer kinds of tools."""

Fields = TypeVar("Fields", bound=msgspec.Struct)


class ToolKind(Protocol[Fields]):
    """Makes tools of the declarations of one kind."""

    @property
    def name(self) -> str:
        """What declarations of it have as their `kind`."""
        ...

    @property
    def fields(self) -> type[Fields]:
        """The fields of its declarations, beside those that all have.

        They are checked by this struct, and described by it.
        """
        ...

    def make(
        self, declaration: Declaration, fields: Fields, problems: Problems
    ) -> DeclaredTool | None:
        """Make the tool that is declared, and call nothing: declaring runs nothing.

        Args:
            declaration: What it says as all declarations do.
            fields: What it says as those of this kind do. A field that is not as it must be
                is reported already, and has its default here.
            problems: Told everything that is wrong. If anything is, what is made is dropped.
        """
        ...


# There is no way without Any to say "whatever its fields are"; it is said here, once.
AnyToolKind: TypeAlias = ToolKind[Any]  # type: ignore[explicit-any]  # as said above
"""A kind, whatever its fields are."""


def installed_tool_kinds() -> list[AnyToolKind]:
    """Find the kinds that installed packages offer by entry points of `awe.tool_kinds`.

    An entry point names a function or class that makes a kind of no arguments. Finding them
    imports their modules, and makes the kinds.

    Raises:
        InvalidTool: An entry point can't be loaded, or makes no kind; it is named.
    """
    found: list[AnyToolKind] = []
    for point in sorted(entry_points(group=GROUP)):
        try:
            make = cast("Callable[[], object]", point.load())
            found.append(checked(make()))
        except Exception as error:
            raise InvalidTool(
                f"the entry point '{point.name} = {point.value}' of the group '{GROUP}' "
                f"gives no kind of tools: {type(error).__name__}: {error}",
                hint="mend what it says, or remove the package that declares it",
            ) from error
    return found


def checked(kind: object) -> AnyToolKind:
    """See that something is a kind, as far as that can be seen.

    Raises:
        InvalidTool: It is none.
    """
    fields = getattr(kind, "fields", None)
    struct = isinstance(fields, type) and issubclass(fields, msgspec.Struct)
    if not (struct and isinstance(getattr(kind, "name", None), str) and hasattr(kind, "make")):
        raise InvalidTool(
            f"expected a kind of tools, but got {kind!r}",
            hint="Engine(tool_kinds=installed_tool_kinds())",
        )
    return cast("AnyToolKind", kind)
