"""Reviews of files: the graph `code-review`, run on each of them in an engine of this process.

This module knows what the graph is told and what it writes (docs/code-review.md). It does not
know how reviews are shown, nor what becomes of the code.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import msgspec

import engine  # its entries by their module's name: `engine.entry`
from api.commands import project
from api.commands.embedded import engine_here
from api.commands.screen import whole
from engine import EngineError, Json  # msgspec reads annotations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from api.commands.sources import Source
    from engine import Engine, GraphVersion, RunHandle

AT_ONCE: Final = 4 * 1024 * 1024
"""Bytes of code that one engine reviews: it keeps the log of each run, of several times that."""


class Complexity(msgspec.Struct, frozen=True):
    """How complex one function is."""

    name: str
    line: int
    complexity: int


class Suggestion(msgspec.Struct, frozen=True):
    """What a person or another round can do, as far as it is shown."""

    rank: int
    what: str
    gain: float
    """What the score would gain, of 10."""
    lines: tuple[int, ...]


class _Metrics(msgspec.Struct, frozen=True):
    worst: tuple[Complexity, ...]


class _Issues(msgspec.Struct, frozen=True):
    by_kind: dict[str, int]


class _Before(msgspec.Struct, frozen=True):
    quality_score: float
    findings: dict[str, int]


class _Round(msgspec.Struct, frozen=True):
    accepted: str | None


class _Written(msgspec.Struct, frozen=True):
    """What the graph writes, as far as it is shown."""

    code: str
    quality_score: float
    before: _Before
    stop_reason: str
    report: str
    metrics: _Metrics
    issues: _Issues
    rounds: tuple[_Round, ...] = ()
    findings: list[Json] = []
    suggestions: list[Json] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What was found in a file, and its code after the last round."""

    path: Path
    stop_reason: str
    """Of the graph; `failed`: its run did not get that far."""
    source: Source | None = None
    """None: it could not be read."""
    code: str = ""
    says: str = ""
    """For what is not Python, or what failed: why."""
    before: float = 0.0
    after: float = 0.0
    """The score, from 0 to 10."""
    worst: tuple[Complexity, ...] = ()
    """The most complex functions."""
    kinds: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """How many findings there are of each kind, before and after."""
    rounds: tuple[str, ...] = ()
    """What each round did; rounds that did nothing are left out."""
    findings: list[Json] = field(default_factory=list["Json"])
    suggestions: list[Json] = field(default_factory=list["Json"])

    @property
    def advice(self) -> list[Suggestion]:
        """The suggestions as they are shown, the most useful first."""
        found = msgspec.convert(self.suggestions, list[Suggestion])
        return sorted(found, key=lambda each: each.rank)

    @property
    def is_changed(self) -> bool:
        """Whether the code can be made better."""
        return self.source is not None and bool(self.code) and self.code != self.source.code


@dataclass(slots=True)
class Step:
    """How far the review of a file is."""

    node: str = ""
    round: int = 0
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a review is told."""

    threshold: float
    max_rounds: int
    jobs: int
    """Files at once."""


class Reviewing:
    """Reviews files, some at once.

    Attributes:
        steps: How far the reviews are that go on, by file.
        done: How many reviews are done.

    Args:
        document: The graph.
        wish: What each review is told.
        take: Given each review, in the order of the files, as soon as it and those before it
            are done.
    """

    def __init__(
        self, document: Mapping[str, object], wish: Wish, take: Callable[[Review], None]
    ) -> None:
        self.steps: dict[Path, Step] = {}
        self.done = 0
        self._document = document
        self._wish = wish
        self._take = take

    async def all(self, sources: Iterable[Source]) -> None:
        """Review files.

        Raises:
            EngineError: The graph, or a tool of it, is not there.
        """
        for together in _together(sources):
            async with engine_here() as host:
                graph = await host.create(self._document)
                places = asyncio.Semaphore(self._wish.jobs)
                try:
                    async with asyncio.TaskGroup() as group:
                        reviews = [
                            group.create_task(self._one(host, graph, each, places))
                            for each in together
                        ]
                        for review in reviews:
                            self._take(await review)
                except ExceptionGroup as errors:
                    raise errors.exceptions[0] from None

    async def _one(
        self, host: Engine, graph: GraphVersion, source: Source, places: asyncio.Semaphore
    ) -> Review:
        async with places:
            try:
                return await self._reviewed(host, graph, source)
            except EngineError as error:  # a file may be larger than a state
                return Review(path=source.path, stop_reason="failed", says=error.message)
            finally:
                self.steps.pop(source.path, None)
                self.done += 1

    async def _reviewed(self, host: Engine, graph: GraphVersion, source: Source) -> Review:
        state: dict[str, Json] = {
            "code": source.code,
            "path": whole(str(source.path)),
            "threshold": self._wish.threshold,
            "max_rounds": self._wish.max_rounds,
            **project.settings_of(source.path),
        }
        run = await host.start(graph, state)
        await self._follow(run, source.path)
        snapshot = await run.snapshot()
        if snapshot.status == "completed":
            return _review(source, snapshot.state)
        why = snapshot.error
        says = snapshot.status if why is None else f"{why.code}: {why.message}"
        return Review(path=source.path, stop_reason="failed", says=says)

    async def _follow(self, run: RunHandle, path: Path) -> None:
        """Take note of how far a review is, until it ends."""
        step = self.steps[path] = Step()
        async with aclosing(run.tail()) as entries:
            async for each in entries:
                match each:
                    case engine.entry.NodeStarted(node=node):
                        step.node = node
                    case engine.entry.NodeCompleted(patch=patch):
                        step.score = cast("float", patch.get("quality_score", step.score))
                        step.round = cast("int", patch.get("round", step.round))
                    case engine.entry.RunPaused():
                        return
                    case _:
                        pass


def unreadable(path: Path, why: str) -> Review:
    """Give the review of a file that is not even text of Python."""
    return Review(path=path, stop_reason="not_python", says=why)


def _review(source: Source, state: Mapping[str, Json]) -> Review:
    """Take what is shown out of what the graph wrote."""
    written = msgspec.convert(state, _Written)
    was, now = written.before.findings, written.issues.by_kind
    return Review(
        path=source.path,
        stop_reason=written.stop_reason,
        source=source,
        code=written.code,
        says=written.report.partition("\n")[2] if written.stop_reason == "not_python" else "",
        before=written.before.quality_score,
        after=written.quality_score,
        worst=written.metrics.worst,
        kinds={kind: (was.get(kind, 0), count) for kind, count in now.items()},
        rounds=tuple(each.accepted for each in written.rounds if each.accepted is not None),
        findings=written.findings,
        suggestions=written.suggestions,
    )


def _together(sources: Iterable[Source]) -> Iterator[list[Source]]:
    """Put files together that one engine reviews."""
    size = 0
    together: list[Source] = []
    for each in sources:
        if together and size + len(each.data) > AT_ONCE:
            yield together
            size, together = 0, []
        size += len(each.data)
        together.append(each)
    if together:
        yield together
