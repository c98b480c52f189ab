"""The request of an `http` tool, filled in for a call.

This module knows what of a request may come from arguments and secrets, and how each is
written there so that it stays what it is: an argument never becomes a host, another step of a
path, another parameter or another header. It does not know where a request may go (`egress`).
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, cast
from urllib.parse import quote

import msgspec

from engine import ToolError
from tools.http import secret
from tools.http.egress import Sending, shown
from tools.placeholders import Placeholder, Text, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from engine import Context, Json
    from tools.http.fields import HttpFields

Part: TypeAlias = "Text | bool | int | float | list[Part] | dict[str, Part] | None"
"""A JSON value of which every string is a text with placeholders."""

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
"""Those that change nothing, so that repeating one does no harm."""

KEY: Final = "Idempotency-Key"

AGENT: Final = "agent-workflow-engine"

HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_DOTS: Final = frozenset({".", ".."})
"""Steps of a path that mean another path."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A request in which arguments and secrets are missing; `reading` reads it."""

    tool: str
    fields: HttpFields
    url: Text
    headers: Mapping[str, Text]
    query: Mapping[str, Part]
    json: Part | msgspec.UnsetType
    secrets: tuple[str, ...]
    """The names of those that it carries."""

    def filled(
        self, arguments: Mapping[str, Json], secrets: Mapping[str, str], context: Context
    ) -> Sending:
        """Fill in a request.

        Raises:
            ToolError: An argument can't stand where it is to (`BAD_INPUT`).
        """
        values = {**arguments, **{secret.SPACE + name: secrets[name] for name in secrets}}
        filling = _Filling(self.tool, values)
        headers = {"Accept": "application/json, */*;q=0.5", "User-Agent": AGENT}
        content: bytes | None = None
        if self.json is not msgspec.UNSET:
            with suppress(_LeftOut):
                content = msgspec.json.encode(filling.json(self.json))
                headers["Content-Type"] = "application/json"
        if self.fields.method not in SAFE_METHODS:
            headers[KEY] = context.idempotency_key
        own = filling.headers(self.headers)
        named = {name.lower() for name in own}
        return Sending(
            method=self.fields.method,
            url=filling.url(self.url, self.query),
            headers={k: v for k, v in headers.items() if k.lower() not in named} | own,
            content=content,
            secret=bool(self.secrets),
            timeout=self.fields.timeout,
            max_bytes=self.fields.max_bytes,
            redirects=self.fields.redirects,
        )


class _LeftOut(Exception):
    """A place that is nothing but an argument that nobody gave: it is left out."""


class _Filling:
    """Writes values into the places of one request."""

    def __init__(self, tool: str, values: Mapping[str, Json]) -> None:
        self._tool = tool
        self._values = values

    def url(self, text: Text, query: Mapping[str, Part]) -> str:
        """Write the URL: an argument is one step of its path, or one value of its query."""
        if text.only is not None:
            url = self._text(text.only)
        else:
            url = text.filled(lambda name: quote(self._text(name), safe=""))
            steps = url.partition("?")[0].split("/")[3:]
            if not _DOTS.isdisjoint(steps) or self._is_empty(text):
                raise self._bad(
                    f"its arguments make a path of {shown(url)} that leads elsewhere",
                    "none of them may be empty there, nor '.' or '..'",
                )
        pairs = [(name, value) for name, part in query.items() for value in self._values_of(part)]
        if not pairs:
            return url
        written = "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in pairs)
        return f"{url}{'&' if '?' in url else '?'}{written}"

    def headers(self, texts: Mapping[str, Text]) -> dict[str, str]:
        """Write the headers: an argument is never more than a part of the value of one."""
        made: dict[str, str] = {}
        for name, text in texts.items():
            if text.only is not None and self._values.get(text.only) is None:
                continue
            value = text.filled(self._text).strip()
            if not HEADER_VALUE.fullmatch(value):
                raise self._bad(
                    f"its header '{name}' would have what no header may",
                    "only printable ASCII can be sent in one",
                )
            made[name] = value
        return made

    def json(self, part: Part) -> Json:
        """Write a JSON value; what is nothing but a placeholder becomes the argument itself."""
        if isinstance(part, Text):
            if part.only is None:
                return part.filled(self._any_text)
            if part.only not in self._values:
                raise _LeftOut
            return self._values[part.only]
        if isinstance(part, dict):
            made: dict[str, Json] = {}
            for key, each in part.items():
                with suppress(_LeftOut):
                    made[key] = self.json(each)
            return made
        if isinstance(part, list):
            items: list[Json] = []
            for each in part:
                with suppress(_LeftOut):
                    items.append(self.json(each))
            return items
        return part

    def _values_of(self, part: Part) -> Iterator[str]:
        """Give the values of a parameter of the query: none, one or several."""
        if not isinstance(part, Text):
            yield written(cast("Json", part))
        elif part.only is None:
            yield part.filled(self._text)
        else:
            value = self._values.get(part.only)
            for each in value if isinstance(value, list) else [value]:
                if each is not None:
                    yield self._scalar(part.only, each)

    def _text(self, name: str) -> str:
        return self._scalar(name, self._values[name])

    def _any_text(self, name: str) -> str:
        value = self._values[name]
        return written(value) if isinstance(value, list | dict) else self._scalar(name, value)

    def _scalar(self, name: str, value: Json) -> str:
        if value is None or isinstance(value, list | dict):
            what = "null" if value is None else "a list" if isinstance(value, list) else "an object"
            hint = f"give it a text, a number or a truth value as '{name}'"
            raise self._bad(f"its argument '{name}' is {what}, which can't be written there", hint)
        return written(value)

    def _is_empty(self, text: Text) -> bool:
        """Tell whether a step of the path would be nothing, so that the next took its place."""
        for part in text.parts:
            if isinstance(part, Placeholder):
                if not self._text(part.name):
                    return True
            elif "?" in part:
                break
        return False

    def _bad(self, problem: str, hint: str) -> ToolError:
        message = f"tool '{self._tool}' can't make its request: {problem}"
        return ToolError(message, code="BAD_INPUT", hint=hint, retryable=False)
