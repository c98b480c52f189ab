"""A run is the fold of its log.

This module knows what each entry does to a run. It does not know why an entry was written
(`decide`), what time it is, who executes nodes, or where the log is kept.

Rule: `apply` is the only function that changes a `Run`. It never refuses, never fires, and
reads every entry ever written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from engine import entry as log
from engine.ids import Seq
from engine.message import NO_ROUNDS, Activation, Message, latest
from engine.place import Fork, leave
from engine.run.run import Run
from engine.run.timers import arm_attempt, arm_run, arm_series, only_retries, set_timer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from engine.entry import AnyEntry
    from engine.graph import Graph
    from engine.ids import Json
    from engine.message import Rounds
    from engine.place import Place
    from engine.run.run import Status


def fold(graph: Graph, entries: Iterable[AnyEntry]) -> Run:
    """Make a run from its log, or from a prefix that ends with a batch."""
    run = Run(graph)
    for each in entries:
        apply(run, each)
    return run


def apply(run: Run, entry: AnyEntry) -> None:
    """Change a run by what has happened. The only function that does."""
    run.now = entry.at
    run.next_seq = Seq(entry.seq + 1)
    APPLY[type(entry)](run, entry)


def _run_started(run: Run, entry: log.RunStarted) -> None:
    run.id = run.root = entry.run_id
    run.status = "running"
    run.tags = entry.tags
    run.breakpoints = entry.breakpoints
    run.given = entry.state
    run.initial = run.history.begin(entry.state)
    run.began = entry.at
    arm_run(run)


def _run_forked(run: Run, entry: log.RunForked) -> None:
    run.id = entry.run_id
    if not entry.keep_keys:
        run.root = entry.run_id
    run.status = "running"
    run.error = run.failing = None
    run.commands.clear()
    run.passed.clear()
    run.steps = 0
    only_retries(run)
    for activation in run.activations.values():
        activation.since = entry.at
        if activation.status in ("running", "backing_off"):
            arm_series(run, activation, entry.at)
        if activation.status == "running":
            arm_attempt(run, activation, entry.at)
    run.began = entry.at
    arm_run(run)
    _caused(run, entry)


def _message_sent(run: Run, entry: log.MessageSent) -> None:
    node = run.plan.index[entry.to]
    if entry.activation is None:
        assert run.initial is not None  # noqa: S101  # `run.started` comes first
        message = Message(entry.seq, node, 0, run.initial, NO_ROUNDS, None)
        run.initial = None
    else:
        sender = run.sender
        if sender is None or sender.id != entry.activation:
            sender = run.sender = run.branches[entry.activation]
        message = _send(run, sender, entry.seq, node)
    run.messages[entry.seq] = run.fresh[entry.seq] = message
    run.sent += 1
    run.waiting.came(message)


def _send(run: Run, sender: Activation, seq: Seq, node: int) -> Message:
    """Let an activation that has ended send one more message."""
    place, rounds = sender.place, sender.rounds
    if sender.first is None:
        del run.branches[sender.id]  # it did not end its branch
    else:
        sender.head.refs += 1
        place = _beside(sender, sender.first)
    if rounds:
        rounds = run.plan.carried(rounds, node)
    slot = run.plan.slots[node][sender.position]
    message = Message(seq, node, slot, sender.head, rounds, place)
    if sender.first is None:
        sender.first = message
    sender.sent += 1
    return message


def _beside(sender: Activation, first: Message) -> Place:
    """Give the place of a second or later message; it is a fork from the second on."""
    if first.place is not None and sender.sent > 1:
        fork = first.place[0]
        fork.branches += 1
    else:
        fork = Fork(sender.place)
        first.place = (fork, 0)
    return fork, sender.sent


def _message_withdrawn(run: Run, entry: log.MessageWithdrawn) -> None:
    if entry.activation is not None:
        activation = run.activations.pop(entry.activation)
        run.running.pop(entry.activation, None)
        run.history.release(activation.head)
        leave(activation.place)
        for message in activation.held:
            _gone(run, message)
        run.withdrawn += len(activation.held)
        return
    for seq in entry.messages:
        message = run.messages[seq]
        if message.head is not None:
            run.history.release(message.head)
        leave(message.place)
        run.fresh.pop(seq, None)
        _gone(run, message)
        if entry.reason == "late":
            run.waiting.late(message)
        run.withdrawn += 1


def _gone(run: Run, message: Message) -> None:
    message.holder = None  # no cycle of references is left for the collector
    del run.messages[message.seq]
    run.waiting.gone(message)


def _node_started(run: Run, entry: log.NodeStarted) -> None:
    activation = run.activations.get(entry.activation)
    if activation is None:
        activation = _fire(run, entry)
    else:
        if activation.status in ("exhausted", "failed"):
            activation.series = entry.attempt
        activation.attempt = entry.attempt
        activation.status = "running"
    run.running[activation.id] = activation
    if run.plan.timed:
        if activation.attempt == activation.series:
            arm_series(run, activation, entry.at)
        arm_attempt(run, activation, entry.at)


def _fire(run: Run, entry: log.NodeStarted) -> Activation:
    """Let a node consume its messages, and merge what they know."""
    seqs = entry.messages
    position = run.plan.index[entry.node]
    held = tuple([run.messages[seq] for seq in seqs])
    first = held[0]
    if len(held) == 1:
        assert first.head is not None  # noqa: S101  # a waiting message has its history
        head = first.head
        rounds = first.rounds
    else:
        heads = [message.head for message in held if message.head is not None]
        memo = run.met
        met = memo[1] if memo is not None and memo[0] == seqs else run.history.meet(heads)
        head = run.history.adopt(met, heads)
        rounds = latest(run.plan, held)
        for message in held[1:]:
            leave(message.place)
    run.met = None
    run.fired += 1
    run.visits[position] = run.visits.get(position, 0) + 1
    activation = Activation(
        id=entry.activation,
        node=entry.node,
        position=position,
        number=run.fired,
        held=held,
        head=head,
        rounds=rounds,
        since=entry.at,
    )
    for message in held:
        message.head = None
        message.holder = activation
        run.fresh.pop(message.seq, None)
        if message.group is not None:
            run.waiting.held(message)
    if run.waiting.nodes[position] is not None:
        run.waiting.fired(position, held)
    if len(run.messages) == len(held) and not run.branches:
        run.history.alone(head)
        activation.place = None
    run.activations[activation.id] = activation
    if run.passed:
        run.passed.difference_update(seqs)
    if run.status == "paused":
        run.steps -= 1
    return activation


def _ended(run: Run, activation: Activation) -> None:
    """Take an activation out of the run; its messages are consumed."""
    del run.activations[activation.id]
    run.running.pop(activation.id, None)
    for message in activation.held:
        _gone(run, message)
    run.consumed += len(activation.held)
    activation.held = ()
    run.branches[activation.id] = activation
    run.sender = activation
    plan = run.plan
    if plan.tracked:
        activation.rounds = _rounds_after(run, activation)


def _rounds_after(run: Run, activation: Activation) -> Rounds:
    rounds, position = activation.rounds, activation.position
    renewed = run.plan.renews[position]
    if renewed and not renewed.isdisjoint(rounds):
        rounds = {n: number for n, number in rounds.items() if n not in renewed}
    if position in run.plan.tracked:
        rounds = {**rounds, position: activation.number}
    return rounds


def _node_completed(run: Run, entry: log.NodeCompleted) -> None:
    activation = run.activations[entry.activation]
    _write(run, activation, entry.patch, entry.overwrites)
    _ended(run, activation)


def _write(
    run: Run, activation: Activation, patch: Mapping[str, Json], overwrites: tuple[str, ...]
) -> None:
    activation.head = run.history.write(activation.head, patch, activation.node, overwrites)
    asked = run.plan.asked
    if asked:
        for key in patch:
            if key in asked:
                run.writers[key] = activation.node


def _node_failed(run: Run, entry: log.NodeFailed) -> None:
    if entry.then == "fails" and run.failing is None:
        run.failing = entry
    if entry.attempt == 0:
        return
    activation = run.activations[entry.activation]
    if entry.then == "routed":
        _ended(run, activation)
        return
    activation.status = "exhausted" if entry.then == "paused" else "failed"
    run.running.pop(entry.activation, None)


def _node_retrying(run: Run, entry: log.NodeRetrying) -> None:
    activation = run.activations[entry.activation]
    activation.status = "backing_off"
    activation.due = entry.due
    run.running.pop(entry.activation, None)
    set_timer(run, entry.due, "retry", activation)


def _node_skipped(run: Run, entry: log.NodeSkipped) -> None:
    activation = run.activations[entry.activation]
    _write(run, activation, entry.patch, ())
    _ended(run, activation)
    _caused(run, entry)


def _caused(run: Run, entry: log.Caused) -> None:
    if entry.command is not None:
        run.commands.setdefault(entry.command, entry.seq)


def _breakpoint_hit(run: Run, entry: log.BreakpointHit) -> None:
    run.passed.update(entry.messages)


def _breakpoints_set(run: Run, entry: log.BreakpointsSet) -> None:
    run.breakpoints = entry.breakpoints
    _caused(run, entry)


def _state_patched(run: Run, entry: log.StatePatched) -> None:
    holders: dict[Message | Activation, None] = {}
    for seq in entry.messages:
        message = run.messages[seq]
        holders[message.holder or message] = None
    owners = list(holders)
    heads = [owner.head for owner in owners if owner.head is not None]
    everyone: list[Message | Activation] = [
        *run.messages.values(),
        *run.activations.values(),
        *run.branches.values(),
    ]
    alive = [each.head for each in everyone if each.head is not None]
    patched = run.history.patch_all(heads, entry.patch, entry.actor, alive=alive)
    for owner, head in zip(owners, patched, strict=True):
        owner.head = head
        if isinstance(owner, Message) and run.waiting.conditional(owner):
            run.waiting.held(owner)  # its join looks at it anew, as if it came now
            run.fresh[owner.seq] = owner
    run.met = None
    _caused(run, entry)


def _limit_raised(run: Run, entry: log.LimitRaised) -> None:
    run.raised.add(entry.limit)
    run.limits = replace(run.limits, **{entry.limit: entry.value})  # type: ignore[arg-type]  # `decide` saw to the types
    if entry.limit == "deadline":
        arm_run(run)
    _caused(run, entry)


def _run_paused(run: Run, entry: log.RunPaused) -> None:
    run.status = "paused"
    run.steps = 0
    run.error = entry.error
    _caused(run, entry)


def _run_stepped(run: Run, entry: log.RunStepped) -> None:
    run.steps += 1
    _caused(run, entry)


def _run_resumed(run: Run, entry: log.RunResumed) -> None:
    run.status = "running"
    run.steps = 0
    run.error = None
    _caused(run, entry)


def _run_completed(run: Run, _: log.RunCompleted) -> None:
    _over(run, "completed")


def _run_failed(run: Run, entry: log.RunFailed) -> None:
    _over(run, "failed")
    run.error = entry.error


def _run_cancelled(run: Run, entry: log.RunCancelled) -> None:
    _over(run, "cancelled")
    _caused(run, entry)


def _over(run: Run, status: Status) -> None:
    run.status = status
    run.error = None


APPLY: Final[dict[type, Callable[[Run, Any], None]]] = {  # type: ignore[explicit-any]  # each takes its own type
    log.RunStarted: _run_started,
    log.RunForked: _run_forked,
    log.MessageSent: _message_sent,
    log.MessageWithdrawn: _message_withdrawn,
    log.NodeStarted: _node_started,
    log.NodeCompleted: _node_completed,
    log.NodeFailed: _node_failed,
    log.NodeRetrying: _node_retrying,
    log.NodeSkipped: _node_skipped,
    log.BreakpointHit: _breakpoint_hit,
    log.BreakpointsSet: _breakpoints_set,
    log.StatePatched: _state_patched,
    log.LimitRaised: _limit_raised,
    log.RunPaused: _run_paused,
    log.RunStepped: _run_stepped,
    log.RunResumed: _run_resumed,
    log.RunCompleted: _run_completed,
    log.RunFailed: _run_failed,
    log.RunCancelled: _run_cancelled,
}
"""One line per type of entry; a test holds it against `ENTRY_TYPES`."""
