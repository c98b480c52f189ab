"""What can stand in the log of a run: one frozen struct for each type of entry.

This module knows the words of the log and how they are written down. It does not know what
an entry does to a run (`run`) nor who decides that it happens (`decide`). `docs/log.md` is
the table of these types and their fields, and a test holds it against this code.

Names are past participles: an entry states what has happened, and never changes.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # msgspec reads annotations at run time
from typing import Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import field

from engine.ids import ActivationId, Json, RunId, Seq  # noqa: TC001  # as above


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An error as a value: what a person needs to understand and mend it."""

    code: str
    message: str
    hint: str = ""
    details: dict[str, Json] = {}
    cause: tuple[str, ...] = ()
    """The chain of what lies behind it, the nearest first, each as `Type: message`."""
    retryable: bool = True
    """False: another attempt can't help, so none is made."""
    retry_after: float | None = None
    """Seconds that whoever failed asked to be left alone."""


class Breakpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A place where a run pauses: before or after a node, always or under a condition."""

    node: str
    where: Literal["before", "after"] = "before"
    when: str | None = None


class Blob(msgspec.Struct, frozen=True, gc=False):
    """A value that stands outside of its entry, because its JSON is larger than 64 KiB."""

    sha256: str
    """Of its JSON, in hex: `GET /api/v1/blobs/{sha256}` gives it."""
    bytes: int


class Counts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The messages of a run that ended. `sent == consumed + withdrawn + open`, always."""

    sent: int
    consumed: int
    withdrawn: int
    open: int


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", gc=False):
    """What every entry carries.

    Entries hold JSON and never each other, so the garbage collector need not visit them.
    """

    seq: Seq
    """The number of this entry in its log, from 0."""
    batch: Seq
    """The seq of the last entry of the batch it was decided in."""
    at: datetime
    """UTC, to the microsecond; the same for a whole batch."""
    run_id: RunId


class Caused(Entry, frozen=True, kw_only=True):
    """An entry that a person or another program caused by a command."""

    command: int | None = None
    """The number of the command in its run: a command delivered twice counts once."""
    actor: str = "anonymous"


class RunStarted(Entry, frozen=True, kw_only=True, tag="run.started"):
    """A run began, on this version of a graph, with this state (defaults included)."""

    graph: str
    version: str
    state: dict[str, Json]
    tags: dict[str, str] = {}
    breakpoints: tuple[Breakpoint, ...] = ()
    tools: dict[str, int] = {}
    """The version of each declared tool that its nodes call, whatever is registered later."""
    tenant: str = "default"
    actor: str = "anonymous"
    blobs: dict[str, Blob] | None = None
    """Values of the state that are not in it as it is written down."""


class RunForked(Caused, frozen=True, kw_only=True, tag="run.forked"):
    """A run began with the log of another up to `at_seq` as its own first part."""

    origin: RunId
    at_seq: Seq
    keep_keys: bool = True
    """True: the idempotency keys of the origin stay, so that effects are not repeated."""


class MessageSent(Entry, frozen=True, tag="message.sent"):
    """A message went along an edge; its seq is its name."""

    to: str
    source: str | None = field(default=None, name="from")
    """None: the start of the run."""
    activation: ActivationId | None = None
    """The activation that sent it."""


class MessageWithdrawn(Entry, frozen=True, kw_only=True, tag="message.withdrawn"):
    """Messages left the run unconsumed, and with them the activation that held them."""

    node: str
    """Where they were."""
    messages: tuple[Seq, ...]
    by: str
    """The node whose `rest` withdrew them."""
    reason: Literal["late", "cancel"] = "late"
    activation: ActivationId | None = None
    """The activation that held them and is to be stopped, if one did."""


class NodeStarted(Entry, frozen=True, tag="node.started"):
    """A node fired, or was given another attempt, and was handed to its actor."""

    node: str
    activation: ActivationId
    messages: tuple[Seq, ...]
    """What it consumed, in the order in which their histories were merged."""
    attempt: int = 1


class NodeCompleted(Entry, frozen=True, tag="node.completed"):
    """A node gave back `patch`; the messages its activation held are consumed."""

    node: str
    activation: ActivationId
    attempt: int
    patch: dict[str, Json]
    overwrites: tuple[str, ...] = ()
    """Keys of the patch that set their value and skip the reducer."""
    goto: tuple[str, ...] | None = None
    """The successors that the tool named itself."""
    queued: float | None = None
    """Seconds between firing and call, as the host measured them."""
    took: float | None = None
    """Seconds of the call."""
    cached: bool = False
    """The result came from the cache; the tool was not called."""
    blobs: dict[str, Blob] | None = None
    """Values of the patch that are not in it as it is written down."""


class NodeFailed(Entry, frozen=True, kw_only=True, tag="node.failed"):
    """A node failed for good: no further attempt is made by itself."""

    node: str
    activation: ActivationId
    attempt: int
    """0: it could not even fire."""
    error: ErrorInfo
    then: Literal["routed", "paused", "fails"]
    """`routed`: a rule with `on` takes the error, and the messages held are consumed.
    `paused`: the run waits for a person. `fails`: the run fails, now or when it has drained."""
    messages: tuple[Seq, ...] = ()
    """For attempt 0: the messages that were to fire it."""
    queued: float | None = None
    took: float | None = None


class NodeRetrying(Entry, frozen=True, kw_only=True, tag="node.retrying"):
    """An attempt failed; the next one is made at `due`."""

    node: str
    activation: ActivationId
    attempt: int
    """The attempt that failed."""
    error: ErrorInfo
    due: datetime
    queued: float | None = None
    took: float | None = None


class NodeSkipped(Caused, frozen=True, kw_only=True, tag="node.skipped"):
    """A person gave the result in place of the node."""

    node: str
    activation: ActivationId
    patch: dict[str, Json]
    blobs: dict[str, Blob] | None = None
    """As in `node.completed`."""


class BreakpointHit(Entry, frozen=True, kw_only=True, tag="breakpoint.hit"):
    """The run came to a breakpoint; it is paused in the same batch."""

    node: str
    where: Literal["before", "after"]
    messages: tuple[Seq, ...] = ()
    """For `before`: what the node is about to consume."""
    problem: str = ""
    """Why the condition of the breakpoint could not be evaluated, which counts as a hit."""


class BreakpointsSet(Caused, frozen=True, kw_only=True, tag="breakpoints.set"):
    """These breakpoints are in force from here on, and no others."""

    breakpoints: tuple[Breakpoint, ...]


class StatePatched(Caused, frozen=True, kw_only=True, tag="state.patched"):
    """A person set keys of the state of messages in flight."""

    patch: dict[str, Json]
    messages: tuple[Seq, ...]
    blobs: dict[str, Blob] | None = None
    """As in `node.completed`."""


class LimitRaised(Caused, frozen=True, kw_only=True, tag="limit.raised"):
    """A limit of this run has another value; None takes it away."""

    limit: str
    value: int | float | None


class RunPaused(Caused, frozen=True, kw_only=True, tag="run.paused"):
    """Nothing fires until the run is resumed; attempts that are running go on."""

    reason: Literal["command", "breakpoint", "exhausted", "limit"]
    node: str | None = None
    error: ErrorInfo | None = None


class RunStepped(Caused, frozen=True, kw_only=True, tag="run.stepped"):
    """A paused run may fire one node, now or as soon as one is due."""


class RunResumed(Caused, frozen=True, kw_only=True, tag="run.resumed"):
    """A paused run goes on."""


class RunCompleted(Entry, frozen=True, kw_only=True, tag="run.completed"):
    """Nothing was left to do. Nothing follows."""

    messages: Counts


class RunFailed(Entry, frozen=True, kw_only=True, tag="run.failed"):
    """The run can't go on. Nothing follows; a retry is a new run."""

    error: ErrorInfo
    messages: Counts
    node: str | None = None
    activation: ActivationId | None = None
    attempt: int | None = None


class RunCancelled(Caused, frozen=True, kw_only=True, tag="run.cancelled"):
    """Somebody ended the run. Nothing follows."""

    messages: Counts
    reason: str = ""


AnyEntry: TypeAlias = (
    RunStarted
    | RunForked
    | MessageSent
    | MessageWithdrawn
    | NodeStarted
    | NodeCompleted
    | NodeFailed
    | NodeRetrying
    | NodeSkipped
    | BreakpointHit
    | BreakpointsSet
    | StatePatched
    | LimitRaised
    | RunPaused
    | RunStepped
    | RunResumed
    | RunCompleted
    | RunFailed
    | RunCancelled
)
"""Every type of entry; a `match` over it ends in `assert_never`."""

ENTRY_TYPES: Final[tuple[type[Entry], ...]] = get_args(AnyEntry)

TERMINAL: Final = (RunCompleted, RunFailed, RunCancelled)
"""Exactly one of these ends a log, and nothing comes after it."""


class _Numbered(msgspec.Struct):
    """The only thing in an entry that says where a row begins."""

    seq: Seq


_encoder = msgspec.json.Encoder()
_number: Final = msgspec.json.Decoder(_Numbered)
_decoder: Final[msgspec.json.Decoder[AnyEntry]] = msgspec.json.Decoder(AnyEntry)


def encode(entry: Entry) -> bytes:
    """Write an entry down: one line of JSON, the same bytes for log, disk and stream."""
    return _encoder.encode(entry)


def decode(line: bytes) -> AnyEntry:
    """Read what `encode` wrote.

    Raises:
        msgspec.ValidationError: It is not an entry; the message says at which field.
    """
    return _decoder.decode(line)


def encode_batch(batch: tuple[Entry, ...]) -> bytes:
    """Write a batch down, one entry per line: what a store keeps as one row."""
    return b"\n".join(map(_encoder.encode, batch))


def first_seq(row: bytes) -> Seq:
    """Tell the number of the first entry of a batch that was written down.

    Raises:
        msgspec.ValidationError: Its first line is not an entry.
    """
    return _number.decode(row.partition(b"\n")[0]).seq


def decode_batch(row: bytes) -> tuple[AnyEntry, ...]:
    """Read what `encode_batch` wrote; the last entry says whether the row is whole.

    Raises:
        ValueError: The row is torn: its last entry is not the one its batch ends with.
        msgspec.ValidationError: A line is not an entry.
    """
    entries = tuple(map(_decoder.decode, row.split(b"\n")))
    first, last = entries[0], entries[-1]
    whole = [(seq, last.seq) for seq in range(first.seq, last.seq + 1)]
    if [(entry.seq, entry.batch) for entry in entries] != whole:
        raise ValueError(
            f"torn batch: expected the entries {first.seq} to {first.batch}, "
            f"found {', '.join(str(entry.seq) for entry in entries)}"
        )
    return entries
