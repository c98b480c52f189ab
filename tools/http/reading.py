"""How the request of an `http` declaration is read, or everything that is wrong with it.

This module knows what a URL, a header and a body may be before anybody has given an argument,
and what must not be written into a declaration. It looks nothing up.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from engine import ToolError
from tools.http import secret
from tools.http.egress import TO_ANYBODY, parsed
from tools.http.request import HEADER_VALUE, SAFE_METHODS, Pattern
from tools.placeholders import Text, check_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine import Declaration, Json, Problems
    from tools.http.fields import HttpFields
    from tools.http.request import Part

Steps: TypeAlias = "tuple[str | int, ...]"

_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_RESERVED: Final = frozenset(
    {
        "accept-encoding", "connection", "content-length", "expect", "host", "keep-alive",
        "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
"""Headers that belong to the connection, or say where it leads."""

_FIXED_START: Final = re.compile(r"https?://[^/?#{}]+(?=[/?]|\Z)", re.IGNORECASE)


def pattern_of(declaration: Declaration, fields: HttpFields, problems: Problems) -> Pattern:
    """Read the request that is declared, and report everything that is wrong with it."""
    reading = _Reading(declaration, problems)
    url = reading.text(fields.url, ("url",), secrets=False)
    if url.only is None:
        _check_url(url, problems)
    headers = {
        name: reading.value(name, value, ("headers", name))
        for name, value in fields.headers.items()
    }
    _check_headers(headers, problems)
    query = {
        name: reading.value(name, value, ("query", name)) if isinstance(value, str) else value
        for name, value in fields.query.items()
    }
    json: Part | msgspec.UnsetType = msgspec.UNSET
    if fields.json is not msgspec.UNSET:
        json = reading.json(fields.json, ("json",))
        if fields.method in SAFE_METHODS:
            message = f"a {fields.method} has no body"
            problems.add("CONFLICTING_FIELDS", ("json",), message, 'set "method", such as "POST"')
    secrets = tuple(reading.secrets)
    if secrets and url.only is not None:
        problems.add(
            "SECRET_FOR_ANYBODY",
            ("url",),
            f"the secret '{secrets[0]}' would go wherever an argument says",
            "write the host it is meant for: https://host/...",
        )
    return Pattern(declaration.name, fields, url, headers, query, json, secrets)


class _Reading:
    """Takes the texts of one declaration apart."""

    def __init__(self, declaration: Declaration, problems: Problems) -> None:
        self.secrets: dict[str, None] = {}
        self._parameters = declaration.parameters
        self._problems = problems

    def text(self, given: str, at: Steps, *, secrets: bool = True) -> Text:
        """Read a text; where it is nothing but a placeholder, the argument may be missing."""
        text = Text.read(given, at, self._problems)
        names = [name for name in text.names if not name.startswith(secret.SPACE)]
        optional = text.only is not None and at != ("url",)
        check_names(names, at, self._parameters, self._problems, optional=optional)
        for name in text.names:
            if name.startswith(secret.SPACE):
                self._secret(name.removeprefix(secret.SPACE), at, allowed=secrets)
        return text

    def value(self, name: str, given: str, at: Steps) -> Text:
        """Read the text that stands under a name, which may sound as if it were a secret."""
        text = self.text(given, at)
        if given and not text.names and secret.sounds_secret(name):
            self._problems.add(
                "SECRET_IN_CLEAR",
                at,
                f"'{name}' sounds like a secret, and declarations are shown to everybody",
                "write {secret.NAME}, and start the server with "
                f"{secret.PREFIX}NAME in its environment",
            )
        return text

    def json(self, given: Json, at: Steps) -> Part:
        """Read a JSON value, of which every string is a text."""
        if isinstance(given, str):
            return self.value(str(at[-1]), given, at)
        if isinstance(given, list):
            return [self.json(each, (*at, index)) for index, each in enumerate(given)]
        if isinstance(given, dict):
            return {key: self.json(each, (*at, key)) for key, each in given.items()}
        return given

    def _secret(self, name: str, at: Steps, *, allowed: bool) -> None:
        if not secret.NAME.fullmatch(name):
            message = f"'{name}' can't be the name of a secret"
            self._problems.add("BAD_NAME", at, message, "A-Z, 0-9 and _, as in {secret.WEATHER}")
        elif not allowed:
            message = "a URL is written into logs and messages, a secret must not be"
            hint = "send it in a header, or in 'query'"
            self._problems.add("SECRET_IN_CLEAR", at, message, hint)
        else:
            self.secrets[name] = None


def _check_url(url: Text, problems: Problems) -> None:
    """See that a URL says where it leads, whatever its arguments are."""
    start = url.parts[0] if url.parts else ""
    fixed = _FIXED_START.match(start) if isinstance(start, str) else None
    # A placeholder right behind the host would make it another host.
    if fixed is None or (fixed.end() == len(str(start)) and len(url.parts) > 1):
        problems.add(
            "BAD_URL",
            ("url",),
            "expected http:// or https://, a host and a path; placeholders only behind the host",
            "https://api.example.com/cities/{city}, or a single {placeholder}",
        )
        return
    if any(isinstance(part, str) and "#" in part for part in url.parts):
        problems.add("BAD_URL", ("url",), "what stands behind a # is never sent", "leave it out")
    try:
        parsed(url.filled(lambda _: "x"))
    except ToolError as error:
        problems.add("BAD_URL", ("url",), error.message, error.hint)


def _check_headers(headers: Mapping[str, Text], problems: Problems) -> None:
    seen: dict[str, str] = {}
    for name, text in headers.items():
        at = ("headers", name)
        lower = name.lower()
        if lower in TO_ANYBODY and any(each.startswith(secret.SPACE) for each in text.names):
            message = f"the header '{name}' goes along wherever a redirect leads"
            problems.add("SECRET_FOR_ANYBODY", at, message, "send the secret in another header")
        if not _HEADER.fullmatch(name):
            problems.add("BAD_NAME", at, f"{name[:40]!r} can't be the name of a header", "")
        elif lower in _RESERVED:
            message = f"the header '{name}' belongs to the connection"
            problems.add("RESERVED_HEADER", at, message, "leave it out")
        elif lower in seen:
            message = f"'{name}' and '{seen[lower]}' are one header"
            problems.add("CONFLICTING_FIELDS", at, message, "leave one of them out")
        seen[lower] = name
        if not all(HEADER_VALUE.fullmatch(part) for part in text.parts if isinstance(part, str)):
            message = f"the header '{name}' has what no header may"
            problems.add("BAD_VALUE", at, message, "only printable ASCII can be sent in one")
