"""The edges of a document: every shorthand of them read into rules.

This module knows how a way out of a node is written. It does not know which nodes there are:
a rule may name what does not exist, which `check` finds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from engine.graph.fields import Fields
from engine.graph.nodes import Mention, code_hint, is_error_code
from engine.graph.problems import shown
from engine.graph.words import means_target, words

if TYPE_CHECKING:
    from engine.condition import Condition
    from engine.graph.expressions import Expressions
    from engine.graph.problems import Pointer, Problems
    from engine.ids import Json

ANY_ERROR: Final = "error"
"""The outcome that stands for every error code."""

_SUCCESS: Final = frozenset(words("success succeeded ok done completed complete finished passed"))
_ERRORS: Final = frozenset(
    words("failure failed fail exception errors any_error on_error * all any catch Exception")
)
_EDGE: Final = "a name, null, a list of names or rules, a rule, or {'all': [rules]}"
_TARGET: Final = "a name, a list of names, or null"


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as it was read."""

    to: tuple[Mention, ...]
    path: Pointer
    on: str | None = None
    when: Condition | None = None
    function: str | None = None
    """The name of the condition, if it is a Python function."""
    conditional: bool = False
    """It has a condition, perhaps one that could not be read."""

    @property
    def default(self) -> bool:
        """It is taken whenever no other is."""
        return self.on is None and not self.conditional


@dataclass(slots=True)
class RoutingDraft:
    """The ways out of one node, as they were read."""

    source: Mention
    path: Pointer
    rules: list[RuleDraft] = field(default_factory=list[RuleDraft])
    every: bool = False

    @property
    def successes(self) -> list[RuleDraft]:
        """The rules that count when the node succeeded."""
        return [rule for rule in self.rules if rule.on is None]


class EdgeReader:
    """Reads the `edges` of one document."""

    def __init__(self, problems: Problems, expressions: Expressions) -> None:
        self.problems = problems
        self.expressions = expressions
        self.routing: dict[str, RoutingDraft] = {}
        self.sound: bool = True
        """False: an edge may be there that could not be read."""

    def read(self, value: Json, path: Pointer) -> None:
        """Read a map of sources to ways out, or a list of edges."""
        if isinstance(value, dict):
            for source, way in value.items():
                where = (*path, source)
                self.routing[source] = self._ways(Mention(source, where), way, where)
        elif isinstance(value, list):
            self._list(value, path)
        else:
            self._wrong(path, value, "a map of names to where they lead, or a list of edges")

    def _wrong(self, path: Pointer, value: Json, expected: str, hint: str = "") -> None:
        self.sound = False
        self.problems.wrong_type(path, value, expected, hint)

    # --- a map: {source: ways out} ----------------------------------------------------------

    def _ways(self, source: Mention, value: Json, path: Pointer) -> RoutingDraft:
        draft = RoutingDraft(source, path)
        match value:
            case None:
                pass
            case str():
                draft.rules = [RuleDraft((Mention(value, path),), path)]
            case list():
                draft.rules = self._names_or_rules(value, path)
            case dict() if "all" in value:
                draft.every = True
                draft.rules = self._all(value, path)
            case dict():
                draft.rules = [self._rule(value, path)]
            case _:
                self._wrong(path, value, _EDGE)
        return draft

    def _names_or_rules(self, items: list[Json], path: Pointer) -> list[RuleDraft]:
        names = [isinstance(item, str) for item in items]
        if not items:
            return []
        if all(names):
            return [RuleDraft(self._names(items, path), path)]
        if any(names) and any(isinstance(item, dict) for item in items):
            self.sound = False
            self.problems.add(
                "MIXED_LIST",
                path,
                "the list has names and rules; names are all taken, of rules the first that holds",
                'write each name as a rule: {"to": "<name>"}',
            )
            return [self._rule(r, (*path, i)) for i, r in enumerate(items) if isinstance(r, dict)]
        expected = "the name of a node" if any(names) else "a rule"
        rules: list[RuleDraft] = []
        for i, item in enumerate(items):
            if isinstance(item, dict):
                rules.append(self._rule(item, (*path, i)))
            elif not isinstance(item, str):
                hint = "a branch ends with null instead of the list" if item is None else ""
                self._wrong((*path, i), item, expected, hint)
        return rules

    def _names(self, items: list[Json], path: Pointer) -> tuple[Mention, ...]:
        mentions: dict[str, Mention] = {}
        for i, item in enumerate(items):
            where = (*path, i)
            if not isinstance(item, str):
                hint = "a branch ends with null instead of the list" if item is None else ""
                self._wrong(where, item, "the name of a node", hint)
            elif item in mentions:
                self.problems.warn(
                    "DUPLICATE_TARGET",
                    where,
                    f"{item!r:.80} is named twice; a node is sent one message along an edge",
                    "take one out",
                )
            else:
                mentions[item] = Mention(item, where)
        return tuple(mentions.values())

    def _all(self, value: dict[str, Json], path: Pointer) -> list[RuleDraft]:
        self.sound &= Fields(value, path, "rules", self.problems).close()
        rules, where = value["all"], (*path, "all")
        if not isinstance(rules, list):
            self._wrong(where, rules, "a list of rules")
            return []
        drafts: list[RuleDraft] = []
        for i, rule in enumerate(rules):
            if isinstance(rule, dict):
                drafts.append(self._rule(rule, (*where, i)))
            else:
                hint = f'write {{"to": {shown(rule)}}}' if isinstance(rule, str) else ""
                self._wrong((*where, i), rule, "a rule", hint)
        return drafts

    def _rule(self, given: dict[str, Json], path: Pointer) -> RuleDraft:
        fields = Fields(given, path, "rule", self.problems)
        self.sound &= fields.close()
        return self._read_rule(fields, self._to(fields))

    def _read_rule(self, fields: Fields, to: tuple[Mention, ...]) -> RuleDraft:
        when = self._when(fields)
        given = fields.get("when")
        python = given.get("python") if isinstance(given, dict) and when is not None else None
        return RuleDraft(
            to=to,
            path=fields.path,
            on=self._on(fields),
            when=when,
            function=python if isinstance(python, str) else None,
            conditional="when" in fields.given,
        )

    def _to(self, fields: Fields) -> tuple[Mention, ...]:
        path = fields.at("to")
        match fields.get("to"):
            case str() as name:
                return (Mention(name, path),)
            case list() as names:
                return self._names(names, path)
            case None if "to" in fields.given:
                return ()
            case None:
                self.sound = False
                if not any(self._means_target(word) for word in fields.given):
                    self.problems.add(
                        "MISSING_FIELD",
                        fields.path,
                        "it is not said where this leads: there is no 'to'",
                        'to end the branch write "to": null',
                    )
            case value:
                self._wrong(path, value, _TARGET)
        return ()

    def _means_target(self, word: str) -> bool:
        return means_target(word) or self.problems.nearest(word, ("to",)) is not None

    def _when(self, fields: Fields) -> Condition | None:
        if "when" not in fields.given:
            return None
        if fields.get("when") is None:
            self._null(fields, "when", "an expression", "always holds")
            return None
        return self.expressions.condition(fields.get("when"), fields.at("when"))

    def _on(self, fields: Fields) -> str | None:
        if "on" not in fields.given:
            return None
        value, path = fields.get("on"), fields.at("on")
        if value is None:
            self._null(fields, "on", "an outcome", "is for success")
        elif not isinstance(value, str):
            self.problems.wrong_type(path, value, "'error' or an error code")
        elif value == ANY_ERROR or is_error_code(value):
            return value
        else:
            hint = code_hint(value)
            if value.lower() in _SUCCESS:
                hint = 'leave "on" out: a rule without it is for success'
            elif value in _ERRORS or value.lower() == ANY_ERROR:
                hint = 'write "error"'
            self.problems.add(
                "BAD_OUTCOME",
                path,
                f"expected 'error' or an error code such as 'TIMEOUT', got {shown(value)}",
                hint,
            )
        return ANY_ERROR  # what is wrong with it has been said; a rule for success it is not

    def _null(self, fields: Fields, field_: str, expected: str, without: str) -> None:
        # A condition lost on the way must not turn a rule into one that always holds.
        self.problems.wrong_type(
            fields.at(field_), None, expected, f"leave it out for a rule that {without}"
        )

    # --- a list: [{"from", "to", "when", "on"}] ---------------------------------------------

    def _list(self, items: list[Json], path: Pointer) -> None:
        plain: dict[str, list[RuleDraft]] = {}
        for i, item in enumerate(items):
            where = (*path, i)
            if not isinstance(item, dict):
                hint = 'write {"from": ..., "to": ...}' if isinstance(item, (list, str)) else ""
                self._wrong(where, item, "an edge, with 'from' and 'to'", hint)
                continue
            fields = Fields(item, where, "edge", self.problems)
            known = fields.close()
            self.sound &= known
            source = self._from(fields, known=known)
            rule = self._read_rule(fields, self._to(fields))
            if source is None:
                continue
            draft = self.routing.setdefault(source.name, RoutingDraft(source, where))
            if rule.default:
                plain.setdefault(source.name, []).append(rule)
            else:
                draft.rules.append(rule)
        for name, rules in plain.items():
            self._add_default(self.routing[name], rules)

    def _from(self, fields: Fields, *, known: bool) -> Mention | None:
        value = fields.get("from")
        if isinstance(value, str):
            return Mention(value, fields.at("from"))
        if value is not None:
            self._wrong(fields.at("from"), value, "the name of a node")
        elif known:
            self.problems.add(
                "MISSING_FIELD", fields.path, "it is not said where this edge begins: no 'from'"
            )
        self.sound = False
        return None

    def _add_default(self, draft: RoutingDraft, rules: list[RuleDraft]) -> None:
        """Make one last rule of all edges without a condition: they are taken in parallel."""
        mentions: dict[str, Mention] = {}
        for rule in rules:
            for mention in rule.to:
                if mention.name in mentions:
                    self.problems.warn(
                        "DUPLICATE_TARGET",
                        mention.path,
                        f"the edge from {draft.source.name!r:.80} to {mention.name!r:.80} is there "
                        "twice; it is one edge",
                        "take one out",
                    )
                mentions.setdefault(mention.name, mention)
        if mentions or draft.rules:
            draft.rules.append(RuleDraft(tuple(mentions.values()), rules[0].path))
