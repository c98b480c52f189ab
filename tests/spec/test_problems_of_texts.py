"""Texts that are no documents, and what is said about each.

What is reported, where, and with which hint: exactly, and nothing else.
"""

from __future__ import annotations

from typing import Final, cast

from engine.graph import Graph
from tests.spec.broken import Broken, broken, each, told

LARGE: Final = "keep data out of the graph: start runs with it, or let a tool load it"

JSON: Final = [
    # Texts of JSON
    broken("no text", "", ("BAD_JSON", "", "")),
    broken(
        "a comma too many",
        '{"nodes": ["a"],}',
        ("BAD_JSON", "", "no comma is allowed before the closing bracket"),
    ),
    broken(
        "single quotes",
        "{'nodes': ['a']}",
        ("BAD_JSON", "", "strings are written in double quotes"),
    ),
    broken("a comment", '// my graph\n{"nodes": ["a"]}', ("BAD_JSON", "", "JSON has no comments")),
    broken("words of Python", '{"nodes": ["a"], "entry": None}', ("BAD_JSON", "", "write null")),
    broken("something behind the end", '{"nodes": ["a"]} x', ("BAD_JSON", "", "")),
    broken(
        "a key twice",
        '{"nodes": ["a"], "edges": {"a": null, "a": null}}',
        ("DUPLICATE_KEY", "/edges/a", "take one of them out"),
    ),
    broken(
        "a number that is none",
        '{"nodes": ["a"], "limits": {"deadline": NaN}}',
        ("BAD_VALUE", "/limits/deadline", 'write null for "no number"'),
    ),
    broken(
        "a number beyond all",
        '{"nodes": ["a"], "limits": {"deadline": 1e999}}',
        ("BAD_VALUE", "/limits/deadline", 'write null for "no number"'),
    ),
    broken(
        "bytes that are no text", b'{"nodes": ["\xff"]}', ("NOT_UTF8", "", "save the text as UTF-8")
    ),
    broken("brackets without end", "[" * 100_000, ("TOO_DEEP", "", "flatten it")),
    broken(
        "brackets too deep",
        '{"nodes": ["a"], "metadata": {"x": ' + "[" * 80 + "]" * 80 + "}}",
        (
            "TOO_DEEP",
            "/metadata/x" + "/0" * 62,
            "flatten it; a value that contains itself never ends",
        ),
    ),
    broken(
        "a text too large",
        " " * (1024 * 1024 + 1),
        (
            "DOCUMENT_TOO_LARGE",
            "",
            "keep data out of the graph: start runs with it, or let a tool load it",
        ),
    ),
    broken(
        "no text at all", 3, ("WRONG_TYPE", "", "Graph.parse takes documents that are read already")
    ),
]

YAML: Final = [
    broken("bytes that are too many", b" " * (1024 * 1024 + 1), ("DOCUMENT_TOO_LARGE", "", LARGE)),
    broken(
        "half a character",
        "nodes: [\ud800]",
        ("BAD_YAML", "", "remove the characters that are none"),
    ),
    broken(
        "a number that is none to some",
        "nodes: [a]\nlimits: {deadline: .inf}\n",
        ("BAD_VALUE", "/limits/deadline", 'write null for "no number"'),
    ),
    broken(
        "more anchors than anybody needs",
        "nodes:\n" + "".join(f"- &a{i} n{i}\n" for i in range(1_001)),
        ("BAD_YAML", "", ""),
    ),
    # Texts of YAML
    broken("an empty text", "", ("WRONG_TYPE", "", "")),
    broken(
        "a key twice",
        "edges:\n  a: b\n  a: c\n",
        ("DUPLICATE_KEY", "/edges/a", "take one of them out"),
    ),
    broken(
        "a yes that is true to some",
        "nodes:\n  a: {args: {x: yes}}\n",
        ("BAD_YAML", "", "write true, or 'yes' in quotes"),
    ),
    broken(
        "a number that is another to some",
        "nodes:\n  a: {args: {x: 012}}\n",
        ("BAD_YAML", "", "write the number in plain digits, or the string in quotes"),
    ),
    broken(
        "a time that is a number to some",
        "nodes:\n  a: {args: {x: 1:30}}\n",
        ("BAD_YAML", "", "write the number in plain digits, or the string in quotes"),
    ),
    broken(
        "a tag",
        "nodes: !!python/object/apply:os.system [ls]\n",
        ("BAD_YAML", "", "write a plain value"),
    ),
    broken(
        "a merge key",
        "nodes:\n  a: &a {tool: x}\n  b: {<<: *a}\n",
        ("BAD_YAML", "", "write the fields out"),
    ),
    broken(
        "two documents",
        "nodes: [a]\n---\nnodes: [b]\n",
        ("BAD_YAML", "", "give one document at a time"),
    ),
    broken("an anchor that is not there", "nodes: *x\n", ("BAD_YAML", "", "")),
    broken("a tab", "nodes:\n\t- a\n", ("BAD_YAML", "", "indent with spaces")),
    broken("a colon too many", "nodes: a: b\n", ("BAD_YAML", "", "")),
    broken(
        "a character that is none", "nodes: [a\x00]\n", ("BAD_YAML", "", "remove the character")
    ),
    broken(
        "aliases that unfold without end",
        "metadata: &a [*a, *a]\n",
        (
            "DOCUMENT_TOO_LARGE",
            "",
            "keep data out of the graph: start runs with it, or let a tool load it",
        ),
        (
            "TOO_DEEP",
            "/metadata" + "/0" * 63,
            "flatten it; a value that contains itself never ends",
        ),
    ),
    broken("brackets without end", "[" * 100_000, ("BAD_YAML", "", "flatten it")),
    broken("a key that is no string", "? [a, b]\n: c\n", ("BAD_YAML", "", "quote the key")),
]


@each(JSON)
def test_a_text_of_json_is_told_what_is_wrong_with_it(row: Broken) -> None:
    told(row, lambda text: Graph.from_json(cast("str", text)))


@each(YAML)
def test_a_text_of_yaml_is_told_what_is_wrong_with_it(row: Broken) -> None:
    told(row, lambda text: Graph.from_yaml(cast("str", text)))
