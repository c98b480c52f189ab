"""What moves in a run: messages are sent and consumed, nodes start and end.

This module knows what the entries that are written on every hop do to a run; the others are
in `apply`. It does not know why an entry was written.

It is the hot path of the engine, and reads like one: what is looked up twice has a name, and
what is rarely needed is asked for first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.ids import Seq
from engine.message import NO_ROUNDS, Activation, Message, latest
from engine.place import Fork, leave, shortest
from engine.run.timers import arm_attempt, arm_series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from engine import entry as log
    from engine.ids import Json
    from engine.message import Rounds
    from engine.place import Place
    from engine.run.run import Run
    from engine.segment import Segment


def message_sent(run: Run, entry: log.MessageSent) -> None:
    """Put a message in flight."""
    seq, node = entry.seq, run.plan.index[entry.to]
    if entry.activation is None:
        assert run.initial is not None  # noqa: S101  # `run.started` comes first
        message = Message(seq, node, 0, run.initial, NO_ROUNDS, None)
        run.initial = None
    else:
        sender = run.sender
        if sender is None or sender.id != entry.activation:
            sender = run.sender = run.branches[entry.activation]
        message = _send(run, sender, seq, node)
    run.messages[seq] = run.fresh[seq] = message
    run.sent += 1
    index = run.waiting.index
    if index is not None:
        index.add(message)


def _send(run: Run, sender: Activation, seq: Seq, node: int) -> Message:
    """Let an activation that has ended send one more message."""
    plan, place, rounds, first = run.plan, sender.place, sender.rounds, sender.first
    if first is None:
        del run.branches[sender.id]  # it did not end its branch
    else:
        sender.head.refs += 1
        place = _beside(sender, first)
    if rounds:
        rounds = plan.carried(rounds, node)
    message = Message(seq, node, plan.slots[node][sender.position], sender.head, rounds, place)
    if first is None:
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


def message_withdrawn(run: Run, entry: log.MessageWithdrawn) -> None:
    """Take messages out of the run that nobody consumed."""
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


def node_started(run: Run, entry: log.NodeStarted) -> None:
    """Let a node fire, or make another attempt."""
    activation = run.activations.get(entry.activation)
    if activation is None:
        activation = _fire_one(run, entry) if len(entry.messages) == 1 else _fire(run, entry)
        if run.passed:
            run.passed -= frozenset(entry.messages)
        if run.status == "paused":
            run.steps -= 1
    else:
        if activation.status in ("exhausted", "failed"):
            activation.series = entry.attempt
        activation.attempt = entry.attempt
        activation.status = "running"
    run.running[activation.id] = activation
    if run.plan.timed:
        _arm(run, activation)


def _arm(run: Run, activation: Activation) -> None:
    assert run.now is not None  # noqa: S101  # something has happened
    if activation.attempt == activation.series:
        arm_series(run, activation, run.now)
    arm_attempt(run, activation, run.now)


def _fire_one(run: Run, entry: log.NodeStarted) -> Activation:
    """Let a node consume one message."""
    seq, waiting = entry.messages[0], run.waiting
    message = run.messages[seq]
    head = message.head
    assert head is not None  # noqa: S101  # a waiting message has its history
    message.head = None
    run.fresh.pop(seq, None)
    if message.group is not None:
        waiting.held(message)
    activation = _fired(run, entry, (message,), head, message.rounds)
    message.holder = activation
    if waiting.nodes[message.node] is not None:
        waiting.fired(message.node, activation.held)
    return activation


def _fire(run: Run, entry: log.NodeStarted) -> Activation:
    """Let a node consume its messages, and merge what they know."""
    seqs, waiting = entry.messages, run.waiting
    held = tuple([run.messages[seq] for seq in seqs])
    node = held[0].node
    head = _meet(run, seqs, held)
    activation = _fired(run, entry, held, head, latest(run.plan, held))
    for message in held:
        message.head = None
        message.holder = activation
        if run.fresh:
            run.fresh.pop(message.seq, None)
        if message.group is not None:
            waiting.held(message)
    if waiting.nodes[node] is not None:
        waiting.fired(node, held)
    return activation


def _fired(
    run: Run, entry: log.NodeStarted, held: tuple[Message, ...], head: Segment, rounds: Rounds
) -> Activation:
    """Make an activation."""
    node, place = held[0].node, held[0].place
    run.met = None
    run.fired = number = run.fired + 1
    run.visits[node] = run.visits.get(node, 0) + 1
    if len(run.messages) == len(held) and not run.branches:
        if head.parents:
            run.history.alone(head)
        place = None
    elif place is not None:
        place = shortest(place)
    id_ = entry.activation
    activation = Activation(id_, entry.node, node, number, held, head, rounds, place, entry.at)
    run.activations[id_] = activation
    return activation


def _meet(run: Run, seqs: tuple[Seq, ...], held: tuple[Message, ...]) -> Segment:
    """Give the history of whoever consumes these messages."""
    heads = [message.head for message in held if message.head is not None]
    memo = run.met
    met = memo[1] if memo is not None and memo[0] == seqs else run.history.meet(heads)
    for message in held[1:]:
        leave(message.place)
    return run.history.adopt(met, heads)


def node_completed(run: Run, entry: log.NodeCompleted) -> None:
    """Let a node end with a write."""
    activation = run.activations[entry.activation]
    write(run, activation, entry.patch, entry.overwrites)
    end(run, activation)


def write(
    run: Run, activation: Activation, patch: Mapping[str, Json], overwrites: tuple[str, ...]
) -> None:
    """Add a patch to the history of an activation."""
    activation.head = run.history.write(activation.head, patch, activation.node, overwrites)
    if run.plan.asked:
        for key in run.plan.asked & patch.keys():
            run.writers[key] = activation.node


def end(run: Run, activation: Activation) -> None:
    """Take an activation out of the run; its messages are consumed."""
    id_ = activation.id
    del run.activations[id_]
    run.running.pop(id_, None)
    _consume(run, activation)
    activation.held = ()
    run.branches[id_] = activation
    run.sender = activation
    if run.plan.tracked:
        activation.rounds = _rounds_after(run, activation)


def _consume(run: Run, activation: Activation) -> None:
    waiting, held = run.waiting, activation.held
    for message in held:
        message.holder = None
        del run.messages[message.seq]
        if waiting.index is not None or message.claims is not None:
            waiting.gone(message)
    run.consumed += len(held)


def _rounds_after(run: Run, activation: Activation) -> Rounds:
    plan, rounds, position = run.plan, activation.rounds, activation.position
    renewed = plan.renews[position]
    if renewed and not renewed.isdisjoint(rounds):
        rounds = {key: number for key, number in rounds.items() if key not in renewed}
    for key in plan.marks[position]:
        rounds = {**rounds, key: activation.number}
    return rounds


def pass_on(run: Run, completed: log.NodeCompleted, sent: log.MessageSent) -> None:
    """Apply a completion and its only message as one.

    It does what `apply` does with one after the other, without what cancels out between them.
    """
    run.next_seq = Seq(sent.seq + 1)
    run.fresh[sent.seq] = _passed_on(run, completed, sent)


def _passed_on(run: Run, completed: log.NodeCompleted, sent: log.MessageSent) -> Message:
    plan, ended, seq, node = run.plan, completed.activation, sent.seq, run.plan.index[sent.to]
    run.now = sent.at

    activation = run.activations.pop(ended)
    del run.running[ended]
    if completed.patch:
        write(run, activation, completed.patch, completed.overwrites)
    _consume(run, activation)

    rounds = activation.rounds
    if plan.tracked:
        rounds = _rounds_after(run, activation)
        if rounds:
            rounds = plan.carried(rounds, node)
    slot = plan.slots[node][activation.position]
    message = Message(seq, node, slot, activation.head, rounds, activation.place)
    run.messages[seq] = message
    index = run.waiting.index
    if index is not None:
        index.add(message)
    run.sent += 1
    run.sender = None
    return message


def hop(
    run: Run, completed: log.NodeCompleted, sent: log.MessageSent, started: log.NodeStarted
) -> None:
    """Apply a completion, its only message, and the start of the node that this fires, as one.

    Only for a run that is `running`, and a target that fires for this message alone.
    """
    message = _passed_on(run, completed, sent)
    run.next_seq = Seq(started.seq + 1)
    head = message.head
    assert head is not None  # noqa: S101  # it was given one
    message.head = None
    fired = _fired(run, started, (message,), head, message.rounds)
    message.holder = run.running[started.activation] = fired
    if run.plan.timed:
        _arm(run, fired)
