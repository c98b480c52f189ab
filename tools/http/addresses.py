"""Which addresses are of the Internet, and which are inside: of this machine or its networks.

This module knows addresses. It does not know names, nor who wants to go where.

What is not known to be of the Internet is inside. The tables are those of IANA's registries of
special-purpose addresses. Python's own `is_global` won't do: it is true of groups (224.0.0.1),
of 6to4 and NAT64 whatever IPv4 address they lead to, and before 3.11.10 of 192.0.0.8.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Address: TypeAlias = IPv4Address | IPv6Address

_IPV4: Final[Mapping[IPv4Network, str]] = {
    IPv4Network(network): words
    for network, words in {
        "0.0.0.0/8": "this machine",
        "10.0.0.0/8": "a private network",
        "100.64.0.0/10": "the network of a provider",
        "127.0.0.0/8": "this machine",
        "168.63.129.16/32": "the services of a cloud",  # Azure's, though the range is public
        "169.254.0.0/16": "this link, where clouds tell machines their secrets",
        "172.16.0.0/12": "a private network",
        "192.0.0.0/24": "a protocol",
        "192.0.2.0/24": "examples",
        "192.88.99.0/24": "relays of 6to4",
        "192.168.0.0/16": "a private network",
        "198.18.0.0/15": "measurements",
        "198.51.100.0/24": "examples",
        "203.0.113.0/24": "examples",
        "224.0.0.0/4": "groups",
        "240.0.0.0/4": "nobody",
    }.items()
}
"""What every network stands for that is not of the Internet."""

_GLOBAL: Final = IPv6Network("2000::/3")
"""The only part of IPv6 from which addresses have been given out."""

_IPV6: Final[Mapping[IPv6Network, str]] = {
    IPv6Network(network): words
    for network, words in {
        "2001::/23": "protocols, such as Teredo",
        "2001:db8::/32": "examples",
        "2002::/16": "6to4, which leads to an IPv4 address",
        "3fff::/20": "examples",
    }.items()
}

_TRANSLATED: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::ffff:0:0/96"))
"""IPv6 addresses that are IPv4 addresses by other means: they are what those are."""

_LOW: Final = (1 << 32) - 1


def inside(address: Address) -> str | None:
    """Say what an address stands for that is not of the Internet; None: it is."""
    if isinstance(address, IPv4Address):
        return next((words for network, words in _IPV4.items() if address in network), None)
    if address.scope_id is not None:
        return "a link of this machine"
    if any(address in network for network in _TRANSLATED):
        return inside(IPv4Address(int(address) & _LOW))
    if address not in _GLOBAL:
        return "this machine or its networks"
    return next((words for network, words in _IPV6.items() if address in network), None)
