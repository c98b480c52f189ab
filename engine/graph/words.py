"""The words of a document: the fields of each place, and what other engines call them.

This module is a table. It does not know what a field means or how it is read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "graph": (
        "name", "description", "tags", "metadata", "nodes", "edges", "entry", "state",
        "limits", "on_failure",
    ),
    "node": (
        "tool", "args", "inputs", "outputs", "output", "join", "retry", "timeout",
        "total_timeout", "on_exhausted", "on_limit", "max_visits", "max_parallel", "cache",
        "routes",
    ),
    "edge": ("from", "to", "when", "on"),
    "rule": ("on", "when", "to"),
    "rules": ("all",),
    "join": ("count", "when", "batch", "rest"),
    "retry": ("max_attempts", "delay", "factor", "max_delay", "jitter", "on"),
    "cache": ("key", "ttl", "scope"),
    "state": ("schema", "defaults", "reducers"),
    "limits": (
        "max_visits", "max_activations", "max_in_flight", "deadline", "max_state", "max_patch",
        "max_depth", "max_parallel",
    ),
}  # fmt: skip
"""Place to the fields it may have, in the order in which the canonical form writes them."""


def words(line: str) -> list[str]:
    """Give the words of a line: a long list of words is easier to read as one."""
    return line.split()


LATER: Final[Mapping[str, frozenset[str]]] = {
    "node": frozenset(
        words(
            "map as into collect tolerate until open wait graph set end mutex cancel complete "
            "undo emit"
        )
    ),
}
"""Fields that the language has, but not yet this version of the engine."""

RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "max_attempts": (1, 1_000),
    "delay": (0, 31_536_000),
    "factor": (1, 1_000),
    "max_delay": (0, 31_536_000),
    "jitter": (0, 1),
    "timeout": (0.001, 31_536_000),
    "total_timeout": (0.001, 31_536_000),
    "deadline": (0.001, 315_360_000),
    "ttl": (0.001, 315_360_000),
    "max_visits": (1, 1_000_000_000),
    "max_activations": (1, 1_000_000_000),
    "max_in_flight": (1, 10_000_000),
    "max_parallel": (1, 10_000),
    "max_state": (1, 1 << 30),
    "max_patch": (1, 1 << 30),
    "max_depth": (1, 200),
    "count": (1, 10_000),
    "batch": (1, 1_000_000),
}
"""Field to the least and the most it may be; seconds, bytes or numbers of things."""

NODE_CODES: Final = frozenset(
    words(
        "TOOL_FAILED TIMEOUT TOTAL_TIMEOUT MISSING_INPUT BAD_INPUT MISSING_OUTPUT BAD_RESULT "
        "BAD_OUTPUT WORKER_LOST REDUCER_FAILED STATE_TOO_LARGE NO_ROUTE ROUTE_NOT_DECLARED "
        "CONDITION_MISSING_KEY CONDITION_TYPE CONDITION_NOT_BOOL CONDITION_TOO_EXPENSIVE"
    )
)
"""The codes of errors of nodes, beside those that tools give themselves (docs/tools.md)."""

ENDS: Final = frozenset(
    words(
        "END __end__ end End __END__ FINISH finish STOP stop EXIT exit DONE done None none NULL "
        "nil TERMINATE terminate"
    )
)
"""What the end of a graph is called elsewhere: here a branch ends with `null`."""

STARTS: Final = frozenset(words("START __start__ start Start __START__ BEGIN begin INIT init"))
"""What the beginning of a graph is called elsewhere: here `entry` names a node."""

_DEFAULT_RULE: Final = 'a last rule with nothing but "to" is taken when no other holds'
_NODE_NAME: Final = 'the key under "nodes" is the name of the node'
_ERROR_RULE: Final = 'errors are taken by a rule of "edges": {"on": "error", "to": ...}'
_BRANCH_END: Final = 'a branch ends where its edge is null; leave "{}" out'

_FOREIGN: Final[Mapping[str, Mapping[str, str]]] = {
    "graph": {
        'here it is called "entry"': "start start_at initial initial_state_name entry_point "
        "entrypoint entry_node begin first root start_node starts_with initial_node",
        'here it is called "nodes"': "states steps tasks vertices activities actions agents jobs",
        'here it is called "edges"': "transitions links connections flows arcs routes routing "
        "dependencies",
        'write them into "edges", as rules with "when"': "conditional_edges conditions branches "
        "rules conditional",
        'here it is called "name"': "id title graph_id workflow workflow_name graph_name key",
        'values to begin with are in "state": {"defaults": {...}}': "initial_state defaults "
        "variables context inputs data state_defaults",
        'it belongs into "state"': "schema reducers state_schema channels annotations",
        'it is in "limits", as "deadline"': "timeout deadline max_time max_duration "
        "execution_timeout",
        'it is in "limits", as "max_visits"': "max_visits max_iterations recursion_limit "
        "max_loops loop_limit iterations",
        'it is in "limits"': "max_activations max_steps max_in_flight max_parallel concurrency "
        "max_concurrency max_state max_patch max_depth",
        "leave it out: a branch ends where no edge leads on": "end ends finish finish_point end_at "
        "exit final terminal end_states outputs",
        "leave it out: the version is made from the content": "version schema_version revision",
        'it is said per node, as "retry": {"max_attempts": 3}': "retry retries max_retries",
        'here it is called "metadata"': "meta extra annotations_metadata layout positions ui "
        "viewport",
        'here it is called "tags"': "labels keywords",
        'here it is called "on_failure"': "on_error error_policy failure_policy fail_fast",
        'here it is called "description"': "doc docs comment comments summary help readme",
    },
    "node": {
        'here it is called "tool"': "type function func fn handler callable action uses run task "
        "operator module activity executor implementation class resource operation",
        _NODE_NAME: "id name key label title node node_id",
        'write "retry": {"max_attempts": 3}, which counts the first attempt, too': "retries "
        "max_retries max_attempts attempts max_attempt retry_count retry_policy",
        'it is in "retry", as "delay"': "retry_delay backoff retry_interval delay",
        'here it is called "args"': "params parameters config configuration with kwargs arguments "
        "settings options properties literals",
        'here it is called "inputs"': "input in input_mapping reads input_keys",
        'here it is called "output"': "result returns result_key output_key writes result_path "
        "saves_to store_as",
        'here it is called "outputs"': "output_mapping results output_keys out",
        'where it leads is said in "edges"': "next goto edges to transitions targets target "
        "successors then next_node on_success branches rules",
        'which nodes lead here is said in "edges"': "depends_on needs after previous "
        "dependencies upstream requires from sources",
        'a condition belongs into a rule of "edges", as "when"': "if condition when else "
        "otherwise cond conditions conditional",
        'here it is called "routes"': "destinations goto_targets may_goto",
        'here it is called "join"': "trigger_rule wait_for defer merge wait_all join_type "
        "trigger trigger_type",
        'here it is called "timeout", in seconds': "timeout_seconds timeout_s timeout_ms "
        "execution_timeout time_limit attempt_timeout start_to_close_timeout max_time",
        'here it is called "total_timeout", in seconds': "deadline schedule_to_close_timeout "
        "overall_timeout",
        'here it is called "max_parallel"': "concurrency max_concurrency parallelism pool",
        'here it is called "max_visits"': "max_iterations recursion_limit max_loops loop_limit "
        "max_visit loop iterations repeat",
        _ERROR_RULE: "on_error catch error on_failure fallback error_handler except rescue "
        "on_exception",
        'reducers are in "state": {"reducers": {...}}': "reducer reducers",
        'here it is called "cache"': "cached memoize cache_policy ttl cache_ttl",
        'values to begin with are in "state": {"defaults": {...}}': "defaults state "
        "initial_state",
        'write it into "metadata" of the graph': "description metadata meta position ui x y tags "
        "doc comment color",
        'write "entry": "<name>" beside "nodes"': "start entry initial is_start is_entry "
        "entry_point",
        'a node ends its branch if "edges" leads nowhere from it': "final is_end terminal "
        "is_final",
    },
    "rule": {
        'here it is called "when"': "condition if cond expr expression guard predicate test where "
        "unless conditions case match",
        'here it is called "to"': "then target goto next destination dest node step targets "
        "next_node then_to go_to target_node then_goto",
        _DEFAULT_RULE: "else otherwise default fallback else_to",
        "leave it out: the key of the object is where the edge begins": "from source src",
        'here it is called "on"': "on_error error catch outcome status on_outcome event exception "
        "error_code on_exception",
        "leave it out: rules are tried in the order of the list": "priority weight order index",
        'write it into "metadata" of the graph': "label description metadata id name type comment",
    },
    "rules": {
        'here it is called "all"': "every each any parallel rules any_of all_of multi",
        'write a list of rules: [{"when": "...", "to": "a"}, {"to": "b"}]': "conditions path_map "
        "mapping cases branches first default choices switch one_of first_of",
    },
    "join": {
        'here it is called "count"': "n min quorum k at_least min_count number threshold any "
        "some m",
        'here it is called "batch"': "size batch_size each every",
        'here it is called "rest"': "mode others remaining late on_rest policy remainder",
        'here it is called "when"': "condition if cond expr expression until",
        'leave "join" out: a node waits for all that can still come': "all wait type wait_all "
        "merge",
    },
    "retry": {
        'here it is called "max_attempts", and counts the first attempt, too': "attempts "
        "max_retries retries maximum_attempts tries max_tries limit times max count",
        'here it is called "delay", in seconds': "backoff initial_interval wait interval pause "
        "initial_delay base_delay delay_seconds wait_seconds min_delay initial_backoff",
        'here it is called "factor"': "multiplier backoff_factor backoff_coefficient "
        "exponential_base exponent base rate",
        'here it is called "max_delay", in seconds': "max_interval maximum_interval cap "
        "max_backoff max_wait maximum_delay",
        'here it is called "on"': "errors retry_on exceptions codes error_codes for when if "
        "retryable retry_if retryable_errors",
        'it belongs to the node, beside "retry"': "timeout total_timeout on_exhausted",
    },
    "cache": {
        'here it is called "ttl", in seconds': "expires expire max_age seconds timeout lifetime "
        "expiry duration",
        'here it is called "key"': "cache_key key_func by id",
        'here it is called "scope": "run", "graph" or "tool"': "namespace within share shared per "
        "policy",
    },
    "state": {
        'here it is called "defaults"': "default initial values initial_state initial_values "
        "data variables",
        'here it is called "reducers"': "reducer merge channels aggregate annotations merges",
        'it belongs into "schema"': "type properties required json_schema additional_properties "
        "types fields keys",
    },
    "limits": {
        'here it is called "deadline", in seconds': "timeout max_time max_duration "
        "execution_timeout time_limit max_seconds",
        'here it is called "max_visits"': "recursion_limit max_iterations max_loops loop_limit "
        "iterations visits",
        'here it is called "max_activations"': "max_steps steps activations max_nodes",
        'here it is called "max_parallel"': "concurrency max_concurrency parallelism",
        'here it is called "max_state", in bytes': "max_state_size state_size state",
        'here it is called "max_patch", in bytes': "max_patch_size patch_size max_payload",
    },
}  # fmt: skip


def _inverted(place: str) -> dict[str, str]:
    return {word: hint for hint, line in _FOREIGN[place].items() for word in words(line)}


_HINTS: Final = {place: _inverted(place) for place in _FOREIGN}
# In a list of edges each entry says where it begins; all else is as in a rule.
_HINTS["edge"] = {
    **_HINTS["rule"],
    **dict.fromkeys(("source", "src", "start", "origin", "from_node"), 'here it is called "from"'),
}

_MEANT_TARGET: Final = frozenset(
    word
    for word, hint in _HINTS["rule"].items()
    if hint in ('here it is called "to"', _DEFAULT_RULE)
)


def plain(word: str) -> str:
    """Give a word the way all words are compared: `StartAt`, `start-at` are `start_at`."""
    return re.sub(r"[\s_.-]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word)).lower()


def foreign(place: str, word: str) -> str:
    """Say what `word` is called here, if it is a word of other engines at this place."""
    return _HINTS.get(place, {}).get(plain(word).strip("_"), "")


def means_target(word: str) -> bool:
    """Tell whether somebody who writes `word` in a rule means `to`."""
    return plain(word) in _MEANT_TARGET
