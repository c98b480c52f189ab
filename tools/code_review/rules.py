"""The rules a review looks at: of which kind a finding is, how heavy, and which fixes there are.

This module is a table. It does not know how findings are made (`issues`, `own_rules`), nor what
they are worth (`score`).

The rules are named one by one or by family, never "all": what ruff turns on by default moves with
each of its versions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["style", "documentation", "maintenance"]
Severity: TypeAlias = Literal["light", "heavy"]
Group: TypeAlias = Literal["format", "imports", "modernise", "simplify", "whitespace"]

KINDS: Final[tuple[Kind, ...]] = ("style", "documentation", "maintenance")


class Rule(NamedTuple):
    """A rule, or a family of rules that begin alike."""

    selector: str
    kind: Kind
    severity: Severity
    why: str
    """What is bad about what it finds."""


NESTING: Final = "own-nesting"
UNREACHABLE: Final = "own-unreachable"
"""Rules of our own: ruff has them in preview only (PLR1702, PLW0101)."""
UNREADABLE: Final = "own-unreadable"
"""Ruff gave up on the file."""
SYNTAX: Final = "invalid-syntax"
"""Ruff's word for what the target version does not have."""

_STYLE: Final = {
    "E1": "tabs and blanks are mixed",
    "E4": "imports are looked for at the top, one to a line",
    "E5": "long lines are hard to read side by side",
    "E7": "one statement to a line reads best, and plain comparisons are understood at once",
    "E74": "l, O and I look like digits",
    "W": "white space that nobody sees makes differences that everybody sees",
    "W605": "an unknown escape is a backslash today and an error tomorrow",
    "I001": "imports in one order are found and merged easily",
    "N": "names in the usual form tell what they stand for",
    "UP": "newer Python says it shorter",
    "F541": "an f-string without a placeholder is a plain string",
}

_DOCUMENTATION: Final = {
    "D100": "whoever opens the file asks what it is for",
    "D101": "whoever uses the class asks what it stands for",
    "D102": "whoever calls the method asks what it does",
    "D103": "whoever calls the function asks what it does",
    "D104": "whoever opens the package asks what it is for",
    "D106": "whoever uses the class asks what it stands for",
    "D300": "other quotes than three double ones make it look like a plain string",
    "D402": "a signature in the text gets old; the real one is beside it",
    "D419": "an empty docstring says less than none",
}

_LIGHT: Final = {
    "A00": "a builtin is hidden, and what means it gets this",
    "B": "it probably does not do what it looks like",
    "C4": "the same is said with less work",
    "C901": "a function with many ways through it is hard to test",
    "E721": "types that inherit are missed",
    "F401": "what is not used misleads whoever reads",
    "F40": "a star or a shadow hides where a name comes from",
    "F5": "the text and what is put into it do not fit",
    "F811": "the first definition is never used",
    "F84": "what is not used misleads whoever reads",
    "PERF10": "it is copied or looked up for nothing",
    "PIE": "it says nothing, and can go",
    "PLC0206": "the value is looked up though it is at hand",
    "PLC0414": "the import renames a name to itself",
    "PLC3002": "a lambda that is called at once can be written out",
    "PLR01": "the comparison always has the same answer",
    "PLR0911": "many ways out are hard to follow",
    "PLR0912": "many branches are hard to test",
    "PLR0913": "many arguments are easily mixed up",
    "PLR0915": "a long function does more than one thing",
    "PLR17": "the same is said with less",
    "PLR5501": "elif says it with one level less",
    "PLW": "it probably does not do what it looks like",
    "RET": "what a function returns should be seen at once",
    "RUF005": "unpacking says it without a copy",
    "RUF012": "all instances share it, and can change it",
    "RUF013": "None is allowed, but the annotation says it is not",
    "RUF015": "a whole list is made for one item",
    "RUF059": "what is not used misleads whoever reads",
    "S110": "errors that are dropped are never found",
    "S112": "errors that are dropped are never found",
    "S113": "without a timeout it may wait forever",
    "S301": "unpickling runs whatever the sender wants",
    "S306": "somebody else may make the file first",
    "S324": "the hash can be forged",
    "SIM": "the same is said more simply",
    NESTING: "each level is one more thing to keep in mind",
}

_HEAVY: Final = {
    "ASYNC1": "it holds up or never lets go of everything on the loop",
    "ASYNC2": "it holds up everything else on the loop",
    "B002": "++n is n",
    "B006": "all calls share the default, and change it",
    "B012": "it swallows the error that is on its way",
    "B015": "a comparison whose answer nobody looks at is a forgotten assert",
    "B018": "a value that nobody takes is a forgotten call or return",
    "B020": "the loop overwrites what it goes over",
    "B021": "an f-string is no docstring",
    "B023": "the function sees the last value of the loop, not this one",
    "B025": "the second handler is never reached",
    "B029": "it catches nothing",
    "B030": "it fails when there is something to catch",
    "B031": "the group is empty the second time",
    "B035": "all items have one key",
    "B039": "all contexts share the default, and change it",
    "BLE001": "it hides every error, those in the program itself too",
    "E722": "it hides every error, Ctrl-C too",
    "E902": "it can't be read",
    "F50": "it fails when it is reached",
    "F52": "it fails when it is reached",
    "F6": "it does not do what it looks like",
    "F7": "Python refuses it",
    "F82": "the name is not there when it is reached",
    "PLE": "it fails when it is reached",
    "PLW0129": "the assertion never fails",
    "PLW1501": "it fails when it is reached",
    "RUF006": "a task nobody holds may vanish while it runs",
    "RUF008": "all instances share it, and can change it",
    "S102": "it runs whatever it is given",
    "S307": "it runs whatever it is given",
    "S50": "the other side may be anybody",
    "S602": "the shell runs whatever it is given",
    "S605": "the shell runs whatever it is given",
    "S608": "the query does whatever the value says",
    UNREACHABLE: "what is never reached misleads whoever reads",
    UNREADABLE: "what can't be checked can't be trusted",
    SYNTAX: "the target version refuses it",
}

_NOT_ASKED: Final = (
    "A005",  # the name of the file is not always known
    "B028",  # a warning without a level is no fault
    "B904",  # the chain is there without it, only worded differently
    "B905",  # lengths that differ are often meant
    "N999",  # as A005
    "N818",  # `raise Overloaded` reads well without a suffix
    "PLW0603",  # what a module keeps is sometimes the point
    "PLW1641",  # not to be hashed is sometimes the point
    "PLW2901",  # `line = line.strip()` in a loop is what everybody writes
    "SIM108",  # whether an if fits on a line is a matter of taste
    "SIM112",  # names of the environment are given by others
    "SIM105",  # suppress() is slower, and hides that there is an error
    "UP036",  # what is for older versions may be there for them
    "UP042",  # str and StrEnum differ where they are formatted
    "W505",  # the formatter leaves comments alone
)

_TABLES: Final[tuple[tuple[dict[str, str], Kind, Severity], ...]] = (
    (_STYLE, "style", "light"),
    (_DOCUMENTATION, "documentation", "light"),
    (_LIGHT, "maintenance", "light"),
    (_HEAVY, "maintenance", "heavy"),
)

RULES: Final[dict[str, Rule]] = {
    selector: Rule(selector, kind, severity, why)
    for table, kind, severity in _TABLES
    for selector, why in table.items()
}

_ELSEWHERE: Final = (NESTING, UNREACHABLE, UNREADABLE, SYNTAX)
SELECT: Final = ",".join(sorted(selector for selector in RULES if selector not in _ELSEWHERE))
"""What ruff is asked for."""
IGNORE: Final = ",".join(_NOT_ASKED)
"""What of it ruff is not to look for."""
IGNORE_IN_TESTS: Final = f"{IGNORE},D101,D102,D103,D106"
"""The same for a file of tests."""

GROUPS: Final[dict[Group, tuple[str, ...]]] = {
    "format": (),
    "imports": ("I001",),
    "modernise": ("UP",),
    "simplify": ("SIM", "C4", "PIE", "RET", "E7"),
    "whitespace": ("W",),
}
"""Whose safe fixes are applied together, in the order in which groups are tried."""

KEEPS_THE_TREE: Final[frozenset[Group]] = frozenset({"format", "whitespace"})
"""Groups that change nothing but how it looks, which is checked."""


@lru_cache(maxsize=2_000)
def rule(code: str) -> Rule:
    """Give the rule of a finding: the one with the longest selector that its code begins with."""
    for length in range(len(code), 0, -1):
        if (found := RULES.get(code[:length])) is not None:
            return found
    return Rule(code, "maintenance", "light", "ruff says so")


@lru_cache(maxsize=2_000)
def group(code: str) -> Group | None:
    """Give the group whose fixes those of a rule belong to, if any."""
    for name, selectors in GROUPS.items():
        if code.startswith(selectors):
            return name
    return None
