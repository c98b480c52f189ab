"""A graph written down in its one canonical form, and the hash of it.

This module knows what is written and what is left out because it is the default. Documents
that mean the same have the same canonical form; reading it gives it again. It does not know
the shorthands (`document`, `nodes`, `edges`).
"""

from __future__ import annotations

from dataclasses import fields
from hashlib import sha256
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from engine.condition import Condition, Expression
from engine.graph.expressions import PYTHON
from engine.graph.parts import CachePolicy, Join, Limits, Node, Retry
from engine.graph.words import FIELDS
from engine.value import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine.graph.document import Draft
    from engine.graph.edges import RoutingDraft, RuleDraft
    from engine.ids import Json

UNHASHED: Final = frozenset({"description", "tags", "metadata"})
"""What may change without making another version: it changes nothing in a run."""


_Part: TypeAlias = Node | Retry | Join | CachePolicy | Limits


def _fields_of(kind: type[_Part]) -> tuple[tuple[str, ...], Callable[[object], tuple[object, ...]]]:
    names = tuple(each.name for each in fields(kind))
    return names, cast("Callable[[object], tuple[object, ...]]", attrgetter(*names))


_FIELDS: Final = {kind: _fields_of(kind) for kind in (Node, Retry, Join, CachePolicy, Limits)}
"""For each part, the names of its fields, and what gives all of them at once."""


def version_of(document: Mapping[str, Json]) -> str:
    """Give the hash of a canonical document, which is the version of its graph.

    The name is inside: actors, caches and logs are kept by version alone, and so never mix
    two graphs of different names. The order of keys is not: clients and databases change it.
    """
    hashed: Json = {key: value for key, value in document.items() if key not in UNHASHED}
    return sha256(canonical(hashed)).hexdigest()


def written(draft: Draft, order: Iterable[str]) -> dict[str, Json]:
    """Write a checked draft down, nodes in the given order."""
    order = list(order)
    edges: dict[str, Json] = {}
    for name in order:
        routing = draft.routing.get(name)
        if routing is not None and routing.rules:
            edges[name] = _routing(routing)
    state: dict[str, Json] = {
        "schema": dict(draft.state.schema),
        "defaults": dict(draft.state.defaults),
        "reducers": dict(draft.state.reducers),
    }
    optional: dict[str, Json] = {
        "name": draft.name,
        "description": draft.description,
        "tags": list(draft.tags),
        "metadata": dict(draft.metadata),
        "state": {key: value for key, value in state.items() if value},
        "limits": _others(draft.limits, Limits()),
        "on_failure": "" if draft.on_failure == "fail_fast" else draft.on_failure,
    }
    required: dict[str, Json] = {
        "nodes": {name: _node(draft.nodes[name].node) for name in order},
        "edges": edges,
        "entry": order[0],
    }
    given = {key: value for key, value in optional.items() if value} | required
    return {key: given[key] for key in FIELDS["graph"] if key in given}


_NO_NODE: Final = Node("", tool="")


def _node(node: Node) -> Json:
    written = _others(node, _NO_NODE)
    return {key: written[key] for key in FIELDS["node"] if key in written}


def _others(value: _Part, default: _Part) -> dict[str, Json]:
    """Write the fields of `value` that differ from those of `default`."""
    names, values_of = _FIELDS[type(value)]
    given = values_of(value)
    usual = values_of(default)
    if given == usual:
        return {}
    return {
        name: _plain(one)
        for name, one, other in zip(names, given, usual, strict=True)
        if one != other
    }


def _plain(value: object) -> Json:
    match value:
        case Retry() | Join() | CachePolicy():
            return dict(_others(value, type(value)()))
        case Condition() | Expression():
            return value.text
        case float() if value.is_integer():
            return int(value)  # 30 and 30.0 seconds are one version
        case None | bool() | int() | float() | str():
            return value
        case tuple():
            return [_plain(item) for item in cast("tuple[object, ...]", value)]
        case dict():  # the author's own: 1 and 1.0 are two values
            given = cast("dict[str, Json | Expression]", value)
            return {k: v.text if isinstance(v, Expression) else v for k, v in given.items()}
        case _:
            raise TypeError(f"a part of a graph can't be written down: {value!r}")


def _routing(routing: RoutingDraft) -> Json:
    rules: list[Json] = [_rule(rule) for rule in routing.rules]
    return {"all": rules} if routing.every else rules


def _rule(rule: RuleDraft) -> Json:
    written: dict[str, Json] = {}
    if rule.on is not None:
        written["on"] = rule.on
    if rule.function is not None:
        written["when"] = {PYTHON: rule.function}
    elif rule.when is not None:
        written["when"] = rule.when.text
    written["to"] = [mention.name for mention in rule.to]
    return written
