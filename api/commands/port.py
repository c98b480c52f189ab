"""A port to listen on: bound, or why it can't be and what to do.

This module knows sockets, and where Linux says who holds one. It does not know what is served.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from api.commands.failure import WRONG, Failure

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

HIGHEST: Final = 65_535

_AHEAD: Final = 100
"""How many ports after one that is taken are tried, to name one that is free."""

_LISTENS: Final = "0A"
"""The state of a socket that listens, in /proc/net/tcp."""

_NOT_OURS: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

_LONGEST: Final = 60
"""Characters of a command line that are shown."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that listens on a port."""

    pid: int
    command: str

    def __str__(self) -> str:
        """Name it."""
        return f"process {self.pid} ({self.command})"


def addresses_of(host: str) -> list[Address]:
    """Give the addresses of this machine that a host name, or an address, stands for.

    Raises:
        Failure: It stands for none.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no host name"
        raise Failure(
            f"there is no address '{host}': {reason}",
            hint="as in --host 127.0.0.1",
            status=WRONG,
        ) from None
    # A link-local address has its interface behind a '%', which is no part of it.
    named = (ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found)
    return list(dict.fromkeys(named))


def is_loopback(address: Address) -> bool:
    """Tell whether only programs of this machine can reach an address of it."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def bound(host: str, port: int) -> list[socket.socket]:
    """Bind a port at every address that a host stands for; 0: any port, the same at each.

    Raises:
        Failure: It is taken, or may not be had; says by whom, and which one is free.
    """
    sockets: list[socket.socket] = []
    refused: OSError | None = None
    with ExitStack() as until_all_is_well:
        for address in addresses_of(host):
            wanted = port or (sockets[0].getsockname()[1] if sockets else 0)
            try:
                sockets.append(until_all_is_well.enter_context(_bound(address, wanted)))
            except OSError as error:
                # A name such as localhost may have an address that this machine has not.
                if error.errno not in _NOT_OURS:
                    raise _refused(host, wanted, error) from error
                refused = error
        if not sockets and refused is not None:
            raise _refused(host, port, refused) from refused
        until_all_is_well.pop_all()
    return sockets


def is_free(host: str, port: int) -> bool:
    """Tell whether a port can be had."""
    try:
        sockets = bound(host, port)
    except Failure:
        return False
    for each in sockets:
        each.close()
    return True


def next_free(host: str, port: int) -> int | None:
    """Give the first free port after one that is taken, if there is one near."""
    after = range(port + 1, min(port + 1 + _AHEAD, HIGHEST + 1))
    addresses = addresses_of(host)
    return next((each for each in after if all(_is_free(a, each) for a in addresses)), None)


def holder_of(port: int) -> Holder | None:
    """Find who listens on a port; None where the system does not tell, or not us."""
    with suppress(OSError, ValueError):
        sockets = _listening(port)
        for process in Path("/proc").iterdir():
            if process.name.isdecimal() and _holds(process, sockets):
                return Holder(int(process.name), _command(process))
    return None


def _bound(address: Address, port: int) -> socket.socket:
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004  # IPv6
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((str(address), port))
        # Two that are bound may both think that the port is theirs; only one can listen.
        made.listen()
    except BaseException:
        made.close()
        raise
    return made


def _is_free(address: Address, port: int) -> bool:
    with suppress(OSError), _bound(address, port):
        return True
    return False


def _refused(host: str, port: int, error: OSError) -> Failure:
    """Say why a port can't be had, and what to do."""
    match error.errno:
        case errno.EADDRINUSE:
            holder = holder_of(port)
            other = next_free(host, port)
            stop = f"end it with kill {holder.pid}, or " if holder is not None else ""
            which = other or "..."
            return Failure(
                f"port {port} is taken by {holder or 'another program'}",
                hint=f"{stop}choose another: make run PORT={which}, or awe serve --port {which}",
            )
        case errno.EACCES | errno.EPERM:
            return Failure(
                f"this user may not listen on port {port}",
                hint="ports below 1024 are for root: choose one above, as in --port 8000",
            )
        case errno.EADDRNOTAVAIL | errno.EAFNOSUPPORT:
            return Failure(
                f"this machine has no address '{host}'",
                hint="listen on one that it has, as in --host 127.0.0.1",
                status=WRONG,
            )
        case _:
            return Failure(f"can't listen on {host}, port {port}: {error.strerror}")


def _listening(port: int) -> frozenset[str]:
    """Give what open files of processes read like that listen on a port."""
    found: list[str] = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                columns = line.split()
                local, state, inode = columns[1], columns[3], columns[9]
                if state == _LISTENS and int(local.rpartition(":")[2], 16) == port:
                    found.append(f"socket:[{inode}]")
    return frozenset(found)


def _holds(process: Path, sockets: frozenset[str]) -> bool:
    with suppress(OSError):  # it has ended, or is somebody else's
        for handle in os.listdir(process / "fd"):  # noqa: PTH208  # a generator would stay open
            with suppress(OSError):
                if str((process / "fd" / handle).readlink()) in sockets:
                    return True
    return False


def _command(process: Path) -> str:
    with suppress(OSError):
        words = (process / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        said = b" ".join(words).decode(errors="replace")
        if said:
            return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}..."
    with suppress(OSError):
        return (process / "comm").read_text().strip()
    return "its command is not known"
