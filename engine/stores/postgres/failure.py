"""Which errors of PostgreSQL pass by themselves, and what each means in words and by its code.

This module knows the codes of errors (SQLSTATE) and what asyncpg says of connections. It does
not know who tries again, nor when.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from engine.errors import EngineError
from engine.store import StoreClosed, StoreUnavailable, Trouble
from engine.stores.refusal import FAILED

if TYPE_CHECKING:
    from collections.abc import Iterable

FULL: Final = "STORE_FULL"
READ_ONLY: Final = "STORE_READ_ONLY"
BUSY: Final = "STORE_BUSY"
GONE: Final = "STORE_GONE"
CORRUPT: Final = "STORE_CORRUPT"
FENCED: Final = "STORE_FENCED"

UNIQUE: Final = "23505"
"""A row is there already: somebody else has written it."""

SERIALIZATION: Final = "40001"
"""What the transaction saw was changed by another one."""

VALUE: Final = "22"
"""How errors begin that are due to a value."""

STANDBY: Final = "25006"
"""Nothing can be written, as on a server that follows another one."""


class _Meaning(NamedTuple):
    code: str
    words: str
    hint: str


_NO_ANSWER: Final = _Meaning(
    StoreUnavailable.code,
    "the server does not answer",
    "see that it runs, and can be reached from here",
)

_IN_USE: Final = _Meaning(BUSY, "it has too much to do", "try again later")

_PASSING: Final = {
    "08": _NO_ANSWER,  # connections
    "40": _IN_USE,  # deadlocks, and the like
    "53": _IN_USE,  # resources
    "53100": _Meaning(FULL, "the disk of the server is full", "make room on it"),
    "53200": _IN_USE._replace(words="the server has no memory left"),
    "53300": _IN_USE._replace(
        words="the server takes no more connections",
        hint="raise max_connections, or have fewer: each store takes up to 6",
    ),
    "55P03": _IN_USE._replace(words="another program holds a lock"),
    "57P": _NO_ANSWER._replace(words="the server ends, or begins"),
    "57014": _IN_USE._replace(words="a statement was cancelled"),
    "58": _NO_ANSWER._replace(
        words="the disk of the server can't be read or written",
        hint="look at its disk, and at its log",
    ),
    STANDBY: _Meaning(
        READ_ONLY,
        "the server takes no changes",
        "it is a standby, or set to be read only: name the primary",
    ),
}
"""What can pass while nobody touches the store, by SQLSTATE or how that begins."""

_LASTING: Final = {
    "28": _Meaning(
        FAILED,
        "the server refuses the login",
        "see that user and password are right (PGPASSWORD is used if the address has none), and "
        "that pg_hba.conf lets them in",
    ),
    "3D000": _Meaning(FAILED, "there is no such database", "make it first: createdb {database}"),
    "42501": _Meaning(
        FAILED,
        "its user may not do this",
        "grant it what docs/operate/postgresql.md lists, or run `awe migrate` as the owner",
    ),
    "42P01": _Meaning(GONE, "a table is gone", "restore a backup"),
    "3F": _Meaning(GONE, "its tables are gone", "restore a backup"),
    "XX001": _Meaning(CORRUPT, "its files are damaged", "stop the server and restore a backup"),
    "XX002": _Meaning(CORRUPT, "an index is damaged", "REINDEX it, and look at the disk"),
    "54": _Meaning(
        FAILED,
        "it is too large",
        "make it smaller: keep large values elsewhere, and their names in the state",
    ),
    VALUE: _Meaning(
        FAILED,
        "there is no place for such a value",
        "mend what was given: text can't have NUL or lone surrogates",
    ),
}
"""What does not pass."""

_CONCERNS_ALL: Final = ("28", "3D", "3F", "42", "XX")
"""How errors begin that are not due to what was to be written."""


def state_of(error: BaseException) -> str:
    """Give the SQLSTATE of an error; empty if it has none."""
    return str(getattr(error, "sqlstate", None) or "")


def passing(error: BaseException) -> Trouble | None:
    """Say what is wrong, if it can pass by itself; None if it can't."""
    state = state_of(error)
    if state:
        meaning = _found(_PASSING, state)
    elif isinstance(error, ValueError):  # asyncpg: what was given can't be encoded
        return None
    elif isinstance(error, OSError | TimeoutError) or _is_of_the_driver(error):
        meaning = _NO_ANSWER
    else:
        return None
    if meaning is None:
        return None
    said = str(error).partition("\n")[0] or "it took too long"
    return Trouble(f"{meaning.words} ({said})", code=meaning.code, hint=meaning.hint)


def concerns_all(error: BaseException) -> bool:
    """Tell whether an error that lasts is one of the database, not of what was to be written."""
    return state_of(error).startswith(_CONCERNS_ALL)


def failed(name: str, error: BaseException, doing: str = "keep this") -> EngineError:
    """Make an error of ours of one that does not pass."""
    state = state_of(error) or (VALUE if isinstance(error, ValueError) else "")
    meaning = _found(_LASTING, state)
    said = f"{type(error).__name__}: {error}".partition("\n")[0]
    told = EngineError(
        f"the database {name} can't {doing}: "
        + (f"{meaning.words} ({said})" if meaning is not None else said),
        code=FAILED if meaning is None else meaning.code,
        hint="close the store and open it again; if that does not help, report it with this message"
        if meaning is None
        else meaning.hint.replace("{database}", name.rpartition("/")[2]),
        details={"database": name},
    )
    told.__cause__ = error
    return told


def unavailable(name: str, trouble: Trouble, doing: str) -> StoreUnavailable:
    """Make an error of ours of one that passes."""
    return StoreUnavailable(
        f"the database {name} can't {doing} for now: {trouble}",
        code=trouble.code,
        hint=trouble.hint,
        details={"database": name},
    )


class Fenced(StoreClosed):
    """Another engine has taken the store over; this one never writes to it again."""

    code: str = FENCED

    def __init__(self, name: str, by: str) -> None:
        super().__init__(
            f"the runs of {name} are driven by another engine now: {by}",
            hint="close this engine: what it does is kept no more",
            details={"database": name, "by": by},
        )


def _found(meanings: dict[str, _Meaning], state: str) -> _Meaning | None:
    """Look a SQLSTATE up: itself, or the longest beginning of it that is there."""
    keys: Iterable[str] = (state[:length] for length in range(len(state), 1, -1))
    return next((meanings[key] for key in keys if key in meanings), None)


def _is_of_the_driver(error: BaseException) -> bool:
    """Tell whether asyncpg itself complains: its connection is closed, or in no state for it."""
    return type(error).__module__.startswith("asyncpg.")
