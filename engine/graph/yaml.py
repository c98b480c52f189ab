"""A text of YAML, read as what it looks like, and a document written as YAML.

This module knows YAML. It does not know what the document says.

YAML 1.1 and 1.2 read the same text differently: `no` is false or "no", `012` is 10 or 12,
`1:30` is 90 or "1:30". Here a scalar that the two read differently is refused and asked to
be quoted, so that nobody's graph means something else in another program; dates are strings,
and keys are always strings as they stand, so that `on:` is `on`. Tags, merge keys and several
documents in one text are refused. The parser is libyaml's, which makes events only: objects
are made here, with a bounded depth, and no class is ever revived.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import yaml

from engine.graph.intake import MAX_DOCUMENT, Repeated
from engine.graph.strict_json import decoded
from engine.value import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from yaml._yaml import Mark as FastMark
    from yaml.error import Mark as SlowMark
    from yaml.representer import SafeRepresenter

    from engine.graph.problems import Problems
    from engine.ids import Json

    Mark: TypeAlias = FastMark | SlowMark

_PARSER: Final = cast("type[yaml.CSafeLoader]", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
_WRITER: Final = cast("type[yaml.CSafeDumper]", getattr(yaml, "CSafeDumper", yaml.SafeDumper))

_INT: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_YES: Final = frozenset(("yes", "Yes", "YES", "on", "On", "ON"))
_NO: Final = frozenset(("no", "No", "NO", "off", "Off", "OFF"))
# Integers with a leading zero, with underscores, in other bases or in sixties.
_TWO_WAYS: Final = re.compile(
    r"[-+]?0[0-9_]+|[-+]?0[xob][0-9a-fA-F_]+|[-+]?[0-9][0-9]*(_[0-9_]*)+(\.[0-9_]*)?"
    r"|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"
)

# A document is at most 1 MiB; each value takes two bytes of it.
_MAX_ANCHORS: Final = 1_000
_MAX_DIGITS: Final = 30


class _Refused(Exception):  # never leaves this module
    """The text is no document, for a reason that has a place."""

    def __init__(self, event: yaml.Event, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = _at(event.start_mark, message)
        self.hint = hint


def _at(mark: Mark | None, message: str) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}: {message}" if mark else message


def read(text: str | bytes, problems: Problems) -> tuple[object] | None:
    """Read a document; None if it is not YAML, which has been reported then."""
    characters = decoded(text, problems)
    if characters is None:
        return None
    try:
        return (_Reader(characters).document(),)
    except _Refused as refused:
        problems.add("BAD_YAML", (), refused.message, refused.hint)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        found = error.problem or error.context or "the text ends too soon"
        hint = "indent with spaces" if "\\t" in found or "cannot start any token" in found else ""
        problems.add("BAD_YAML", (), _at(mark, found), hint)
    except yaml.reader.ReaderError as error:
        line = characters.count("\n", 0, error.position) + 1
        problems.add("BAD_YAML", (), f"line {line}: {error.reason}", "remove the character")
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        problems.add("BAD_YAML", (), f"{error}", "remove the characters that are none")
    return None


class _Reader:
    """Makes the objects of one text out of its events."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[yaml.Event] = yaml.parse(text, Loader=_PARSER)
        self.anchors: dict[str, object] = {}

    def document(self) -> object:
        """Read the only document of the text; nothing is null."""
        made: object = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Refused(event, "a second document begins", "give one document at a time")
                made = self._value(next(self.events), MAX_DEPTH + 1)
        return made

    def _value(self, event: yaml.Event, room: int) -> object:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise _Refused(event, f"there is no anchor {event.anchor!r:.60}")
            return self.anchors[event.anchor]
        if isinstance(event, yaml.ScalarEvent):
            return self._named(event, self._scalar(event))
        if room <= 0:
            raise _Refused(event, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
        if isinstance(event, yaml.SequenceStartEvent):
            items: list[object] = []
            self._named(event, items)
            while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
                items.append(self._value(item, room - 1))
            return items
        if isinstance(event, yaml.MappingStartEvent):
            return self._object(event, room)
        raise _Refused(event, "a value was expected")

    def _object(self, start: yaml.MappingStartEvent, room: int) -> object:
        made: dict[str, object] = {}
        self._named(start, made)
        pairs: list[tuple[str, object]] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event)
            value = self._value(next(self.events), room - 1)
            pairs.append((key, value))
            made[key] = value
        return made if len(made) == len(pairs) else Repeated(pairs)

    def _key(self, event: yaml.Event) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise _Refused(event, "a key must be a string", "quote the key")
        if event.value == "<<" and event.implicit[0]:
            raise _Refused(event, "merge keys are not read here", "write the fields out")
        self._named(event, event.value)
        return event.value

    def _named(self, event: yaml.NodeEvent, value: object) -> object:
        tag = (
            event.tag if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) else None
        )
        if tag is not None:
            raise _Refused(event, f"the tag {tag!r:.60} is not read here", "write a plain value")
        if event.anchor is not None:
            if len(self.anchors) >= _MAX_ANCHORS:
                raise _Refused(event, f"more than {_MAX_ANCHORS:,} anchors")
            self.anchors[event.anchor] = value
        return value

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        text = event.value
        if not event.implicit[0]:  # quoted, or a block
            return text
        if text in _YES or text in _NO:
            meant = "true" if text in _YES else "false"
            raise _Refused(
                event,
                f"some read {text} as {meant}, others as the string {text!r}",
                f"write {meant}, or '{text}' in quotes",
            )
        if _TWO_WAYS.fullmatch(text):
            raise _Refused(
                event,
                f"{text:.60} is one number to some, and another or a string to others",
                "write the number in plain digits, or the string in quotes",
            )
        return plain(text)


def plain(text: str) -> bool | int | float | str | None:
    """Give the value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text[:_MAX_DIGITS])
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NO_NUMBER.fullmatch(text):
        return float(text.replace(".", ""))
    return text


class _Writer(_WRITER):  # type: ignore[valid-type,misc]  # libyaml's, or the one in Python
    """Writes strings so that they are read as strings, and nothing by reference."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  # a hook of PyYAML
        """Write everything out."""
        return True


def _string(writer: SafeRepresenter, text: str) -> yaml.ScalarNode:
    certain = text.isascii() and plain(text) == text and not _TWO_WAYS.fullmatch(text)
    node = writer.represent_str(text)
    if not certain or text == "<<":
        node.style = '"'
    return node


_Writer.add_representer(str, _string)


def write(document: Mapping[str, Json]) -> str:
    """Write a document, in blocks; where that would be too large to be read, in one line."""
    blocks = _written(document, flow=False)
    return blocks if len(blocks.encode()) <= MAX_DOCUMENT else _written(document, flow=True)


def _written(document: Mapping[str, Json], *, flow: bool) -> str:
    return yaml.dump(
        document,
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=flow,
        width=MAX_DOCUMENT if flow else 100,
    )
