"""The results of one node that need not be worked out again.

This module knows under which key a result is kept, and in what form. It does not know where
(`cache`), nor how a result comes about (`call`).

Rule: a cache never fails a run. What goes wrong with it is logged, and the tool is called.
"""

from __future__ import annotations

import asyncio
import logging
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from engine.errors import InvalidValue
from engine.ids import Json  # noqa: TC001  # msgspec reads annotations at run time
from engine.outcome import Outcome
from engine.value import admit, canonical

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from typing import TypeVar

    from engine.cache import Cache
    from engine.graph.parts import CachePolicy, Node

    T = TypeVar("T")

log: Final = logging.getLogger(__name__)

PATIENCE: Final = 2.0
"""Seconds that a cache may take; one that takes longer saves nothing, or is stuck."""

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
        policy: What the node says about them.
        cache: Where they are kept.
    """

    def __init__(
        self, tool: str, version: int, node: Node, policy: CachePolicy, cache: Cache
    ) -> None:
        self._cache = cache
        self._policy = policy
        self._prefix = f"{tool}/"
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
        self._facts = canonical(facts)

    def key(self, arguments: Mapping[str, Json], state: Mapping[str, Json]) -> str:
        """Give the key of a call.

        Raises:
            ConditionFailed: The node's `key` can't be worked out for this state.
        """
        asked = self._policy.key
        alike: Json = dict(arguments) if asked is None else asked.value(state)
        return self._prefix + sha256(self._facts + canonical(alike)).hexdigest()

    async def find(self, key: str) -> Outcome | None:
        """Give what is kept under a key; None if nothing is, or the cache is out of order."""
        found = await self._asked(self._cache.get(key), "read")
        if found is None:
            return None
        try:
            kept = _decode(found)
        except (msgspec.DecodeError, TypeError) as error:
            log.warning("the cache gave for '%s' what was never kept there: %s", key, error)
            return None
        return Outcome(dict(kept.patch), kept.overwrites, kept.goto, cached=True)

    async def keep(self, key: str, outcome: Outcome) -> None:
        """Keep a result, if there is one and it is JSON."""
        if outcome.patch is None:
            return
        result = (outcome.patch, outcome.overwrites, outcome.goto)
        try:
            kept = admit(result, what="the result", max_depth=_MAX_DEPTH)
        except InvalidValue:  # the run will be told at the door
            return
        await self._asked(self._cache.set(key, canonical(kept), self._policy.ttl), "written")

    async def _asked(self, asked: Awaitable[T], what: str) -> T | None:
        """Wait for the cache, but not for long, and put up with whatever it does."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await asked
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            self._complain(error, what)
        except Exception as error:  # noqa: BLE001  # caches are written by others
            self._complain(error, what)
        return None

    def _complain(self, error: BaseException, what: str) -> None:
        log.warning(
            "the cache can't be %s, results of '%s' are worked out again: %s: %s",
            what,
            self._prefix[:-1],
            type(error).__name__,
            error,
        )
