"""The nodes of a document: every shorthand of them read into `Node`.

This module knows a node by itself, its tool and its policies. It does not know where it
leads (`edges`), nor whether the nodes it names exist (`check`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from engine.graph.expressions import JOIN_FACTS
from engine.graph.fields import Fields, check_name
from engine.graph.parts import CachePolicy, Join, Node, Retry
from engine.graph.problems import UNREADABLE, listed, shown
from engine.graph.words import NODE_CODES, plain, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine.condition import Expression
    from engine.graph.expressions import Expressions
    from engine.graph.problems import Pointer, Problems
    from engine.ids import Json

MAX_NODES: Final = 10_000

_RESERVED: Final = re.compile(r"__.*__", re.DOTALL)
_ERROR_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,99}")

_SCOPES: Final[tuple[Literal["run", "graph", "tool"], ...]] = ("run", "graph", "tool")
_FAIL_OR_PAUSE: Final[tuple[Literal["fail", "pause"], ...]] = ("fail", "pause")
_REST: Final[tuple[Literal["ignore", "cancel", "block"], ...]] = ("ignore", "cancel", "block")

_JOINS: Final[Mapping[str, Join]] = {"first": Join(count=1), "each": Join(batch=1)}
_FOREIGN_JOINS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        words("all wait all_success all_done and wait_all default"),
        'leave "join" out: a node waits for all that can still come',
    ),
    **dict.fromkeys(words("any one or race one_success any_of"), 'write "first"'),
    **dict.fromkeys(words("every none multi always"), 'write "each"'),
}


class Mention(NamedTuple):
    """A name of a node, and where the document names it."""

    name: str
    path: Pointer


@dataclass(frozen=True, slots=True)
class NodeDraft:
    """A node as it was read; the nodes it names may not exist."""

    node: Node
    path: Pointer
    routes: tuple[Mention, ...] = ()
    sound: bool = True
    """False: part of it could not be read, so that what follows from it is not known."""


def is_error_code(word: str) -> bool:
    """Tell whether a word is an error code: UPPER_SNAKE."""
    return _ERROR_CODE.fullmatch(word) is not None


def code_hint(word: str) -> str:
    """Say which error code is perhaps meant by a word that is none, and where codes are from."""
    upper = plain(word).upper()
    if upper in NODE_CODES:
        return f"error codes are written {upper!r}"
    code = upper if is_error_code(upper) else "..."
    return (
        "an exception of a tool has the code 'TOOL_FAILED'; "
        f"a tool gives its own with ToolError(..., code={code!r})"
    )


def check_node_name(name: str, path: Pointer, problems: Problems) -> None:
    """Report a name that no node can have."""
    if check_name(name, path, "node", problems) and _RESERVED.fullmatch(name):
        problems.add(
            "BAD_NAME",
            path,
            f"the name {name!r:.80} is reserved, as all that begin and end with two underscores",
            'a branch ends with null, and "entry" names the first node; else choose another name',
        )


class NodeReader:
    """Reads the `nodes` of one document."""

    def __init__(self, problems: Problems, expressions: Expressions) -> None:
        self.problems = problems
        self.expressions = expressions
        self.nodes: dict[str, NodeDraft] = {}
        self.sound: bool = True
        """False: a node may be there that could not be read."""

    def read(self, value: Json, path: Pointer) -> None:
        """Read a list of names, or a map of names to tools or objects."""
        if isinstance(value, list):
            for i, item in enumerate(value):
                self._listed(item, (*path, i))
        elif isinstance(value, dict):
            for name, item in value.items():
                where = (*path, name)
                check_node_name(name, where, self.problems)
                self.nodes[name] = self._node(name, item, where)
        else:
            self.sound = False
            self.problems.wrong_type(
                path, value, "a list of names, or a map of names to tools or objects"
            )

    def _listed(self, item: Json, path: Pointer) -> None:
        if not isinstance(item, str):
            self.sound = False
            hint = ""
            if isinstance(item, dict):
                hint = 'nodes with more than a name are a map: {"<name>": {"tool": ...}}'
            self.problems.wrong_type(path, item, "the name of a node", hint)
        elif item in self.nodes:
            self.problems.add(
                "DUPLICATE_NODE",
                path,
                f"the node {item!r:.80} is there twice",
                "name it once; two nodes with one tool need two names",
            )
        else:
            check_node_name(item, path, self.problems)
            self.nodes[item] = NodeDraft(Node(item, item), path)

    def _node(self, name: str, value: Json, path: Pointer) -> NodeDraft:
        if value is None:
            return NodeDraft(Node(name, name), path)
        if isinstance(value, str):
            sound = check_name(value, path, "tool", self.problems)
            return NodeDraft(Node(name, value), path, sound=sound)
        if not isinstance(value, dict):
            self.problems.wrong_type(path, value, "the name of a tool, or an object")
            return NodeDraft(Node(name, name), path, sound=False)
        fields = Fields(value, path, "node", self.problems)
        sound = fields.close()
        routes = tuple(Mention(*found) for found in fields.texts("routes", "names of nodes"))
        sound = sound and (fields.get("routes") is None or isinstance(fields.get("routes"), list))
        return NodeDraft(self._policies(name, fields, routes), path, routes, sound=sound)

    def _policies(self, name: str, fields: Fields, routes: tuple[Mention, ...]) -> Node:
        tool = fields.text("tool", name)
        if fields.get("tool") is not None:
            check_name(tool, fields.at("tool"), "tool", self.problems)
        args = fields.mapping("args")
        outputs = self._outputs(fields)
        inputs: dict[str, Expression] = {}
        for key, text in fields.mapping("inputs").items():
            expression = self.expressions.expression(text, (*fields.at("inputs"), key))
            if expression is not None:
                inputs[key] = expression
            if key in args:
                self.problems.add(
                    "CONFLICTING_FIELDS",
                    (*fields.at("inputs"), key),
                    f'the parameter {key!r:.80} is in "args" and in "inputs"',
                    "leave one of them out",
                )
        return Node(
            name=name,
            tool=tool,
            args=args,
            inputs=inputs,
            outputs=outputs,
            output=fields.text("output") or None,
            join=self._join(fields.get("join"), fields.at("join")),
            retry=self._retry(fields.get("retry"), fields.at("retry")),
            timeout=fields.number("timeout"),
            total_timeout=fields.number("total_timeout"),
            on_exhausted=fields.choice("on_exhausted", _FAIL_OR_PAUSE, "fail"),
            on_limit=fields.choice("on_limit", _FAIL_OR_PAUSE, "fail"),
            max_visits=fields.integer("max_visits"),
            max_parallel=fields.integer("max_parallel"),
            cache=self._cache(fields),
            routes=tuple(mention.name for mention in routes),
        )

    def _outputs(self, fields: Fields) -> dict[str, str]:
        given = fields.mapping("outputs")
        if given and fields.get("output") is not None:
            self.problems.add(
                "CONFLICTING_FIELDS",
                fields.at("output"),
                'a result goes to one key ("output") or is taken apart ("outputs"), not both',
                "leave one of them out",
            )
        outputs: dict[str, str] = {}
        for key, name in given.items():
            if isinstance(name, str):
                outputs[key] = name
            else:
                self.problems.wrong_type(
                    (*fields.at("outputs"), key), name, "the name of a key of the result"
                )
        return outputs

    def _join(self, value: Json, path: Pointer) -> Join | None:
        if value is None or value is UNREADABLE:
            return None
        if isinstance(value, str):
            if value not in _JOINS:
                self.problems.add(
                    "NOT_ONE_OF",
                    path,
                    f"expected 'first', 'each' or an object, got {shown(value)}",
                    _FOREIGN_JOINS.get(value.lower()) or self.problems.did_you_mean(value, _JOINS),
                )
            return _JOINS.get(value)
        if not isinstance(value, dict):
            hint = f'write {{"count": {shown(value)}}}' if type(value) is int else ""
            self.problems.wrong_type(path, value, "'first', 'each' or an object", hint)
            return None
        fields = Fields(value, path, "join", self.problems)
        known = fields.close()
        given = [field for field in ("count", "when", "batch") if fields.get(field) is not None]
        if len(given) > 1 or (not given and known):
            self.problems.add(
                "CONFLICTING_FIELDS" if given else "MISSING_FIELD",
                path,
                f"a join has exactly one of 'count', 'when' and 'batch', this has "
                f"{listed(given) or 'none'}",
                'for one firing per message write "each"' if not given else "leave one of them out",
            )
        if fields.get("rest") is not None and given == ["batch"]:
            self.problems.add(
                "CONFLICTING_FIELDS",
                fields.at("rest"),
                "'rest' says what becomes of later messages of a round; 'batch' knows no rounds",
                "leave it out",
            )
        when = fields.get("when")
        return Join(
            count=fields.integer("count"),
            when=None
            if when is None
            else self.expressions.condition(when, fields.at("when"), JOIN_FACTS),
            batch=fields.integer("batch"),
            rest=fields.choice("rest", _REST, "ignore"),
        )

    def _retry(self, value: Json, path: Pointer) -> Retry:
        if type(value) is int:
            self.problems.wrong_type(path, value, "an object", f'write {{"max_attempts": {value}}}')
            return Retry()
        fields = Fields.of(value, path, "retry", self.problems)
        fields.close()
        default = Retry()
        attempts = fields.integer("max_attempts")
        return Retry(
            max_attempts=default.max_attempts if attempts is None else attempts,
            delay=_or(fields.number("delay"), default.delay),
            factor=_or(fields.number("factor"), default.factor),
            max_delay=_or(fields.number("max_delay"), default.max_delay),
            jitter=_or(fields.number("jitter"), default.jitter),
            on=tuple(self._codes(fields)),
        )

    def _codes(self, fields: Fields) -> list[str]:
        codes: list[str] = []
        for word, path in fields.texts("on", "error codes"):
            if is_error_code(word):
                codes.append(word)
            else:
                self.problems.add(
                    "BAD_OUTCOME",
                    path,
                    f"expected an error code such as 'TIMEOUT', got {shown(word)}",
                    'leave "on" out to retry after any error'
                    if word == "error"
                    else code_hint(word),
                )
        return codes

    def _cache(self, fields: Fields) -> CachePolicy | None:
        value = fields.get("cache")
        if value is None:
            return None
        cache = Fields.of(value, fields.at("cache"), "cache", self.problems)
        cache.close()
        key = cache.get("key")
        return CachePolicy(
            key=None if key is None else self.expressions.expression(key, cache.at("key")),
            ttl=cache.number("ttl"),
            scope=cache.choice("scope", _SCOPES, "tool"),
        )


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
