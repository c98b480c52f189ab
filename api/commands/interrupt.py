"""Ctrl-C, and being told to end: once, and a command ends in good order; again, and at once.

This module knows signals and this process. It does not know what commands do. It is there
before all the rest is loaded, so it imports next to nothing: `typing` and `contextlib` alone
would take a third of the time in which Ctrl-C still is a traceback.

Ending at once is safe at any moment: a run goes on from its log, a file is replaced as a whole,
and processes of tools end with the engine.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # as type checkers know it without `typing`
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType
    from typing import Final, NoReturn

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
"""What ends a command: Ctrl-C, and `kill`."""

AGAIN: Final = "Ctrl-C again ends it at once"


class Interrupts:
    """What this process does when it is interrupted; there is one, `INTERRUPTS`."""

    def __init__(self) -> None:
        self.number: int | None = None
        """The signal that came first; None: none has come yet."""
        self.stop: Callable[[], None] = _at_once
        """Called by the first signal."""

    @property
    def status(self) -> int:
        """The exit status of a command that was interrupted, as shells count it."""
        return _status(self.number or signal.SIGINT)

    def heed(self) -> None:
        """Heed signals from now on; until `stopping` says more, the first ends the process."""
        for each in SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:  # as nohup has it
                signal.signal(each, self._come)

    def stopping(self, stop: Callable[[], None]) -> _Stopping:
        """Let the first signal call `stop` while this is entered; Ctrl-C after it ends all.

        `stop` is called between any two instructions, so it may raise KeyboardInterrupt, or
        leave a note for whoever is to end; it must not wait, nor print but by `say`.
        """
        return _Stopping(self, stop)

    def leave(self, status: int) -> None:
        """End this process if it was interrupted: all is done, and whoever waits has waited.

        Python takes another 0.3 s to take itself down, in which Ctrl-C is none of ours.
        """
        if self.number is not None:
            for stream in (sys.stdout, sys.stderr):
                try:  # noqa: SIM105  # `contextlib` takes time, see above
                    stream.flush()
                except (OSError, ValueError, AttributeError):
                    pass  # it is closed, or there is none
            _end(status)

    def _come(self, number: int, _: FrameType | None) -> None:
        if self.number is None:
            self.number = number
            self.stop()
        elif number == signal.SIGINT:  # `timeout` sends its one SIGTERM twice
            say("ended at once")
            _end(_status(number))


class _Stopping:
    """As long as this is entered, the first signal calls `stop`."""

    def __init__(self, interrupts: Interrupts, stop: Callable[[], None]) -> None:
        self._interrupts = interrupts
        self._stop = stop
        self._before = interrupts.stop

    def __enter__(self) -> None:
        self._before, self._interrupts.stop = self._interrupts.stop, self._stop

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._interrupts.stop = self._before


def unwind() -> NoReturn:
    """Leave whatever goes on, as Ctrl-C does where nobody has thought of it.

    Raises:
        KeyboardInterrupt: In any case.
    """
    raise KeyboardInterrupt


def say(line: str) -> None:
    """Say a line on standard error: at any moment, in the middle of other output, too."""
    # What is typed stands in the line of the cursor as ^C, and what moves may have hidden it.
    seen = os.environ.get("TERM") not in (None, "", "dumb")
    begin = ("\n\x1b[?25h" if seen else "\n") if os.isatty(2) else ""
    try:  # noqa: SIM105  # `contextlib` takes time, see above
        os.write(2, f"{begin}awe: {line}\n".encode())
    except OSError:
        pass  # nobody is there to read it


def _at_once() -> None:
    say("interrupted")
    _end(INTERRUPTS.status)


def _status(number: int) -> int:
    return 128 + number


def _end(status: int) -> NoReturn:
    """End this process and nothing else in it: no clean-up, which could wait or fail."""
    os._exit(status)


INTERRUPTS: Final = Interrupts()
"""Those of this process: signals know no other scope."""
