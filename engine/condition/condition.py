"""Conditions and expressions: questions to a state.

This module knows what an answer must be (a truth value, or any JSON value). It does not know
the graph: who asks, and what follows from the answer.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engine.condition import cel, cost, failure, invalid, result, weighing
from engine.condition.program import Program, compiled
from engine.errors import ConditionFailed, InvalidCondition, InvalidValue
from engine.value import admit, copy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from engine.ids import Json


@dataclass(frozen=True, slots=True)
class Condition:
    """A question to a state that is answered by yes or no. Made by `compile` or `of`."""

    text: str
    """The expression as it was written, or the name of the function."""
    names: frozenset[str]
    """The keys it reads by name."""
    whole: bool
    """It reads the state as a whole, too."""
    _program: Program | None = field(default=None, repr=False, compare=False)
    _function: Callable[[dict[str, Json]], object] | None = field(default=None, repr=False)

    @classmethod
    def compile(cls, text: str, *, facts: frozenset[str] | None = None) -> Condition:
        """Compile a CEL expression.

        Args:
            text: The expression, at most 2,000 characters.
            facts: The only names there are. Without, every name is a key of the state, and
                `state` is the whole state.

        Raises:
            InvalidCondition: It is no CEL (`CONDITION_SYNTAX`), can't be a yes or no
                (`CONDITION_NOT_BOOL`), uses a name not in `facts` (`CONDITION_MISSING_KEY`),
                or is too long or too deep (`CONDITION_TOO_EXPENSIVE`).
        """
        program = compiled(text, facts)
        if program.kind not in {"BOOL", "DYN"}:
            raise invalid.never_bool(text, program.kind)
        reads = program.reads
        return cls(text, reads.bare | reads.keyed, reads.whole, program)

    @classmethod
    def of(cls, function: Callable[[dict[str, Json]], object]) -> Condition:
        """Wrap a Python function of the state that answers with True or False.

        It must depend on the state alone: the question may be asked again when a log is read.
        The state it is given is its own; it takes a copy of every list and object in it, so
        that text is the faster way to ask.

        Raises:
            InvalidCondition: It is a coroutine function, whose answer nobody waits for.
        """
        name = getattr(function, "__qualname__", type(function).__qualname__)
        if inspect.iscoroutinefunction(function):
            raise InvalidCondition(
                f"the condition {name} is a coroutine function, a plain function was expected",
                hint="write `def`; what has to be awaited is work for a node",
                details={"expression": name},
            )
        return cls(f"{name}()", frozenset(), whole=True, _function=function)

    @property
    def portable(self) -> bool:
        """It is text, and can be sent to another process."""
        return self._function is None

    def holds(self, state: Mapping[str, Json]) -> bool:
        """Answer for this state.

        Raises:
            ConditionFailed: A key that decides is missing (`CONDITION_MISSING_KEY`), a value
                does not fit (`CONDITION_TYPE`), the answer is neither true nor false
                (`CONDITION_NOT_BOOL`), or it takes too long (`CONDITION_TOO_EXPENSIVE`).
        """
        program = self._program
        if program is None:
            return self._ask(state)
        answer = _evaluated(program, state)
        if answer is True or answer is False:
            return answer
        raise failure.not_bool(program, answer)

    def _ask(self, state: Mapping[str, Json]) -> bool:
        if self._function is None:
            raise TypeError("a Condition is made by Condition.compile or Condition.of")
        own = {
            key: value if type(value) in _SCALARS else copy_of(value)
            for key, value in state.items()
        }
        try:
            answer = self._function(own)
        except Exception as error:
            raise ConditionFailed(
                f"the condition {self.text} raised {type(error).__name__}: {error}",
                hint="mend the function; it is given the state as a dict",
                details={"expression": self.text},
            ) from error
        if answer is True or answer is False:
            return answer
        raise ConditionFailed(
            f"the condition {self.text} gave {answer!r:.100} of type {type(answer).__name__}, "
            "True or False was expected",
            code="CONDITION_NOT_BOOL",
            hint="return bool(...)",
            details={"expression": self.text},
        )


@dataclass(frozen=True, slots=True)
class Expression:
    """A question to a state that is answered by any JSON value. Made by `compile`."""

    text: str
    """The expression as it was written."""
    names: frozenset[str]
    """The keys it reads by name."""
    whole: bool
    """It reads the state as a whole, too."""
    _program: Program = field(repr=False, compare=False)
    _way: tuple[result.Step, ...] | None = field(repr=False, compare=False)
    """It is nothing but this part of the state."""

    @classmethod
    def compile(cls, text: str, *, facts: frozenset[str] | None = None) -> Expression:
        """Compile a CEL expression; arguments and errors as for `Condition.compile`."""
        program = compiled(text, facts)
        reads = program.reads
        return cls(text, reads.bare | reads.keyed, reads.whole, program, result.way(program.tree))

    def value(self, state: Mapping[str, Json]) -> Json:
        """Work out the value for this state; it shares nothing with the state.

        Raises:
            ConditionFailed: As `Condition.holds`; `CONDITION_TYPE` also where the result is
                no JSON value, such as a timestamp.
        """
        program = self._program
        if self._way is not None and (found := _part(state, self._way)) is not None:
            (value,) = found
            return value if type(value) in _SCALARS else copy_of(value)
        answer = _evaluated(program, state, is_kept=True)
        if type(answer) in _SCALARS and type(answer) is not float:
            return answer
        try:
            return admit(answer, what="the result")
        except InvalidValue as error:
            raise failure.not_json(program, answer, error) from None


_SCALARS: Final = frozenset({type(None), bool, int, float, str})


def _part(state: Mapping[str, Json], way: tuple[result.Step, ...]) -> tuple[Json] | None:
    """Follow a way into the state; None if it does not lead anywhere."""
    key, *more = way
    if not isinstance(key, str) or key not in state:
        return None
    return result.part(state[key], tuple(more))


def _evaluated(program: Program, state: Mapping[str, Json], *, is_kept: bool = False) -> Json:
    """Let the library evaluate; whatever it does to fail becomes ours.

    Args:
        program: What is evaluated.
        state: What it reads.
        is_kept: Whether its result is wanted whatever it is; else, only a truth value is.
    """
    data = program.inputs(state)
    problem = ""
    try:
        problem = cost.reading(data)
        if not problem and not program.plain and not cost.harmless(program.shape, data):
            problem = weighing.excess(program.tree, data)
        if not problem and is_kept and not program.sure:
            problem = result.excess(program.tree, data)
        answer = None if problem else program.run.eval(data=data)
    except Exception as error:  # noqa: BLE001  # the library documents no types of its errors
        raise failure.failed(program, state, data, str(error)) from None
    if answer is None:
        raise failure.too_expensive(program, problem)
    if not program.sure and answer.type().name() != "ERROR":
        return cel.plain(answer) if is_kept else cel.outline(answer)
    value = answer.value()
    if type(value) is bool:
        return value
    raise failure.failed(program, state, data, str(value))
