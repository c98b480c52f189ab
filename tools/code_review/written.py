"""What each step of a review writes into the state: its keys, and the types of their values.

This module knows no step. It is what the schemas of the tools, and their types, are made from.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from tools.code_review.issues import Finding, Issues  # noqa: TC001  # schemas are made at run time
from tools.code_review.metrics import Metrics  # noqa: TC001  # as above
from tools.code_review.outline import Class, Function, Outline  # noqa: TC001  # as above
from tools.code_review.report import Before, StopReason  # noqa: TC001  # as above
from tools.code_review.rounds import Round  # noqa: TC001  # as above
from tools.code_review.rules import Group  # noqa: TC001  # as above
from tools.code_review.score import Quality  # noqa: TC001  # as above
from tools.code_review.suggestions import Suggestion  # noqa: TC001  # as above


class Extraction(TypedDict):
    """What `extract` writes."""

    functions: list[Function]
    classes: list[Class]
    outline: Outline


class Measurement(TypedDict):
    """What `analyze` writes."""

    metrics: Metrics


class Detection(TypedDict):
    """What `detect` writes."""

    findings: list[Finding]
    issues: Issues


class Found(TypedDict, total=False):
    """What a later step writes of that, where no earlier one has."""

    functions: list[Function]
    classes: list[Class]
    outline: Outline
    metrics: Metrics
    findings: list[Finding]
    issues: Issues


class Advice(Found):
    """What `suggest` writes."""

    suggestions: list[Suggestion]


class Judgement(Found):
    """What `quality` writes."""

    quality_score: float
    quality: Quality
    fixable: int
    scores: list[float]
    before: Before
    stop_reason: StopReason
    report: str


class Improvement(TypedDict):
    """What `improve` writes."""

    code: str
    round: int
    rounds: list[Round]
    refused: NotRequired[dict[Group, str]]
