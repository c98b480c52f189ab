"""The results of one node that need not be worked out again, nor by two at a time.

This module knows under which key a result is kept, in what form, and who waits for whom. It
does not know where it is kept (`cache`), nor how it comes about (`call`).

Rule: only results are shared. Whoever waited for a call that failed makes one of his own.
"""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from engine.errors import InvalidValue
from engine.ids import Json  # noqa: TC001  # msgspec reads annotations at run time
from engine.outcome import Outcome
from engine.value import admit, canonical

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from engine.graph.parts import CachePolicy, Node
    from engine.ids import RunId
    from engine.results import Results

log: Final = logging.getLogger(__name__)

_FORM: Final = 1
"""The form in which results are kept; another one is another key."""


_MAX_DEPTH: Final = 256
"""More than any graph allows for a patch: the door decides about that."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A result as it is kept."""

    patch: dict[str, Json]
    overwrites: tuple[str, ...]
    goto: tuple[str, ...] | None


_decode: Final = msgspec.json.Decoder(_Kept).decode


class Memo:
    """Keeps what a node's tool returned.

    Args:
        tool: The name of the tool.
        version: Which version of it, if it was declared; else 0.
        node: Whose results they are.
        graph: The name of its graph.
        policy: What the node says about them.
        results: Where they are kept.
    """

    def __init__(  # noqa: PLR0913  # what decides about a result, each by name
        self,
        *,
        tool: str,
        version: int,
        node: Node,
        graph: str,
        policy: CachePolicy,
        results: Results,
    ) -> None:
        self._results = results
        self._policy = policy
        self._prefix = f"{tool}/"
        self.of_a_run: bool = policy.scope == "run"
        """Whether a run shares its results with no other."""
        # What decides about a result beside the arguments. A key of the author's own says which
        # calls are alike, but of this node: another may take other things from the state.
        facts: list[Json] = [
            _FORM,
            tool,
            version,
            dict(node.args),
            {name: each.text for name, each in node.inputs.items()},
            node.output,
            dict(node.outputs),
            None if policy.key is None else [node.name, policy.key.text],
        ]
        if policy.scope == "graph":
            facts.append([graph])
        self._facts = canonical(facts)

    def key(
        self, arguments: Mapping[str, Json], state: Mapping[str, Json], run_id: RunId | None
    ) -> str:
        """Give the key of a call, in a run if that shares its results with no other.

        Raises:
            ConditionFailed: The node's `key` can't be worked out for this state.
        """
        asked = self._policy.key
        alike: Json = dict(arguments) if asked is None else asked.value(state)
        facts = self._facts if run_id is None else self._facts + canonical(run_id)
        return self._prefix + sha256(facts + canonical(alike)).hexdigest()

    async def result(self, key: str, make: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Give what is kept under a key; else make it, unless that is being done already.

        Args:
            key: Which call it is.
            make: Makes the call, and gives an error as an outcome. It goes on, in a task of
                its own, as long as anybody waits for it: be it that who asked first has left.
        """
        found = await self._results.get(key)
        if found is not None and (outcome := self._read(key, found)) is not None:
            return outcome
        flown = await self._results.flights.join(key, lambda: self._fly(key, make))
        if flown is not None:
            (outcome, kept), own = flown
            if own:
                return outcome
            if kept is not None and (shared := self._read(key, kept)) is not None:
                return shared
        outcome, _ = await self._make(key, make)
        return outcome

    async def _fly(
        self, key: str, make: Callable[[], Awaitable[Outcome]]
    ) -> tuple[Outcome, bytes | None]:
        """Make a call when no other process is at it; give what comes of it, and as it is kept."""
        turn = await self._results.turn(key)
        try:
            if turn is not None and turn.found is not None:
                outcome = self._read(key, turn.found)
                if outcome is not None:
                    return outcome, turn.found
            return await self._make(key, make)
        finally:
            if turn is not None:
                await self._results.end(turn, key)

    async def _make(
        self, key: str, make: Callable[[], Awaitable[Outcome]]
    ) -> tuple[Outcome, bytes | None]:
        outcome = await make()
        kept = self._written(outcome)
        if kept is not None:
            await self._results.set(key, kept, self._policy.ttl)
        return outcome, kept

    def _read(self, key: str, found: bytes) -> Outcome | None:
        """Read a result; None if it is none, as others may write to a cache, too."""
        try:
            kept = _decode(found)
        except (msgspec.DecodeError, TypeError) as error:
            log.warning("the cache gave for '%s' what was never kept there: %s", key, error)
            return None
        return Outcome(dict(kept.patch), kept.overwrites, kept.goto, cached=True)

    def _written(self, outcome: Outcome) -> bytes | None:
        """Write a result, if there is one and it is JSON."""
        if outcome.patch is None:
            return None
        result = (outcome.patch, outcome.overwrites, outcome.goto)
        try:
            return canonical(admit(result, what="the result", max_depth=_MAX_DEPTH))
        except InvalidValue:  # the run will be told at the door
            return None
