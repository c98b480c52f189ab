"""Every error of the engine, as one tree; the branch tells whose fault it is.

    EngineError
    ├── InvalidGraph            the document: mend it
    ├── InvalidCondition        one expression of it (reported as a Problem of the graph)
    ├── InvalidValue            a value that can't be in a state
    ├── InvalidTool             a function that can't be a tool                 (tool.py)
    ├── InvalidDeclaration      a document that declares no tool   (declaration/problems.py)
    ├── InvalidSchema           a JSON Schema that can't be used           (validator.py)
    ├── InvalidTemplate         a document that is no template              (template.py)
    ├── InvalidParameters       what a template was given does not fit it   (template.py)
    ├── DiagramTooLarge         a graph that no picture can be made of   (diagram/layout.py)
    ├── NodeError               what went wrong in a node, as an exception: a value in the log
    │   ├── ConditionFailed     an expression that can't be evaluated on this state
    │   └── ToolError           what a tool raises to name its own error        (tool.py)
    ├── Refused                 the input does not fit the run as it is now
    │   ├── RunOver             the run has ended
    │   ├── StaleResult         nobody waits for this result any more
    │   ├── DuplicateCommand    this command has been carried out already
    │   ├── NotApplicable       the command makes no sense here
    │   └── RunExists           the name of a run is taken                      (host.py)
    ├── NotFound                there is no such graph, run or tool
    ├── LogMoved                somebody else has written to this log
    ├── StoreUnavailable        the store can't keep anything for now           (store.py)
    ├── StoreClosed             the store was closed before it could            (store.py)
    │   └── Fenced              another engine has claimed the store since    (failure.py)
    ├── StoreInUse              another engine drives the runs of the store     (store.py)
    ├── CacheUnavailable        a cache can't be reached, or refuses            (cache.py)
    ├── Lagging                 a reader is further behind than it wanted       (tail.py)
    ├── Overloaded              as many runs go on as may                      (host.py)
    ├── EngineClosed            the engine has been closed, or never opened     (host.py)
    ├── RunFailed               the run that was waited for failed              (report.py)
    └── RunCancelled            the run that was waited for was cancelled       (report.py)

This module knows how errors are told apart and what they say. It does not know when they
are raised, and imports nothing but names. Facts are attributes as well as words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.ids import Json, Seq


class EngineError(Exception):
    """The root of the tree.

    Attributes:
        code: A stable word for programs, such as `NO_ROUTE`.
        message: What was expected and what came, for people.
        hint: The next step, or nothing.
        details: The facts behind the message.
    """

    code: str = "ENGINE_ERROR"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str = "",
        details: Mapping[str, Json] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.message = message
        self.hint = hint
        self.details: dict[str, Json] = dict(details or {})

    def __str__(self) -> str:
        """Give message and hint."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a document."""

    code: str
    path: str
    """A JSON pointer (RFC 6901) into the document as it was given."""
    message: str
    hint: str = ""


class InvalidGraph(EngineError):
    """A document is not a graph; `problems` lists everything that is wrong with it."""

    code = "INVALID_GRAPH"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = len(self.problems)
        lines = "\n".join(
            f"  {p.path or '/'}: {p.message}" + (f" ({p.hint})" if p.hint else "")
            for p in self.problems
        )
        noun = "problem" if count == 1 else "problems"
        super().__init__(f"the graph has {count} {noun}:\n{lines}")


class InvalidCondition(EngineError):
    """An expression does not compile; `details` has `expression`, and `column` if known."""

    code = "CONDITION_SYNTAX"


class InvalidValue(EngineError):
    """A value can't be in a state; `path` says where in it, such as `reviews[3].score`."""

    code = "BAD_VALUE"

    def __init__(self, message: str, *, path: str, hint: str = "") -> None:
        self.path = path
        super().__init__(message, hint=hint, details={"path": path})


class NodeError(EngineError):
    """What went wrong in a node. The core turns it into an entry; it never leaves a step."""

    code = "NODE_ERROR"


class ConditionFailed(NodeError):
    """An expression can't be evaluated on this state; `details` has expression and value."""

    code = "CONDITION_FAILED"


class Refused(EngineError):
    """The run is in no state to take this input. Nothing was changed."""

    code = "REFUSED"


class RunOver(Refused):
    """The run has ended; its terminal entry is final."""

    code = "RUN_OVER"


class StaleResult(Refused):
    """No activation waits for this result: it was withdrawn, timed out or answered."""

    code = "STALE_RESULT"


class DuplicateCommand(Refused):
    """The command has been carried out; `seq` is the entry it caused."""

    code = "DUPLICATE_COMMAND"

    def __init__(self, n: int, seq: Seq) -> None:
        self.seq = seq
        super().__init__(f"command {n} was carried out already, at seq {seq}")


class NotApplicable(Refused):
    """The command does not fit what it names, or it names nothing there is."""

    code = "NOT_APPLICABLE"


class NotFound(EngineError):
    """There is no such thing, or it is somebody else's."""

    code = "NOT_FOUND"


class LogMoved(EngineError):
    """The log is longer than the writer thought: somebody else writes it."""

    code = "LOG_MOVED"
