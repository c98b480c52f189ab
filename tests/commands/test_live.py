"""The log of a run over connections that break."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from api.commands import live, run_there
from api.commands.failure import Failure
from api.commands.server_client import ServerClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Done, Server

    Awe = Callable[..., Done]


class Relay:
    """Stands between a client and a server, and breaks their connections when it is told to."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("http://").partition(":")
        self._to = (host, int(port))
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._links: list[socket.socket] = []
        self.connections = 0
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        try:
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._to)
                self.connections += 1
                self._links += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()
        except OSError:
            return

    @staticmethod
    def _pass(one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65_536):
                other.sendall(data)
        except OSError:
            pass

    def cut(self) -> None:
        """Break every connection."""
        links, self._links = self._links, []
        for each in links:
            with suppress(OSError):  # the other side has ended it
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self) -> None:
        """Let no connection stay, and none come."""
        with suppress(OSError):  # it is closed already
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()


@pytest.fixture
def relay(server: Server) -> Iterator[Relay]:
    """Give a way to the server that can be broken."""
    relay = Relay(server.address)
    yield relay
    relay.close()


def test_a_connection_that_breaks_costs_no_entry_and_doubles_none(
    server: Server, relay: Relay
) -> None:
    server.start("cut", breakpoints=[{"node": "echo"}])
    seen: list[int | None] = []
    lost: list[int] = []
    with ServerClient(relay.address) as client:
        for said in live.entries(client, "cut", lost=lost.append):
            seen.append(said.seq)
            if said.kind == "run.paused":  # twice: the breakpoint is in a loop
                relay.cut()
                server.ask("/api/v1/runs/cut/resume", {})

    log = server.ask("/api/v1/runs/cut/log")["entries"]
    assert seen == [each["seq"] for each in log]
    assert log[-1]["type"] == "run.completed"
    assert len(lost) >= 2
    assert relay.connections >= 3


def test_a_server_that_stays_away_is_given_up(
    server: Server, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_PATIENCE", 0.3)
    server.start("away", breakpoints=[{"node": "echo"}])
    lost: list[int] = []

    def follow(client: ServerClient) -> None:
        for said in live.entries(client, "away", lost=lost.append):
            if said.kind == "run.paused":
                relay.close()

    away = f"no server answers at {relay.address}"
    with ServerClient(relay.address) as client, pytest.raises(Failure, match=away):
        follow(client)

    (after,) = lost
    assert after == server.ask("/api/v1/graph/state/away")["seq"]


def test_ctrl_c_while_a_run_is_waited_for_says_where_it_goes_on(
    awe: Awe, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object, **__: object) -> Iterator[None]:
        raise KeyboardInterrupt

    monkeypatch.setattr(live, "entries", pressed)
    done = awe("run", "hello", "--run-id", "goes-on", "--server", server.address)

    assert (done.status, done.out) == (130, "")
    assert done.err == (
        f"awe: interrupted; run 'goes-on' goes on at {server.address} "
        f"(awe watch goes-on --server {server.address} shows it)\n"
    )


def test_a_run_that_was_cancelled_has_no_result(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.start("ended", breakpoints=[{"node": "echo"}])
    server.ask("/api/v1/runs/ended/cancel", {})
    with ServerClient(server.address) as client:
        # It paused first; who waits for it now hears of the pause, and then how it is.
        assert run_there._waited_for(client, "ended", watch=False) == 1

    assert capsys.readouterr() == ("", "run 'ended' was cancelled\n")
