"""What a tool may know about the call it is in, and say while it runs.

This module knows one attempt of one activation. It does not know who made it: the host gives
what is true, and hears what is said.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from engine.frame import NodeProgressed, NodeStreamed
from engine.value import admit

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from datetime import datetime

    from engine.frame import Frame
    from engine.ids import ActivationId, Json, RunId

LOGGER: Final = "awe.tool"
"""The logger that tools write to by `Context.log`."""


class Context:
    """The call that a tool is in: given to the parameter that is annotated with this class.

    Every method may be called from any thread, and none of them waits.

    Attributes:
        run_id: The run.
        node: The node that calls the tool.
        activation: The number of this firing of the node in the run.
        attempt: 1 for the first attempt.
        idempotency_key: The same for every attempt of this firing, and for no other firing.
            Sent along to a service that knows such keys, it makes a repeated effect one effect.
        deadline: When the attempt is given up, in UTC; None if it never is.
    """

    __slots__ = (
        "_cancelled",
        "_log",
        "_say",
        "activation",
        "attempt",
        "deadline",
        "idempotency_key",
        "node",
        "run_id",
    )

    def __init__(  # noqa: PLR0913  # what is true of a call, each by name
        self,
        *,
        run_id: RunId,
        node: str,
        activation: ActivationId,
        attempt: int,
        idempotency_key: str,
        deadline: datetime | None,
        cancelled: Callable[[], bool],
        say: Callable[[Frame], None],
    ) -> None:
        self.run_id: RunId = run_id
        self.node: str = node
        self.activation: ActivationId = activation
        self.attempt: int = attempt
        self.idempotency_key: str = idempotency_key
        self.deadline: datetime | None = deadline
        self._cancelled = cancelled
        self._say = say
        self._log: _Log | None = None

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the result any more: it timed out, or the run has ended.

        An async tool is cancelled then. A plain one in a thread can't be, and should look here
        now and then and return.
        """
        return self._cancelled()

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose records have `run_id`, `node` and `attempt`."""
        if self._log is None:
            facts = {"run_id": self.run_id, "node": self.node, "attempt": self.attempt}
            self._log = _Log(logging.getLogger(LOGGER), facts)
        return self._log

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Say how far the tool is. It is shown to whoever looks on, and not kept.

        Args:
            done: What is done, in whatever unit.
            total: What `done` will be in the end.
            message: What it is doing, for people.

        Raises:
            InvalidValue: A value can't be written as JSON, such as a NaN.
        """
        admit([done, total, message], what=f"the progress of node '{self.node}'")
        if not self._cancelled():
            self._say(
                NodeProgressed(
                    run_id=self.run_id,
                    node=self.node,
                    activation=self.activation,
                    attempt=self.attempt,
                    done=done,
                    total=total,
                    message=message,
                )
            )

    def emit(self, data: Json) -> None:
        """Give a piece of what the tool is making to whoever looks on. It is not kept.

        Args:
            data: Any JSON value. It is copied, so that it may be changed afterwards.

        Raises:
            InvalidValue: It is none; the message says where in it.
        """
        copy = admit(data, what=f"what node '{self.node}' emits")
        if not self._cancelled():
            self._say(
                NodeStreamed(
                    run_id=self.run_id,
                    node=self.node,
                    activation=self.activation,
                    attempt=self.attempt,
                    data=copy,
                )
            )

    def __repr__(self) -> str:
        """Name the attempt."""
        return f"<Context {self.run_id} {self.node} attempt {self.attempt}>"


class _Log(logging.LoggerAdapter[logging.Logger]):
    """Adds its facts to those that a record has of its own."""

    def process(
        self, msg: object, kwargs: MutableMapping[str, object]
    ) -> tuple[object, MutableMapping[str, object]]:
        own = kwargs.get("extra")
        facts = dict(self.extra or {})
        kwargs["extra"] = {**own, **facts} if isinstance(own, dict) else facts
        return msg, kwargs
