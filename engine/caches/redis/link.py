"""The connections to one Redis, which may be gone, frozen, full or something else altogether.

This module knows how long it is waited for, and when it is left alone. It does not know what
it is asked (`cache`, `lease`).

A breaker keeps a Redis that is gone from costing anything: the first call that gets no answer
opens it, calls then fail at once, and after a pause one of them is let through to try. What is
said about that is said once, and once more when it is back.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from engine.cache import CacheUnavailable
from engine.errors import EngineError, InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import ConnectionPool

log: Final = logging.getLogger(__name__)

CONNECTIONS: Final = 16
"""Of one process: a call takes 0.1 ms, so each serves some 10,000 a second."""

_LATE: Final = 0.1
"""Seconds: a deadline that is noticed so much too late says that this process was held up, and
nothing of Redis."""

REFUSED: Final = "CACHE_REFUSED"
"""The code of the error where it answered: no."""

_SCHEMES: Final = ("redis", "rediss", "unix")

_OPTIONS: Final = re.compile(r"ssl_\w+|client_name|db")
"""Options of an address; others of redis-py would undo what is settled here."""

_SAY_AGAIN: Final = 60.0
"""Seconds for which it is not said again that a command is refused."""


class _Client(Protocol):
    """What is used of the client of redis-py; its own types leave the answers open."""

    async def execute_command(self, *words: str | bytes | int) -> object: ...

    async def aclose(self) -> None: ...


class _Pool(Protocol):
    """What is used of a pool, as above."""

    def make_connection(self) -> object: ...


class _Pools(Protocol):
    """What is used of a class of pools, as above."""

    def from_url(self, url: str, **options: object) -> ConnectionPool: ...


class Link:
    """Asks one Redis, as long as it answers.

    Args:
        url: Its address, as redis-py reads it.
        deadline: Seconds that one call may take, connecting included.
        pause: Seconds for which it is left alone when it did not answer.

    Raises:
        EngineError: redis-py is not installed (`REDIS_MISSING`).
        InvalidValue: The address is none.
    """

    def __init__(self, url: str, *, deadline: float, pause: float) -> None:
        self._connect = _connector(url)
        self.place: str = place_of(url)
        """Where it is: the address without name, password and options."""
        self._deadline = deadline
        self._pause = pause
        self._client: _Client | None = None
        self._gone_until: float | None = None
        """The loop's time from when on it may be tried again; None: it answers."""
        self._trying = False
        self._refused: dict[object, float] = {}
        """The loop's time from when on it is said again that a command is refused."""

    @property
    def is_gone(self) -> bool:
        """Whether it did not answer when it was last asked."""
        return self._gone_until is not None

    async def ask(self, *words: str | bytes | int) -> object:
        """Send one command; give the answer.

        Raises:
            CacheUnavailable: It did not answer in time, is left alone, or refused. That was
                logged, where it is news.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        trial = self._gone_until is not None
        if trial:
            if self._trying or began < (self._gone_until or 0.0):
                raise CacheUnavailable(f"Redis at {self.place} does not answer")
            self._trying = True
        try:
            answer = await self.insist(*words)
        except CacheUnavailable as error:
            if error.code == REFUSED:
                self._is_there()
                self._complain(words[0], loop.time(), error.message)
            elif trial or loop.time() < began + self._deadline + _LATE:
                self._is_gone(loop.time(), error.message)
            raise
        finally:
            if trial:
                self._trying = False
        self._is_there()
        return answer

    async def insist(self, *words: str | bytes | int) -> object:
        """Send one command, left alone or not, and let nothing follow from how that goes.

        Raises:
            CacheUnavailable: It did not answer in time, or refused.
        """
        from redis.exceptions import ResponseError  # noqa: PLC0415  # an extra

        if self._client is None:
            self._client = self._connect()
        try:
            async with asyncio.timeout(self._deadline):
                return await self._client.execute_command(*words)
        except ResponseError as error:
            said = f"Redis at {self.place} refuses {words[0]!s}: {error}"
            raise CacheUnavailable(said, code=REFUSED) from None
        except TimeoutError:
            raise CacheUnavailable(
                f"Redis at {self.place} gave no answer in {self._deadline:g} s"
            ) from None
        except Exception as error:  # noqa: BLE001  # whatever listens there, and whatever it says
            raise CacheUnavailable(
                f"Redis at {self.place} can't be asked: {type(error).__name__}: {error}"
            ) from None

    async def close(self) -> None:
        """Let go of the connections; the next call makes new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _is_gone(self, now: float, why: str) -> None:
        if self._gone_until is None:
            log.warning("%s; until it does, everything is worked out again", why)
        self._gone_until = now + self._pause

    def _is_there(self) -> None:
        if self._gone_until is not None:
            log.warning("Redis at %s answers again", self.place)
            self._gone_until = None

    def _complain(self, command: object, now: float, refusal: str) -> None:
        if now >= self._refused.get(command, 0.0):
            self._refused[command] = now + _SAY_AGAIN
            log.warning("%s; what it does not give or keep is worked out again", refusal)


def place_of(url: str) -> str:
    """Give an address without what is secret in it.

    Raises:
        InvalidValue: It is none.
    """
    try:
        parts = urlsplit(url)
        options = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
        if parts.scheme not in _SCHEMES or not all(map(_OPTIONS.fullmatch, options)):
            raise _invalid()
        if parts.scheme == "unix":
            return unquote(parts.path)
        if not re.fullmatch(r"(/\d*)?", parts.path):
            raise _invalid()
        host = parts.hostname or "localhost"
        if ":" in host:
            host = f"[{host}]"
        return f"{host}:{parts.port or 6379}{parts.path.rstrip('/')}"
    except ValueError:  # its words may have a part of a password
        raise _invalid() from None


def _connector(url: str) -> Callable[[], _Client]:
    """Give what makes clients.

    Raises:
        EngineError, InvalidValue: As `Link`.
    """
    try:
        from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415  # an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.maint_notifications import MaintNotificationsConfig  # noqa: PLC0415
    except ModuleNotFoundError:
        raise EngineError(
            "Redis was asked for, and its client is not installed",
            code="REDIS_MISSING",
            hint="pip install 'agent-workflow-engine[redis]'",
        ) from None

    def connections() -> ConnectionPool:
        return cast("_Pools", BlockingConnectionPool).from_url(
            url,
            max_connections=CONNECTIONS,
            timeout=None,  # the deadline of the call counts all
            socket_timeout=None,
            socket_connect_timeout=None,
            # One connection may have died of old age; that all have is for the breaker.
            retry=Retry(NoBackoff(), 1),
            decode_responses=False,
            protocol=2,
            driver_info=None,
            # With them a connection is used on though it has an answer to somebody else.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )

    try:
        cast("_Pool", connections()).make_connection()  # which connects to nothing
    except (ValueError, TypeError):  # as above
        raise _invalid() from None
    return lambda: cast("_Client", Redis.from_pool(connections()))


def _invalid() -> InvalidValue:
    return InvalidValue(
        "what was given is no address of a Redis",
        path="redis",
        hint="as in redis://127.0.0.1:6379/0 or rediss://:password@host/0, where characters "
        "like / and @ of a password are written as %2F and %40",
    )
