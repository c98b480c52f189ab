"""The tools of an engine: those that were written, and those that were declared.

This module knows the versions of declared tools, and how they are put into a store and taken
out again. It does not know what a declaration means (`declaration`), nor who calls tools.

Rules:

- Registering runs nothing.
- A version never changes, and never goes away: runs that began with it call it, whatever has
  been registered or removed since. Removing is a version, too: the one that is none.
- What a Python program brings along is never replaced by a declaration, nor removed.
- What the store was asked to keep is noted once it is kept, even if whoever asked is gone.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from engine.declaration import DeclaredTool, InvalidDeclaration, read, tried
from engine.declaration.kind import checked
from engine.errors import NotApplicable, NotFound
from engine.host import EngineClosed
from engine.ids import Json  # noqa: TC001  # msgspec reads annotations at run time
from engine.tool import InvalidTool, Tools
from engine.value import canonical

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from engine.declaration import AnyToolKind, Trial
    from engine.graph import Graph
    from engine.store import Store
    from engine.tool import AnyTool, ToolSource

log: Final = logging.getLogger(__name__)

_NO_PINS: Final[dict[str, int]] = {}


class _Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """A version as it stands in a store."""

    document: dict[str, Json] | None
    """None: it was removed."""
    after: int = 0
    """The version before it. A store gives the same number to the same bytes: with this, to
    declare again what was there before the last version makes a new one."""


@dataclass(slots=True)
class _Versions:
    """All versions of one name."""

    kept: dict[int, _Kept] = field(default_factory=dict[int, _Kept])
    made: dict[int, DeclaredTool | None] = field(default_factory=dict[int, "DeclaredTool | None"])
    """Those that were asked for; None: nothing can be made of it here."""

    @property
    def newest(self) -> int:
        return max(self.kept)


@dataclass(frozen=True, slots=True)
class Registered:
    """A tool that was registered."""

    tool: DeclaredTool
    new: bool
    """Whether this version was not there before."""


class Registry(Tools):
    """The tools there are, by name; a declared one in its newest version.

    Args:
        sources: Functions, tools, or modules of tools.
        kinds: The kinds of tools that may be declared.
        store: Where declarations are kept.

    Raises:
        InvalidTool: A function can't be a tool, something is no kind, or two have one name.
    """

    def __init__(
        self, sources: Iterable[ToolSource], *, kinds: Iterable[AnyToolKind], store: Store
    ) -> None:
        super().__init__(sources)
        self._kinds: dict[str, AnyToolKind] = {}
        for kind in map(checked, kinds):
            if self._kinds.setdefault(kind.name, kind) is not kind:
                raise InvalidTool(
                    f"two kinds of tools are named '{kind.name}': "
                    f"{self._kinds[kind.name]!r} and {kind!r}",
                    hint="leave one of them out: Engine(tool_kinds=[...])",
                )
        self._store = store
        self._declared: dict[str, _Versions] = {}
        self._lock = asyncio.Lock()
        self._keeping: asyncio.Task[int] | None = None
        """What was last handed to the store, and is perhaps under way still."""
        self._at_work = False

    async def load(self) -> None:
        """Take note of the declared tools in the store. Calls none of them."""
        for document in await self._store.documents("tool"):
            versions = self._declared.setdefault(document.name, _Versions())
            versions.kept[document.number] = msgspec.json.decode(document.data, type=_Kept)
        for name, versions in self._declared.items():
            if versions.kept[versions.newest].document is None:
                continue
            if name in self:
                log.warning("the declared tool '%s' is not used: a Python tool has its name", name)
            elif tool := self._version(name, versions.newest):
                self._tools[name] = tool
        self._at_work = True

    # -- what is asked of it --------------------------------------------------------------

    async def register(self, document: Mapping[str, object], *, again: bool = False) -> Registered:
        """Keep a declaration; new runs call the tool from now on, those under way do not.

        What is the newest version already stays that version.

        Args:
            document: What declares the tool.
            again: It was perhaps registered before, by the same request: if any version says
                the same, nothing is done, even if another has been registered since.

        Raises:
            InvalidDeclaration: The document declares no tool, or one whose name a Python tool
                has; everything that is wrong is told.
            EngineClosed: The engine is not running.
            asyncio.CancelledError: The caller was cancelled. If the store had been asked to
                keep the declaration, the tool is registered as soon as it has.
        """
        self._must_work()
        async with self._lock:
            await self._settled()
            tool = read(document, self._kinds, taken=self._written())
            if known := self._known(tool, again=again):
                return Registered(known, new=False)
            newest = max(self._declared[tool.name].kept) if tool.name in self._declared else 0
            kept = _Kept(dict(tool.declaration.document), newest)
            await self._keep(tool.name, kept, tool)
            return Registered(tool, new=True)

    async def remove(self, name: str) -> DeclaredTool:
        """Take a declared tool from the list, and give it; runs that began with it call it still.

        Raises:
            NotFound: There is no such tool.
            NotApplicable: It is no declared one.
            EngineClosed: The engine is not running.
            asyncio.CancelledError: The caller was cancelled. If the store had been asked to
                keep the removal, the tool is removed as soon as it has.
        """
        self._must_work()
        async with self._lock:
            await self._settled()
            tool = self.declared(name)
            await self._keep(name, _Kept(None, tool.version), None)
            return tool

    def declared(self, name: str, version: int | None = None) -> DeclaredTool:
        """Give a declared tool, in its newest version unless one is named.

        Raises:
            NotFound: There is no such tool, or no such version of it.
            NotApplicable: It is no declared one.
        """
        if version is not None and name in self._declared:
            if tool := self._version(name, version):
                return tool
            there = ", ".join(map(str, self.versions(name)))
            raise NotFound(
                f"tool '{name}' has no version {version}",
                code="TOOL_NOT_FOUND",
                hint=f"it has {there}" if there else "it has none that can be used here",
                details={"tool": name, "version": version},
            )
        found: AnyTool = self[name]
        if not isinstance(found, DeclaredTool):
            raise NotApplicable(
                f"'{name}' is a Python function, not a declared tool: it has no versions, and can "
                "be neither removed nor tried by itself",
                code="NOT_DECLARED",
                hint=f'a graph calls it: {{"name": "try-{name}", "nodes": ["{name}"]}}',
                details={"tool": name},
            )
        return found

    def versions(self, name: str) -> list[int]:
        """Give the versions of a declared tool, the oldest first; none of any other."""
        versions = self._declared.get(name)
        if versions is None:
            return []
        return sorted(n for n, kept in versions.kept.items() if kept.document is not None)

    async def attempt(
        self,
        name: str,
        arguments: Mapping[str, Json],
        *,
        timeout: float,  # noqa: ASYNC109  # it is told as an outcome
    ) -> Trial:
        """Call a declared tool once, outside any run. Nothing of it is kept.

        Args:
            name: The tool.
            arguments: What it is given, by parameter.
            timeout: Seconds after which it is given up.

        Returns:
            What would have come of it in a run: what it writes, or its error.

        Raises:
            NotFound: There is no such tool.
            NotApplicable: It is no declared one.
            InvalidValue: It has no such parameter.
        """
        return await tried(self.declared(name), arguments, timeout=timeout)

    # -- what runs are bound to -----------------------------------------------------------

    def pins(self, graph: Graph) -> dict[str, int]:
        """Give the versions of the declared tools that a graph names, as they are now.

        A run that begins now is bound to them.
        """
        if not self._declared:
            return _NO_PINS
        named = {node.tool: self._tools.get(node.tool) for node in graph.nodes.values()}
        return {n: tool.version for n, tool in named.items() if isinstance(tool, DeclaredTool)}

    def pinned(self, name: str, version: int | None) -> AnyTool | None:
        """Give the tool that a run is bound to; None if it is not here.

        Args:
            name: The name of the tool.
            version: What the run is bound to; None: to nothing, so that it calls whatever has
                that name now.
        """
        return self._tools.get(name) if version is None else self._version(name, version)

    @property
    def ever(self) -> Container[str]:
        """The names of tools that are here, and of declared ones that were."""
        return _Ever(self._tools, self._declared)

    # -- how ------------------------------------------------------------------------------

    def _written(self) -> frozenset[str]:
        return frozenset(n for n, tool in self._tools.items() if not isinstance(tool, DeclaredTool))

    def _known(self, tool: DeclaredTool, *, again: bool) -> DeclaredTool | None:
        """Find what says the same: the version that stands, or, once more, any."""
        stands = self._tools.get(tool.name)
        said = canonical(dict(tool.declaration.document))
        for number in reversed(self.versions(tool.name)):
            document = self._declared[tool.name].kept[number].document
            if (again or (stands is not None and stands.version == number)) and (
                canonical(document) == said
            ):
                return self._version(tool.name, number)
        return None

    async def _settled(self) -> None:
        """Wait until what somebody has begun to keep, who was cancelled since, is noted."""
        if self._keeping is not None and not self._keeping.done():
            await asyncio.wait([self._keeping])

    async def _keep(self, name: str, kept: _Kept, tool: DeclaredTool | None) -> None:
        """Keep a version, and note it: both, or neither, whatever becomes of the caller."""
        keeping = self._kept_and_noted(name, kept, tool)
        self._keeping = asyncio.create_task(keeping)  # noqa: TID251  # it outlives who asked
        self._keeping.add_done_callback(_heard)
        await asyncio.shield(self._keeping)

    async def _kept_and_noted(self, name: str, kept: _Kept, tool: DeclaredTool | None) -> int:
        number = await self._store.put("tool", name, msgspec.json.encode(kept))
        versions = self._declared.setdefault(name, _Versions())
        versions.kept[number] = kept
        if tool is None:
            self._tools.pop(name, None)
            return number
        tool.version = number
        versions.made[number] = tool
        if name not in self._written():  # nobody wrote one in the meantime
            self._tools[name] = tool
        return number

    def _version(self, name: str, number: int) -> DeclaredTool | None:
        """Give a version, made of what the store has of it when it is first asked for."""
        versions = self._declared.get(name)
        kept = None if versions is None else versions.kept.get(number)
        if versions is None or kept is None or kept.document is None:
            return None
        if number not in versions.made:
            try:
                tool = read(kept.document, self._kinds)
            except InvalidDeclaration as error:
                # Its kind may come back, with a package that is not installed just now.
                log.warning("version %d of tool '%s' can't be used: %s", number, name, error)
                versions.made[number] = None
            else:
                tool.version = number
                versions.made[number] = tool
        return versions.made[number]

    def _must_work(self) -> None:
        if not self._at_work:
            raise EngineClosed


def _heard(keeping: asyncio.Task[int]) -> None:
    """Ask why a version was not kept: if whoever wanted it is gone, nobody else will."""
    if not keeping.cancelled():
        keeping.exception()


@dataclass(frozen=True, slots=True)
class _Ever:
    """The names of tools that are here, and of declared ones that were."""

    now: Mapping[str, object]
    ever: Mapping[str, object]

    def __contains__(self, name: object) -> bool:
        return name in self.now or name in self.ever
