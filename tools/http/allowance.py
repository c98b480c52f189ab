"""What may be reached though it is inside: hosts and networks that somebody has listed.

This module knows the list, as the setting `AWE_EGRESS_ALLOW` has it. It does not know which
addresses are inside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Final, TypeAlias

from engine import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.http.addresses import Address

SETTING: Final = "AWE_EGRESS_ALLOW"

Network: TypeAlias = IPv4Network | IPv6Network

_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_](?:[a-z0-9_-]{0,62}))*"
)
_PORT: Final = re.compile(r"(?P<host>\[[^\]]+\]|[^:]+):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the list: a host by its name, or a network; on one port, or on all."""

    host: str | None
    network: Network | None
    port: int | None


class Allowance:
    """Says what may be reached though it is inside.

    Args:
        entries: Each a host (`wiki.example.com`), an address or a network in CIDR notation,
            with or without a port (`localhost:9200`, `10.1.0.0/16`, `[::1]:80`). A host that
            is listed may have whatever address; a network that is listed may be reached by
            whatever name.

    Raises:
        InvalidValue: An entry is none of these.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._entries = [_entry(each.strip()) for each in entries if each.strip()]

    @classmethod
    def read(cls, setting: str) -> Allowance:
        """Read the list as a setting has it: with commas."""
        return cls(setting.split(","))

    def names(self, host: str, port: int) -> bool:
        """Tell whether a host is listed by its name."""
        return any(each.host == host and each.port in (None, port) for each in self._entries)

    def covers(self, address: Address, port: int) -> bool:
        """Tell whether an address is in a network that is listed."""
        return any(
            each.network is not None and address in each.network and each.port in (None, port)
            for each in self._entries
        )


def _entry(text: str) -> _Entry:
    if network := _network(text):
        return _Entry(None, network, None)
    found = _PORT.fullmatch(text)
    host, port = (found["host"], int(found["port"])) if found else (text, None)
    if network := _network(host.removeprefix("[").removesuffix("]")):
        return _Entry(None, network, port)
    host = host.lower().removesuffix(".")
    # A name of digits and dots is an address that is mistyped, or spelt to look like a name.
    if _HOST.fullmatch(host) and not host.replace(".", "").isdecimal():
        return _Entry(host, None, port)
    raise InvalidValue(
        f"{SETTING} has {text!r}, expected a host, an address or a network",
        path=SETTING,
        hint="as in localhost:9200, wiki.example.com, 10.1.0.0/16",
    )


def _network(text: str) -> Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None
