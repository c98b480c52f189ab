"""What an `http` tool takes of an answer, or why the answer is an error.

This module knows statuses, types of content, and the parts of an answer that `output` names.
It does not know how an answer came (`egress`).
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import msgspec

from engine import InvalidValue, ToolError, admit
from tools.evaluation import Evaluation
from tools.http.charsets import CODECS
from tools.http.egress import shown
from tools.http.secret import hidden

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine import Declaration, Json, Problems
    from tools.http.egress import Answer
    from tools.http.fields import HttpFields

FACTS: Final = ("status", "headers", "body")
"""What an answer consists of, for the expressions of `output`."""

OFF_THE_LOOP: Final = 64 * 1024
"""Bytes from which a body is parsed in a thread: it would hold up everybody else."""

LONGEST_PAUSE: Final = 86_400.0
"""Seconds that a server may ask to be left alone; who asks for more gets this."""

_AGAIN: Final = frozenset({408, 425, 429})
"""Statuses below 500 after which another attempt may do better."""
_NEVER: Final = frozenset({501, 505})
"""Statuses from 500 on after which none does."""

_OK: Final = range(200, 300)
_SERVER: Final = 500

_JSON: Final = re.compile(r"application/json|.*\+json|text/json")
_TEXT: Final = re.compile(
    r"text/.*|.*\+xml|application/(?:xml|javascript|x-www-form-urlencoded|yaml|x-ndjson|graphql)"
)
_CHARSET: Final = re.compile(r'charset="?(?P<name>[^\s";]+)', re.IGNORECASE)

_EXCERPT: Final = 200
"""Characters of a body that a message shows."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken of an answer. Made by `taken_of`."""

    tool: str
    fields: HttpFields
    parts: Evaluation

    async def of(self, answer: Answer, secrets: Mapping[str, str]) -> dict[str, Json]:
        """Give what is written.

        Raises:
            ToolError: The status is not expected (its code is `HTTP_404`, and so on), or the
                body can't be read (`ANSWER_UNREADABLE`), or too much of it is
                (`CONDITION_TOO_EXPENSIVE`).
            NodeError: A part that is wanted is not there, or does not fit.
        """
        if answer.status not in (self.fields.expect or _OK):
            raise _unexpected(answer, self.tool, secrets)
        facts: dict[str, Json] = {"status": answer.status, "headers": dict(answer.headers)}
        if any("body" in part.names or part.whole for part in self.parts.expressions.values()):
            facts["body"] = await _body(answer, self.fields.answer)
        return await self.parts.of(facts)


def taken_of(declaration: Declaration, fields: HttpFields, problems: Problems) -> Taken:
    """Read what is to be taken, and report everything that is wrong with it."""
    compiled = {
        key: problems.expression(text, ("output", key), names=FACTS, what="part")
        for key, text in fields.output.items()
    }
    parts = {key: each for key, each in compiled.items() if each is not None}
    return Taken(declaration.name, fields, Evaluation(declaration.name, parts))


# -- the body -----------------------------------------------------------------------------


async def _body(answer: Answer, wanted: str | None) -> Json:
    if len(answer.content) > OFF_THE_LOOP:
        return await asyncio.to_thread(_decoded, answer, wanted)
    return _decoded(answer, wanted)


def _decoded(answer: Answer, wanted: str | None) -> Json:
    if not answer.content:
        return None
    told = answer.headers.get("content-type", "")
    kind = told.partition(";")[0].strip().lower()
    if wanted == "json" or (wanted is None and _JSON.fullmatch(kind)):
        return _json(answer)
    if wanted == "text" or _TEXT.fullmatch(kind):
        return _text(answer, told)
    if not kind:
        try:
            return _json(answer)
        except ToolError:
            return _text(answer, told)
    raise _unreadable(
        answer,
        f"is {kind[:80]}, which no state can hold",
        "write 'status' and 'headers' only, or say how to read it: \"answer\": \"text\"",
    )


def _json(answer: Answer) -> Json:
    try:
        value: object = msgspec.json.decode(answer.content.removeprefix(b"\xef\xbb\xbf"))
        return admit(value, what="the answer")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        hint = 'if it is meant to be text: "answer": "text"'
        raise _unreadable(answer, f"is no JSON: {error}", hint) from None
    except InvalidValue as error:
        raise _unreadable(answer, f"can't be in a state: {error.message}", error.hint) from None


def _text(answer: Answer, told: str) -> Json:
    found = _CHARSET.search(told)
    charset = found["name"].strip("'").lower() if found else "utf-8"
    codec = CODECS.get(charset)
    if codec is None:
        raise _unreadable(
            answer,
            f"is said to be in the charset {charset[:40]!r}, which is not read here",
            'ask for UTF-8, if it can give that: "headers": {"Accept-Charset": "utf-8"}',
        )
    try:
        return admit(answer.content.decode(codec), what="the answer")
    except UnicodeDecodeError as error:
        raise _unreadable(answer, f"is no text: {error}", "it may be binary") from None
    except InvalidValue as error:
        raise _unreadable(answer, f"can't be in a state: {error.message}", error.hint) from None


def _unreadable(answer: Answer, problem: str, hint: str) -> ToolError:
    return ToolError(
        f"the answer of {shown(answer.url)} {problem}",
        code="ANSWER_UNREADABLE",
        hint=hint,
        retryable=False,
    )


# -- statuses -----------------------------------------------------------------------------


def _unexpected(answer: Answer, tool: str, secrets: Mapping[str, str]) -> ToolError:
    """Say that an answer has a status that was not expected, and whether to come again."""
    status = answer.status
    retryable = status in _AGAIN or (status >= _SERVER and status not in _NEVER)
    said = hidden(answer.content[: 8 * _EXCERPT].decode(errors="replace"), secrets)
    excerpt = " ".join(said.replace("\0", " ").split())[:_EXCERPT]
    error = ToolError(
        f"tool '{tool}' got the status {status} from {shown(answer.url)}"
        + (f": {excerpt}" if excerpt else ""),
        code=f"HTTP_{status}",
        hint=f'if that is no error, list it: "expect": [200, {status}]; a rule can take it: '
        f'"on": "HTTP_{status}"',
        retryable=retryable,
        retry_after=_pause(answer.headers) if retryable else None,
    )
    error.details["status"] = status
    return error


def _pause(headers: Mapping[str, str]) -> float | None:
    """Read for how long a server wants to be left alone: seconds, or a time by its own clock."""
    told = headers.get("retry-after", "").strip()
    if told.isdecimal() and told.isascii():
        return min(float(told[:9]), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(told)
        since = parsedate_to_datetime(headers.get("date", ""))
        return min(max((until - since).total_seconds(), 0.0), LONGEST_PAUSE)
    except (TypeError, ValueError):
        return None
