"""Ports: had, taken, by whom, and which others are free."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack

import pytest

from api.commands import port as ports
from api.commands.failure import Failure


def taken(stack: ExitStack, port: int = 0) -> int:
    """Listen on a port of this process, and give its number."""
    held = stack.enter_context(socket.socket())
    held.bind(("127.0.0.1", port))
    held.listen()
    return int(held.getsockname()[1])


def test_a_port_that_is_taken_is_told_with_its_holder_and_the_next_that_is_free() -> None:
    with ExitStack() as stack:
        port = taken(stack)
        with pytest.raises(Failure) as refused:
            ports.bound("127.0.0.1", port)
        other = ports.next_free("127.0.0.1", port)

        assert f"port {port} is taken by process {os.getpid()} (" in refused.value.message
        assert f"make run PORT={other}, or awe serve --port {other}" in refused.value.hint
        assert other is not None
        assert ports.is_free("127.0.0.1", other)


def test_where_nobody_tells_who_holds_a_port_it_is_another_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(_: object) -> str:
        raise PermissionError

    monkeypatch.setattr(ports.Path, "read_text", nothing)
    with ExitStack() as stack:
        port = taken(stack)
        with pytest.raises(Failure, match="is taken by another program"):
            ports.bound("127.0.0.1", port)


def test_a_port_is_free_again_as_soon_as_its_holder_is_gone() -> None:
    with ExitStack() as stack:
        port = taken(stack)
        assert not ports.is_free("127.0.0.1", port)
    assert ports.is_free("127.0.0.1", port)
    assert ports.holder_of(port) is None


def test_a_name_with_several_addresses_gets_one_port_at_each() -> None:
    sockets = ports.bound("localhost", 0)
    try:
        assert len({each.getsockname()[1] for each in sockets}) == 1
    finally:
        for each in sockets:
            each.close()


@pytest.mark.parametrize("host", ["nowhere.invalid", "", "a b", "1.2.3.4.5"])
def test_what_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(Failure, match="there is no address"):
        ports.bound(host, 0)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(Failure, match=r"this machine has no address '192\.0\.2\.1'"):
        ports.bound("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),  # noqa: S104  # it is what is refused
        ("::", False),
        ("192.168.1.1", False),
        ("::ffff:8.8.8.8", False),
        ("0", False),
    ],
)
def test_only_loopback_is_out_of_reach_of_other_machines(host: str, alone: bool) -> None:
    assert all(ports.is_loopback(each) for each in ports.addresses_of(host)) is alone
