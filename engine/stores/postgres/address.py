"""The address of a database, and how it is shown: never with its password.

This module knows the parts of an address. It does not know how it is reached.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlsplit

from engine.errors import EngineError
from engine.stores.refusal import FAILED

SCHEMES: Final = ("postgresql", "postgres")

_EXAMPLE: Final = "as in postgresql://user:password@host:5432/database"


class Address:
    """Where a database is.

    Args:
        url: `postgresql://user:password@host:port/database`; what is left out is taken from
            `PGHOST`, `PGUSER`, `PGPASSWORD` and so on, as `psql` does.

    Attributes:
        url: As it was given, with its password.
        shown: For people and logs: neither password nor options are in it.

    Raises:
        EngineError: It is none.
    """

    __slots__ = ("shown", "url")

    def __init__(self, url: str) -> None:
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in SCHEMES:
            raise EngineError(
                "the address of a PostgreSQL database begins with 'postgresql://'",
                code=FAILED,
                hint=_EXAMPLE,
            )
        authority = rest.partition("/")[0].partition("?")[0].partition("#")[0]
        if "@" in rest[len(authority) :]:
            # Whatever is shown of it may be a part of the password.
            raise EngineError(
                "the address of the database can't be read: there is an '@' after its host",
                code=FAILED,
                hint="write / ? # @ in a user or a password as %2F %3F %23 %40",
            )
        parts = urlsplit(url)
        user, at, host = authority.rpartition("@")
        if not host:
            options = dict(parse_qsl(parts.query))
            host = options.get("host", "")
        self.url: str = url
        self.shown: str = f"postgresql://{user.partition(':')[0]}{at}{host}{parts.path}"

    def __repr__(self) -> str:
        """Show it."""
        return self.shown
