"""Documents: every field of a node, of the limits and of the state is read and written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.graph import Graph, Limits, Retry
from engine.reducer import Reducer

if TYPE_CHECKING:
    from engine.ids import Json


def test_every_field_of_a_node_is_read_and_written_again() -> None:
    node: dict[str, Json] = {
        "tool": "t",
        "args": {"level": 1.0, "deep": [{"x": None}]},
        "inputs": {"text": "code + '!'"},
        "outputs": {"score": "value"},
        "join": {"when": "arrived * 2 >= total", "rest": "block"},
        "retry": {
            "max_attempts": 3,
            "delay": 0,
            "factor": 1.5,
            "max_delay": 10,
            "jitter": 0,
            "on": ["TIMEOUT", "HTTP_503"],
        },
        "timeout": 30,
        "total_timeout": 90.5,
        "on_exhausted": "pause",
        "on_limit": "pause",
        "max_visits": 5,
        "max_parallel": 2,
        "cache": {"key": "code", "ttl": 60, "scope": "graph"},
        "routes": ["a"],
    }
    document = {"nodes": {"a": node}, "entry": "a"}

    graph = Graph.parse(document)
    read = graph.nodes["a"]

    assert graph.document["nodes"] == {"a": node}
    assert read.retry == Retry(
        max_attempts=3,
        delay=0.0,
        factor=1.5,
        max_delay=10.0,
        jitter=0.0,
        on=("TIMEOUT", "HTTP_503"),
    )
    assert read.join is not None
    assert (read.join.count, read.join.batch, read.join.rest) == (None, None, "block")
    assert read.join.when is not None
    assert read.join.when.names == {"arrived", "total"}
    assert (read.timeout, read.total_timeout, read.max_visits) == (30.0, 90.5, 5)
    assert read.inputs["text"].value({"code": "x"}) == "x!"
    assert read.routes == ("a",)


def test_every_limit_is_read_and_written_again() -> None:
    limits: dict[str, Json] = {
        "max_visits": 2,
        "max_activations": 3,
        "max_in_flight": 4,
        "deadline": 0.5,
        "max_state": 5,
        "max_patch": 6,
        "max_depth": 7,
        "max_parallel": 8,
    }

    graph = Graph.parse({"nodes": ["a"], "limits": limits})

    assert graph.document["limits"] == limits
    assert graph.limits == Limits(2, 3, 4, 0.5, 5, 6, 7, 8)


def test_what_is_left_out_has_its_default() -> None:
    graph = Graph.parse({"nodes": ["a"]})

    assert graph.limits == Limits()
    assert graph.nodes["a"].retry == Retry()
    assert graph.nodes["a"].join is None
    assert graph.on_failure == "fail_fast"
    assert (graph.name, graph.description, graph.tags, graph.metadata) == ("", "", (), {})


def test_a_graph_has_the_reducers_of_its_keys() -> None:
    median = Reducer.of("median", lambda value, item: value or item)
    state = {"reducers": {"xs": "append", "m": "median"}}

    graph = Graph.parse({"nodes": ["a"], "state": state}, reducers={"median": median})

    assert graph.reducers["m"] is median
    assert set(graph.reducers) == {"xs", "m"}
    assert Graph.from_json(graph.to_json(), reducers={"median": median}) == graph
