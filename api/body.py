"""Bodies of requests: read with a limit, and checked field by field.

This module knows JSON and structs. It does not know what a body is for.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar, cast

import anyio
import msgspec
from anyio import to_thread

from api.connection import direct_of, when_stopped
from api.problem import BadRequest, counted
from engine import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

MAX_BODY: Final = 1024 * 1024
"""Bytes; counted as they arrive, so that no more is ever held."""

_DIGITS: Final = 18
"""Of a length; more is too large whatever it says."""

OFF_THE_LOOP: Final = 64 * 1024
"""Bytes from which a body is parsed in a thread: it would hold up everybody else."""

_WHERE: Final = re.compile(r" - at `\$(?P<path>.*)`$")
_RANGE: Final = re.compile(r"Expected `(?:int|float)` [<>]=")
_STEP: Final = re.compile(r"\.(?P<key>[A-Za-z_]\w*)|\[(?P<index>\d+)\]")
_BYTE: Final = re.compile(r"^(?:JSON is malformed: )?(?P<what>.*?)(?: \(byte (?P<byte>\d+)\))?$")

Decoded = TypeVar("Decoded")
Body = TypeVar("Body", bound=msgspec.Struct)


async def read(
    request: Request, decode: Callable[[bytes], Decoded], *, required: bool = True
) -> Decoded:
    """Read the body of a request, and decode it; see `raw` and `decoded`."""
    return await decoded(await raw(request, required=required), decode)


async def raw(request: Request, *, required: bool = True) -> bytes:
    """Read the body of a request; one that may be left out, and is, reads `{}`.

    Raises:
        BadRequest: It is not JSON by its type (415), too large (413), or does not come to its
            end before the client leaves or the server stops (503).
    """
    if required:
        _must_be_json(request)
    told = request.headers.get("content-length", "")
    if told.isdecimal() and (len(told) > _DIGITS or int(told) > MAX_BODY):
        raise _too_large()  # nobody needs to send it to be told so
    direct = direct_of(request.scope)
    if direct is not None and direct.is_complete:
        whole = await _read(request)
    else:
        whole = b""
        with anyio.CancelScope() as reading, when_stopped(request, reading.cancel):
            whole = await _read(request)
        if reading.cancelled_caught:
            raise _cut_short("the server stops, and the body has not come to its end")
    if not required:
        if not whole:
            return b"{}"
        _must_be_json(request)
    return whole


async def _read(request: Request) -> bytes:
    """Read a body to its end; raises as `raw`."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise _cut_short("the client has left in the middle of its body")
        part: bytes = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > MAX_BODY:
            raise _too_large()
        if not message.get("more_body", False):
            return b"".join(parts)


def _cut_short(why: str) -> BadRequest:
    return BadRequest(
        why,
        code="BODY_CUT_SHORT",
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        hint="send the request again: nothing was done",
    )


def _too_large() -> BadRequest:
    return BadRequest(
        f"the body is larger than {MAX_BODY:,} bytes",
        code="BODY_TOO_LARGE",
        status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        hint="keep large values outside, and pass their address",
    )


async def decoded(body: bytes, decode: Callable[[bytes], Decoded]) -> Decoded:
    """Decode a body, a large one off the loop; raises what `decode` raises."""
    if len(body) < OFF_THE_LOOP:
        return decode(body)
    return await to_thread.run_sync(decode, body)


@cache
def _decoder(kind: type[Body]) -> msgspec.json.Decoder[Body]:
    return msgspec.json.Decoder(kind)


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Look up the fields of a struct, once: it compiles every annotation."""
    return msgspec.structs.fields(kind)


def _must_be_json(request: Request) -> None:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadRequest(
            f"expected a body of type application/json, got {kind or 'no Content-Type'}",
            code="UNSUPPORTED_MEDIA_TYPE",
            status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            hint="send the header Content-Type: application/json",
        )


def decode(body: bytes, kind: type[Body]) -> Body:
    """Decode a JSON object into a struct.

    Raises:
        BadRequest: It is not JSON (400), or fields of it are not right (422): all of them.
    """
    decoder: msgspec.json.Decoder[Body] = _decoder(kind)
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass  # it is read again, to find everything that is wrong with it
    given = json_object(body)
    fields = {each.encode_name: each for each in _fields(kind)}
    problems: list[Problem] = []
    for name, value in given.items():
        if name not in fields:
            problems.append(_unknown(name, [*fields]))
        elif misfit := _misfit(name, value, fields[name].type):
            problems.append(misfit)
    problems += [
        Problem("MISSING_FIELD", f"/{name}", f"the field '{name}' is missing", "")
        for name, each in fields.items()
        if each.required and name not in given
    ]
    if problems:
        raise BadRequest(
            f"the request has {counted(len(problems))}",
            code="INVALID_REQUEST",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            problems=problems,
        )
    return msgspec.convert(given, kind)


def json_object(body: bytes) -> dict[str, object]:
    """Decode a JSON object; integers stay exact, however large they are.

    Raises:
        BadRequest: It is not JSON (400), or no object (422).
    """
    try:
        given: object = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except msgspec.DecodeError as error:
        raise _not_json(body, str(error)) from error
    except UnicodeDecodeError as error:
        raise BadRequest(
            "the body is not UTF-8", code="NOT_UTF8", hint="save the text as UTF-8"
        ) from error
    except RecursionError as error:
        raise BadRequest(
            "lists and objects of the body are nested too deep", code="TOO_DEEP", hint="flatten it"
        ) from error
    if not isinstance(given, dict):
        raise BadRequest(
            f"expected a JSON object, got {type(given).__name__}",
            code="WRONG_TYPE",
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            hint='a request reads {"field": value, ...}',
        )
    return cast("dict[str, object]", given)


def _not_json(body: bytes, message: str) -> BadRequest:
    """Say where the text stops being JSON, by line and column."""
    found = _BYTE.match(message)
    what, byte = (found["what"], found["byte"]) if found else (message, None)
    before = body[: int(byte)] if byte is not None else body
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
    if not body.strip():
        what = "the body is empty"
    elif what == "Input data was truncated":
        what = "the text ends too early"
    return BadRequest(
        f"not JSON at line {line}, column {column}: {what}",
        code="BAD_JSON",
        details={"line": line, "column": column},
    )


def _unknown(name: str, known: list[str]) -> Problem:
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(known) or 'none'}"
    return Problem("UNKNOWN_FIELD", _pointer(name), f"there is no field '{name}'", hint)


def _misfit(name: str, value: object, kind: object) -> Problem | None:
    """Say what is wrong with the value of a field, if anything is."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        found = _WHERE.search(str(error))
        steps = _STEP.finditer(found["path"]) if found else ()
        path = _pointer(name, *(step["key"] or step["index"] for step in steps))
        message = _WHERE.sub("", str(error))
        code = "WRONG_TYPE"
        if _RANGE.match(message):
            code = "OUT_OF_RANGE"
            if span := _range(kind):
                text = f"{name}: expected {span}, got {value!r:.80}"
                return Problem(code, path, text, "")
        got = "" if "got" in message else f", got {value!r:.80}"
        text = f"{name}: {message[:1].lower()}{message[1:]}{got}"
        return Problem(code, path, text, "")
    return None


def _range(kind: object) -> str | None:
    """Say from where to where the number of a field may be; None: it has numbers inside."""
    told = msgspec.inspect.type_info(kind)
    for each in told.types if isinstance(told, msgspec.inspect.UnionType) else (told,):
        if isinstance(each, (msgspec.inspect.IntType, msgspec.inspect.FloatType)):
            return f"{each.ge:g} or more" if each.le is None else f"{each.ge:g} to {each.le:g}"
    return None


def _pointer(*steps: str) -> str:
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
