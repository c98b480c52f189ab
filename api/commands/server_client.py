"""A server of ours, as commands ask it: answers, refusals in a line, and the log of a run live.

This module knows HTTP and problem documents. It does not know what the answers mean, and
imports no engine: who asks a server needs none.
"""

from __future__ import annotations

import os
import shlex
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple, TypeAlias, cast
from urllib.parse import quote

import httpx2
import orjson
import typer

from api.commands.failure import FAILED, WRONG, Failure
from api.commands.port import is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType
    from typing import Self

    from engine import Json

USUAL: Final = "http://127.0.0.1:8000"
"""Where a server is, unless a command is told otherwise."""

SETTING: Final = "AWE_SERVER"
"""The variable of the environment that says where a server is instead."""

ServerOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--server", metavar="URL", help=f"The server to ask; left out: {SETTING}, or {USUAL}."
    ),
]
"""How a command is told which server to ask."""

TimeoutOption: TypeAlias = Annotated[
    float,
    typer.Option(
        "--timeout", min=0.1, metavar="SECONDS", help="How long the server may take for an answer."
    ),
]
"""How a command is told how long it is to wait."""

READING: Final = 5.0
"""Seconds that an answer may take for which a server has nothing to do but to look."""

DOING: Final = 30.0
"""Seconds that an answer may take for which something has to be written first."""

OPENED: Final = "stream.opened"
"""The type of the frame that is the first of a stream."""

OVER: Final = "stream.ended"
"""The type of the frame by which a server says that there is no more."""

HEALTH: Final = "/healthz"

RUNS: Final = "/api/v1/runs"

STATE: Final = "/api/v1/graph/state"

_HTTP: Final = 80
"""The port of an address that names none."""

_HOSTS: Final = ("127.0.0.1", "localhost")

_PORTS: Final = ("8000",)
"""Where a server is that is told nothing else."""

_SILENCE: Final = 45.0
"""Seconds after which a stream without even a comment, one of which comes every 15 s, is lost."""

Object: TypeAlias = "dict[str, Json]"
"""An object of JSON."""


class Said(NamedTuple):
    """An entry of a log, or a frame between entries, which no log holds."""

    text: str
    """As it came: for an entry, as it stands in the log."""
    fields: Object

    @property
    def kind(self) -> str:
        """The type of the entry, or of the frame."""
        return str(self.fields["type"])

    @property
    def seq(self) -> int | None:
        """The number of the entry; None: it is none."""
        seq = self.fields.get("seq")
        return seq if isinstance(seq, int) and not self.fields.get("ephemeral") else None


class ServerClient:
    """Asks one server. Used by `with`.

    Args:
        address: Where it is, as `http://127.0.0.1:8000`; None: where the environment says, or
            where one usually is.
        patience: Seconds that an answer may take.

    Raises:
        Failure: That is no address.
    """

    def __init__(self, address: str | None, *, patience: float = READING) -> None:
        usual = os.environ.get(SETTING) or USUAL
        address = address or usual
        self.address: str = address.rstrip("/")
        self.option: str = "" if address == usual else f" --server {shlex.quote(self.address)}"
        """What makes a command line ask this server: to be put behind any that is shown."""
        self._patience = patience
        try:
            url = httpx2.URL(self.address)
        except httpx2.InvalidURL as error:
            raise _no_address(address, str(error)) from None
        if url.scheme not in ("http", "https") or not url.host:
            raise _no_address(address, "it does not begin with http:// or https://")
        self._client = httpx2.Client(
            base_url=url,
            # To read the certificates of the world takes 0.1 s, and plain HTTP needs none.
            verify=url.scheme == "https",
            trust_env=not _is_here(url.host),  # no proxy leads to this machine
            timeout=patience,
        )

    def __enter__(self) -> Self:
        """Hold connections open."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close them."""
        self._client.close()

    def get(self, path: str, **query: str | int | list[str] | None) -> Object:
        """Ask for something.

        Raises:
            Failure: Nobody answers, or the server refuses; in a line.
        """
        given = {name: value for name, value in query.items() if value is not None}
        return self._answer("GET", path, given=given)

    def post(self, path: str, body: Mapping[str, Json] | bytes) -> Object:
        """Ask for something to be done, and give the answer.

        Raises:
            Failure: Nobody answers, or the server refuses; in a line.
        """
        return self._answer(
            "POST", path, body=body if isinstance(body, bytes) else orjson.dumps(body)
        )

    def stream(self, run_id: str, after: int) -> Iterator[Said | None]:
        """Yield None once the server answers, then what one connection gives, until it ends.

        A frame of type `OVER` says that there is no more; if none comes, there may be.

        Raises:
            Failure: There is no such run.
            httpx2.TransportError: The connection broke.
            orjson.JSONDecodeError: It broke in the middle of an entry.
        """
        with self._client.sse(
            f"{RUNS}/{quote(run_id, safe='')}/events",
            params={"after": after},
            timeout=httpx2.Timeout(self._patience, read=_SILENCE),
            max_event_size=None,
        ) as events:
            if events.response.status_code == HTTPStatus.NO_CONTENT:
                yield Said("", {"type": OVER})
                return
            if not events.response.is_success:
                events.response.read()
                raise self._refusal(events.response)
            yield None
            for event in events:
                # An event without data sets how soon a browser comes back; the first one with
                # data says where the log ends for now.
                if (
                    event.data
                    and (said := Said(event.data, orjson.loads(event.data))).kind != OPENED
                ):
                    yield said

    def _answer(
        self,
        method: str,
        path: str,
        *,
        given: Mapping[str, str | int | list[str]] | None = None,
        body: bytes | None = None,
    ) -> Object:
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            answer = self._client.request(
                method, path, params=given or None, content=body, headers=headers
            )
        except httpx2.TransportError as error:
            raise self.away(error, doing=body is not None) from error
        if not answer.is_success:
            raise self._refusal(answer)
        return self._object(answer)

    def _object(self, answer: httpx2.Response) -> Object:
        try:
            found: object = orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            found = None
        if isinstance(found, dict):
            return cast("Object", found)
        raise Failure(
            f"what answers at {self.address} is no awe server",
            hint=f"say where one is: --server URL, or {SETTING}",
        )

    def _refusal(self, answer: httpx2.Response) -> Failure:
        """Tell what a problem document says."""
        problem = self._object(answer)
        if "code" not in problem or "detail" not in problem:
            raise Failure(f"{self.address} answers {answer.status_code} {answer.reason_phrase}")
        detail = str(problem["detail"])
        problems = problem.get("problems")
        lines = (
            [_line(each) for each in problems if isinstance(each, dict)]
            if isinstance(problems, list)
            else []
        )
        if len(lines) == 1 and detail in lines[0]:
            lines = []
        return Failure(
            detail,
            # Of several problems it says how a program finds them; each has its own, too.
            hint="" if lines else str(problem.get("hint") or ""),
            lines=lines,
            status=WRONG if answer.is_client_error else FAILED,
        )

    def greet(self) -> None:
        """See that the server answers.

        Raises:
            Failure: It does not, or it is none of ours.
        """
        self.get(HEALTH)

    def away(self, error: Exception | None, *, doing: bool = False) -> Failure:
        """Say that nobody answers, or that it was not possible to go on listening.

        Args:
            error: How that was noticed.
            doing: Whether something was to be done, and may have been.
        """
        match error:
            case httpx2.ConnectError() | httpx2.ConnectTimeout():
                return Failure(f"no server answers at {self.address}", hint=self._cure)
            case httpx2.ReadTimeout():
                meanwhile = "it may do what it was asked all the same; " if doing else ""
                waited = error.request.extensions["timeout"]["read"]
                return Failure(
                    f"the server at {self.address} has not answered for {waited:g} s",
                    hint=f"{meanwhile}--timeout gives it longer",
                )
            case _:
                why = f": {error}" if error is not None and str(error) else ""
                return Failure(f"the connection to {self.address} was lost{why}")

    @property
    def _cure(self) -> str:
        """Say how there will be a server at this address."""
        url = self._client.base_url
        if url.scheme != "http" or not _is_here(url.host):
            return f"say where one is: --server URL, or {SETTING}"
        told = {"host": url.host, "port": str(url.port or _HTTP)}
        usual = {"host": _HOSTS, "port": _PORTS}
        odd = {name: value for name, value in told.items() if value not in usual[name]}
        by_make = "".join(f" {name.upper()}={value}" for name, value in odd.items())
        by_awe = "".join(f" --{name} {value}" for name, value in odd.items())
        return f"start one: make run{by_make}, or awe serve{by_awe}"


def _is_here(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return is_loopback(ip_address(host))
    except ValueError:
        return host == "localhost"


def _line(problem: Object) -> str:
    """Write one of several problems."""
    hint = f" ({problem['hint']})" if problem.get("hint") else ""
    return f"{problem.get('path') or '/'}: {problem.get('message')}{hint}"


def _no_address(address: str, reason: str) -> Failure:
    return Failure(
        f"'{address}' is no address of a server: {reason}", hint=f"as in {USUAL}", status=WRONG
    )
