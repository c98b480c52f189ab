"""Whatever is sent that fits the description, or nearly: the answer is what the description says.

`AWE_FUZZ=2000` asks for so many requests in all, instead of the few of `make test`.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Final

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api import examples
from api.openapi import OPERATIONS
from tests.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import BaseSchema, Case, CheckContext, Response

CASES: Final = int(os.environ.get("AWE_FUZZ", "200"))

EACH: Final = math.ceil(1.2 * CASES / len(OPERATIONS) / 2)
"""Requests for each operation that fit the description, and as many that do not. A fifth more,
because some take so little that there are not so many."""

KNOWN: Final = {
    "run_id": ["done", "paused", "failed"],
    "graph_id": ["chorus", "hello"],
    "tool": ["greet", "shout"],
    "template": ["code-review", "retry-with-fallback"],
}
"""What is there, so that not every request ends with a 404."""

RUN: Final = "/api/v1/graph/run"


@schemathesis.check
def every_error_is_a_problem_with_a_hint(
    _: CheckContext, response: Response, __: Case
) -> bool | None:
    """See that an error says what it is and what to do."""
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"], response.text
        problem = response.json()
        assert problem["status"] == response.status_code
        assert all(problem[key] for key in ("type", "title", "detail", "code", "hint")), problem
    assert response.headers["x-content-type-options"] == ["nosniff"]
    return None


CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    every_error_is_a_problem_with_a_hint,
]


@pytest.fixture(scope="module")
def schema() -> Iterator[BaseSchema]:
    """Give the description that a server gives of itself, which has something to ask about."""
    with served() as address, httpx2.Client(base_url=address, timeout=60) as client:

        def post(path: str, body: dict[str, Any]) -> None:
            assert client.post(path, json=body).is_success

        post("/api/v1/graph/create", dict(examples.CHORUS))
        begun = {"graph_id": "chorus", "wait": 30}
        post(RUN, {**begun, "run_id": "done", "initial_state": {}})
        post(RUN, {**begun, "run_id": "failed", "initial_state": {"name": 7}})
        points = [{"node": "echo"}]
        post(RUN, {**begun, "run_id": "paused", "initial_state": {}, "breakpoints": points})
        shout = {"kind": "expression", "input": ["text"], "output": {"loud": "text"}}
        post("/api/v1/tools", {"name": "shout", **shout})
        yield schemathesis.openapi.from_url(f"{address}/openapi.json")


def meant(case: Case, names: dict[str, str]) -> Case:
    """Ask about what is there, if names say so, and never wait long for an answer."""
    for name, value in names.items():
        if name in case.path_parameters:
            case.path_parameters[name] = value
    if isinstance(case.body, dict):
        if "graph_id" in names and isinstance(case.body.get("graph_id"), str):
            case.body["graph_id"] = names["graph_id"]
        for name in ("wait", "timeout"):  # what is wrong stays wrong
            seconds = case.body.get(name)
            if type(seconds) in (int, float) and 0.1 < seconds <= 60:
                case.body[name] = 0.1
    return case


@pytest.mark.timeout(60 + CASES)
@pytest.mark.parametrize("name", [each.name for each in OPERATIONS])
def test_whatever_is_asked_the_answer_is_as_described(schema: BaseSchema, name: str) -> None:
    operation = schema.find_operation_by_id(name)
    # A run that goes on, or is paused, is followed for as long as it is: this one is named then.
    follows = name == "followRun"
    runs = ["done", "nobody"] if follows else KNOWN["run_id"]
    known = st.fixed_dictionaries(
        {}, optional={each: st.sampled_from(KNOWN[each]) for each in KNOWN if each != "run_id"}
    )
    with_runs = st.tuples(known, st.sampled_from(runs)).map(lambda it: {**it[0], "run_id": it[1]})
    asked = with_runs if follows else st.one_of(known, with_runs)
    counted = {"max_examples": EACH, "deadline": None, "database": None}

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @settings(suppress_health_check=list(HealthCheck), **counted)
        @given(case=operation.as_strategy(generation_mode=mode), names=asked)
        def ask(case: Case, names: dict[str, str]) -> None:
            meant(case, names).call_and_validate(checks=CHECKS, timeout=20)

        try:
            ask()
        except Unsatisfiable:  # it takes nothing that could be wrong
            assert mode is GenerationMode.NEGATIVE
