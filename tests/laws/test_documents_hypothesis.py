"""Laws of documents: whatever comes in, a graph or all its problems come out.

Valid documents mean the same in every form. Garbage, mutated documents and bytes give
`InvalidGraph` and nothing else. What is found by clever algorithms (which loops have two
entries, which branches can end in one run) is what slow and obvious ones find.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidGraph
from engine.graph import Graph
from engine.graph.words import FIELDS
from tests.laws.shape import START, Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine.errors import Problem

EXAMPLES: Final = 100
few: Final = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# --- valid documents -------------------------------------------------------------------------

WORDS: Final = ["a", "b", "c", "on", "yes", "no", "null", "1", "1e3", "012", "ä b", "x.y", "~"]
LEAVES: Final = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
    | st.sampled_from(["on", "yes", "1:30", "2026-11-22", "0x1f", "1e3", "", " ", "<<", "- a", "#"])
)
KEYS: Final = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6
) | st.sampled_from(["on", "yes", "null", "<<", "1", "~", "? a", "'", "a: b"])
VALUES: Final = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)
OBJECTS: Final = st.dictionaries(KEYS, VALUES, max_size=3)
CONDITIONS: Final = st.sampled_from(["k > 1", "k < 4 || done", 'has(state.k) && k == "on"'])
OUTCOMES: Final = st.sampled_from(["error", "TIMEOUT", "HTTP_503"])
SECONDS: Final = st.floats(0.001, 1e6) | st.integers(1, 10**6)


@st.composite
def policies(draw: st.DrawFn) -> Any:
    """One node of a document, by its tool or with some of its fields."""
    if draw(st.booleans()):
        return draw(st.sampled_from([None, "tool", "code.tool"]))
    fields: dict[str, st.SearchStrategy[Any]] = {
        "tool": st.sampled_from(WORDS),
        "args": OBJECTS,
        "outputs": st.dictionaries(KEYS, st.sampled_from(WORDS), max_size=2),
        "join": st.sampled_from(
            ["first", "each", {"count": 1, "rest": "cancel"}, {"batch": 3}, {"when": "arrived > 1"}]
        ),
        "retry": st.fixed_dictionaries(
            {}, optional={"max_attempts": st.integers(1, 9), "delay": SECONDS, "on": st.just(["E"])}
        ),
        "timeout": SECONDS,
        "total_timeout": SECONDS,
        "on_exhausted": st.sampled_from(["fail", "pause"]),
        "max_visits": st.integers(1, 10**6),
        "cache": st.fixed_dictionaries(
            {},
            optional={
                "key": CONDITIONS,
                "ttl": SECONDS,
                "scope": st.sampled_from(["run", "graph", "tool"]),
            },
        ),
    }
    return draw(st.fixed_dictionaries({}, optional=fields))


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A valid document: a chain of all nodes, with rules that lead anywhere beside it."""
    names = draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6, unique=True))
    targets = st.none() | st.sampled_from(names) | st.lists(st.sampled_from(names), max_size=3)
    rule = st.fixed_dictionaries({"when": CONDITIONS, "to": targets}) | st.fixed_dictionaries(
        {"on": OUTCOMES, "to": targets}, optional={"when": CONDITIONS}
    )
    edges: Any = {}
    for source, target in zip(names, [*names[1:], None], strict=True):
        rules = draw(st.lists(rule, max_size=2))
        if rules or draw(st.booleans()):
            last = {"to": target}
            edges[source] = {"all": [*rules, last]} if draw(st.booleans()) else [*rules, last]
        else:
            edges[source] = target if draw(st.booleans()) else target and [target]
    nodes = {name: draw(policies()) for name in draw(st.permutations(names))}
    document = {"nodes": nodes, "edges": edges, "entry": names[0]}
    optional: dict[str, st.SearchStrategy[Any]] = {
        "name": st.sampled_from(WORDS),
        "description": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
        "tags": st.lists(st.sampled_from(WORDS), unique=True),
        "metadata": OBJECTS,
        "state": st.fixed_dictionaries(
            {},
            optional={
                "schema": OBJECTS,
                "defaults": OBJECTS,
                "reducers": st.dictionaries(st.just("log"), st.sampled_from(["append", "last"])),
            },
        ),
        "limits": st.fixed_dictionaries({}, optional={"deadline": SECONDS}),
        "on_failure": st.sampled_from(["fail_fast", "drain"]),
    }
    return document | draw(st.fixed_dictionaries({}, optional=optional))


def reordered(value: Any) -> Any:
    """Turn the order of the keys of all objects around."""
    match value:
        case dict():
            return {key: reordered(value[key]) for key in reversed(value)}
        case list():
            return [reordered(item) for item in value]
        case _:
            return value


@few
@given(documents())
def test_the_canonical_form_is_a_fixed_point(document: dict[str, Any]) -> None:
    graph = Graph.parse(document)
    again = Graph.parse(graph.document)

    assert again == graph
    assert again.to_json() == graph.to_json()
    assert again.version == graph.version


@few
@given(documents())
def test_every_form_says_the_same_thing(document: dict[str, Any]) -> None:
    graph = Graph.parse(document)

    assert Graph.from_json(json.dumps(document)) == graph
    assert Graph.from_json(graph.to_json()) == graph
    assert Graph.from_yaml(graph.to_yaml()) == graph
    assert Graph.from_yaml(graph.to_yaml()).to_json() == graph.to_json()


@few
@given(documents())
def test_nothing_follows_from_the_order_of_keys(document: dict[str, Any]) -> None:
    graph, other = Graph.parse(document), Graph.parse(reordered(document))

    assert other.to_json() == graph.to_json()
    assert list(other.nodes) == list(graph.nodes)
    assert {w.code for w in other.warnings} == {w.code for w in graph.warnings}


@few
@given(documents())
def test_node_order_is_that_of_the_model(document: dict[str, Any]) -> None:
    graph = Graph.parse(document)

    assert [START, *graph.nodes] == Shape(graph.document).order


# --- garbage ---------------------------------------------------------------------------------

EVERY_WORD: Final = sorted({word for fields in FIELDS.values() for word in fields} | {"a", "b"})
GARBAGE: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from([*EVERY_WORD, "END", "x >", "x > 1", "__end__", "first", "\ud800", "\0"])
    | st.binary(max_size=2)
    | st.just({1, 2}),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from(EVERY_WORD) | st.text(max_size=3), inner, max_size=5)
        | st.dictionaries(st.integers(), inner, max_size=2)
    ),
    max_leaves=20,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to each value in a document."""
    yield path
    match value:
        case dict():
            for key, item in value.items():
                yield from places(item, (*path, key))
        case list():
            for i, item in enumerate(value):
                yield from places(item, (*path, i))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Give a document with another value at one place."""
    if not path:
        return new
    step, *rest = path
    if isinstance(value, dict):
        return {k: replaced(v, tuple(rest), new) if k == step else v for k, v in value.items()}
    return [replaced(v, tuple(rest), new) if i == step else v for i, v in enumerate(value)]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid document of which a few places were replaced, or got something added."""
    document: Any = draw(documents())
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(document))))
        new = draw(GARBAGE)
        if draw(st.booleans()):
            here = document
            for step in path:
                here = here[step]
            if isinstance(here, dict):
                new = here | {draw(st.sampled_from(EVERY_WORD)): new}
            elif isinstance(here, list):
                new = [*here, new]
        document = replaced(document, path, new)
    return document


def told(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    assert problems
    for problem in problems:
        assert problem.message
        assert problem.path == "" or problem.path.startswith("/")
    return problems


def outcome(read: Callable[[Any], Graph], given_: Any) -> tuple[Any, ...]:
    """Read what came, and check that what is said about it makes sense."""
    try:
        graph = read(given_)
    except InvalidGraph as error:
        return told(error.problems)
    assert Graph.parse(graph.document) == graph
    return (graph.version, graph.warnings)


@few
@given(GARBAGE)
def test_garbage_is_told_to_be_garbage(garbage: object) -> None:
    assert outcome(Graph.parse, garbage) == outcome(Graph.parse, garbage)


@settings(few, max_examples=2 * EXAMPLES)
@given(mutated())
def test_a_mutated_document_is_a_graph_or_told_its_problems(document: object) -> None:
    assert outcome(Graph.parse, document) == outcome(Graph.parse, document)


@few
@given(st.binary(max_size=200) | st.text(max_size=200))
def test_bytes_and_text_are_read_or_told_not_to_be_readable(text: str | bytes) -> None:
    outcome(Graph.from_json, text)
    outcome(Graph.from_yaml, text)


@st.composite
def torn(draw: st.DrawFn) -> tuple[str, str]:
    """The JSON and the YAML of a valid document, of which a piece was cut out or replaced."""
    graph = Graph.parse(draw(documents()))
    texts = []
    for text in (graph.to_json(), graph.to_yaml()):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 5)))
        piece = draw(st.text(max_size=2) | st.sampled_from(list('{}[]:,"&*!|>%@\t\n')))
        texts.append(text[:start] + piece + text[end:])
    return texts[0], texts[1]


@few
@given(torn())
def test_a_torn_text_is_read_or_told_not_to_be_readable(texts: tuple[str, str]) -> None:
    outcome(Graph.from_json, texts[0])
    outcome(Graph.from_yaml, texts[1])


# --- clever and obvious algorithms -----------------------------------------------------------


@st.composite
def drawings(draw: st.DrawFn) -> dict[str, Any]:
    """A graph of conditional edges, small and without any order."""
    names = [f"n{i}" for i in range(draw(st.integers(2, 7)))]
    edges: dict[str, Any] = {}
    for i, source in enumerate(names):
        beyond = names[i + 1 : i + 2]
        others = draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
        together = draw(st.booleans())
        edges[source] = [
            {"when": "k", "to": beyond},
            *([{"when": "k", "to": others}] if together else []),
            *([] if together else [{"when": "k", "to": name} for name in others]),
            {"to": None},
        ]
    nodes = {name: {"output": "x"} for name in names}
    return {"nodes": nodes, "edges": edges, "entry": "n0"}


def edges_of(document: dict[str, Any]) -> dict[str, set[str]]:
    return {
        source: {t for rule in rules for t in _names(rule["to"])}
        for source, rules in document["edges"].items()
    }


def _names(to: Any) -> list[str]:
    return [] if to is None else [to] if isinstance(to, str) else to


def has_a_loop_with_two_entries(entry: str, out: dict[str, set[str]]) -> bool:
    """Shrink the graph: take loops of one node away, join nodes with one source to it."""
    out = {source: set(targets) for source, targets in out.items()}
    while True:
        for source, targets in out.items():
            targets.discard(source)
        sources = {name: [s for s in out if name in out[s]] for name in out}
        alone = next((n for n in out if n != entry and len(sources[n]) == 1), None)
        if alone is None:
            return len(out) > 1
        (source,) = sources[alone]
        out[source].discard(alone)
        out[source] |= out.pop(alone)


@few
@given(drawings())
def test_loops_with_two_entries_are_those_that_do_not_shrink(document: dict[str, Any]) -> None:
    graph = Graph.parse(document)

    warned = any(w.code == "LOOP_TWO_ENTRIES" for w in graph.warnings)

    assert warned == has_a_loop_with_two_entries("n0", edges_of(document))


def paths(out: dict[str, set[str]], node: str, seen: frozenset[str]) -> Iterator[frozenset[str]]:
    """Give the sets of nodes on the simple paths from a node that avoid what was seen."""
    seen |= {node}
    yield seen
    for target in out[node] - seen:
        yield from paths(out, target, seen)


def ends_of(out: dict[str, set[str]], node: str, around: frozenset[str]) -> set[frozenset[str]]:
    return {path - around for path in paths(out, node, around)}


def can_end_in_one_run(document: dict[str, Any]) -> bool:
    """Search two paths from one rule with several targets that share no node at all."""
    out = edges_of(document)
    for source, rules in document["edges"].items():
        for rule in rules:
            targets = set(_names(rule["to"])) - {source}
            for one in targets:
                for other in targets - {one}:
                    fork = frozenset({source})
                    for a in ends_of(out, one, fork):
                        if any(not a & b for b in ends_of(out, other, fork)):
                            return True
    return False


@few
@given(drawings())
def test_branches_that_can_end_in_one_run_are_found(document: dict[str, Any]) -> None:
    graph = Graph.parse(document)

    warned = any(w.code == "LEAF_CONFLICT" for w in graph.warnings)

    assert warned == can_end_in_one_run(document)
