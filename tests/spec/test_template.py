"""Templates: what one may say, what comes out, and where they are found."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

import pytest

from engine import Graph, InvalidParameters, InvalidTemplate, Template, installed_templates

if TYPE_CHECKING:
    from pathlib import Path

    from engine import Json

PARAMETERS: Final[dict[str, Json]] = {
    "properties": {
        "tool": {"type": "string", "minLength": 1},
        "limit": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3},
        "keys": {"type": "object", "default": {"n": 0}},
    },
    "required": ["tool"],
}
GRAPH: Final[dict[str, Json]] = {
    "nodes": {"work": {"tool": {"$parameter": "tool"}}},
    "edges": {"work": [{"when": "n < limit", "to": "work"}, {"to": None}]},
    "entry": "work",
    "state": {"defaults": {"limit": {"$parameter": "limit"}, "keys": [{"$parameter": "keys"}]}},
}


def written(**changes: object) -> dict[str, object]:
    """Write a template down."""
    told = {"name": "loop", "title": "Loop", "parameters": PARAMETERS, "graph": GRAPH}
    return {**told, **changes}


def refused(**changes: object) -> list[tuple[str, str]]:
    """Give what is wrong with a template."""
    with pytest.raises(InvalidTemplate) as caught:
        Template.parse(written(**changes))
    return [(each.code, each.path) for each in caught.value.problems]


def misfits(parameters: dict[str, Json]) -> list[tuple[str, str]]:
    """Give what is wrong with parameters."""
    with pytest.raises(InvalidParameters) as caught:
        Template.parse(written()).document(parameters)
    return [(each.code, each.path) for each in caught.value.problems]


# -- what comes out -----------------------------------------------------------------------


def test_parameters_are_put_where_they_are_named_and_defaults_where_none_is_given() -> None:
    made = Template.parse(written()).document({"tool": "count"})

    assert made == {
        "name": "loop",
        "nodes": {"work": {"tool": "count"}},
        "edges": GRAPH["edges"],
        "entry": "work",
        "state": {"defaults": {"limit": 3, "keys": [{"n": 0}]}},
    }
    assert Graph.parse(made).nodes["work"].tool == "count"


def test_the_graph_has_the_name_it_is_given_or_its_own_or_that_of_the_template() -> None:
    given: dict[str, Json] = {"tool": "count"}
    named = Template.parse(written(graph={**GRAPH, "name": "own"}))

    assert named.document(given, name="mine")["name"] == "mine"
    assert named.document(given)["name"] == "own"
    assert Template.parse(written()).document(given)["name"] == "loop"


def test_a_value_is_put_in_once_and_not_looked_at_again() -> None:
    keys: Json = {"$parameter": "tool"}
    made = Template.parse(written()).document({"tool": "count", "keys": keys})

    assert made["state"] == {"defaults": {"limit": 3, "keys": [keys]}}


def test_what_comes_out_belongs_to_whoever_asked() -> None:
    template = Template.parse(written())
    given: dict[str, Json] = {"tool": "count", "keys": {"n": [1]}}
    made = template.document(given)
    made["state"]["defaults"]["keys"][0]["n"].append(2)  # type: ignore[index,union-attr,call-overload]  # it is so
    made["edges"]["work"].clear()  # type: ignore[index,union-attr,call-overload]  # as above
    template.defaults["keys"]["n"] = 9  # type: ignore[index,call-overload]  # as above

    assert given == {"tool": "count", "keys": {"n": [1]}}
    assert template.document({"tool": "count"})["edges"] == GRAPH["edges"]
    assert template.defaults == {"limit": 3, "keys": {"n": 0}}


# -- parameters ---------------------------------------------------------------------------


def test_everything_that_is_wrong_with_parameters_is_told_at_once() -> None:
    assert misfits({"limit": 11, "limits": 3, "keys": 4}) == [
        ("OUT_OF_RANGE", "/limit"),
        ("WRONG_TYPE", "/keys"),
        ("UNKNOWN_FIELD", "/limits"),
        ("MISSING_FIELD", "/tool"),
    ]


def test_a_parameter_that_is_misspelt_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidParameters, match="there is no field 'limt'") as caught:
        Template.parse(written()).document({"tool": "x", "limt": 3})

    assert caught.value.problems[0].hint == "did you mean 'limit'?"


@pytest.mark.parametrize("limit", [None, "3", 3.5, True, [3], 0, 2**70])
def test_a_value_of_another_type_is_no_default(limit: Json) -> None:
    assert [path for _, path in misfits({"tool": "x", "limit": limit})] == ["/limit"]


def test_what_json_has_not_is_no_parameter() -> None:
    wrong: Json = [float("nan"), object()]  # type: ignore[list-item]  # that is what is tested

    assert misfits({"tool": "x", "keys": wrong}) == [
        ("BAD_VALUE", "/keys/0"), ("BAD_VALUE", "/keys/1"),
    ]  # fmt: skip


# -- what is wrong with a template --------------------------------------------------------


def test_a_template_has_these_fields_and_no_other() -> None:
    assert refused(grph={}) == [("WRONG_TYPE", "")]
    assert refused(parameters=[]) == [("WRONG_TYPE", "")]
    with pytest.raises(InvalidTemplate, match="title"):
        Template.parse({"name": "x"})


@pytest.mark.parametrize("name", ["", "a/b"])
def test_a_template_can_be_named_in_an_address(name: str) -> None:
    assert refused(name=name) == [("BAD_NAME", "/name")]


def test_a_place_for_a_parameter_that_is_not_there_is_found() -> None:
    graph = {**GRAPH, "description": {"$parameter": "tol"}, "tags": [{"$parameter": 3}]}

    assert refused(graph=graph) == [
        ("UNKNOWN_PARAMETER", "/graph/description"), ("WRONG_TYPE", "/graph/tags/0"),
    ]  # fmt: skip
    assert refused(graph={**GRAPH, "name": {"$parameter": "tool", "or": 3}}) == [
        ("WRONG_TYPE", "/graph/name")
    ]


def test_a_parameter_on_which_nothing_depends_is_found() -> None:
    parameters = {"properties": {**PARAMETERS["properties"], "more": {}}}  # type: ignore[dict-item]  # it is one

    assert refused(parameters=parameters) == [("UNUSED_PARAMETER", "/parameters/properties/more")]


def test_a_default_must_be_a_value_that_could_be_given() -> None:
    wrong = json.loads(json.dumps(PARAMETERS))
    wrong["properties"]["limit"]["default"] = 30

    assert refused(parameters=wrong) == [("BAD_DEFAULT", "/parameters/properties/limit/default")]


def test_parameters_are_described_by_json_schema() -> None:
    wrong = {"properties": {"tool": {"type": "strng"}, "limit": {}, "keys": {}}}

    assert refused(parameters=wrong) == [("BAD_SCHEMA", "/parameters/properties/tool/type")]


# -- where they are found -----------------------------------------------------------------


def test_three_templates_come_along() -> None:
    found = {each.name: each for each in installed_templates()}

    assert {"code-review", "extract-transform-load", "retry-with-fallback"} <= set(found)
    for template in found.values():
        assert Graph.parse(template.document()).warnings == ()
        assert template.title
        assert template.description


def package(where: Path, templates: dict[str, str]) -> None:
    """Install a package that offers templates."""
    folder = where / "my_templates"
    folder.mkdir()
    for name, text in templates.items():
        (folder / name).write_text(text)
    offered = where / "mine-1.dist-info"
    offered.mkdir()
    (offered / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    (offered / "entry_points.txt").write_text("[awe.templates]\nmine = my_templates\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder where packages are installed."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "my_templates", raising=False)
    return tmp_path


def test_a_package_of_somebody_else_offers_its_own(site: Path) -> None:
    mine = json.dumps(written(name="mine"))
    package(site, {"mine.json": mine, "__init__.py": "", "read_me.txt": "nothing"})

    assert "mine" in [each.name for each in installed_templates()]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name": "mine"', "my_templates/a.json can't be used"),
        ('{"name": "x", "name": "y"}', "can't be used: /name: .*'name'.* twice"),
        (json.dumps(written(name="a/b")), "expected a name without '/'"),
        (json.dumps(written(name="code-review")), "another template named 'code-review'"),
    ],
)
def test_a_file_that_is_no_template_is_named(site: Path, text: str, message: str) -> None:
    package(site, {"a.json": text})

    with pytest.raises(InvalidTemplate, match=message):
        installed_templates()


def test_a_package_that_is_not_there_is_named(site: Path) -> None:
    package(site, {})
    (site / "my_templates").rmdir()

    with pytest.raises(InvalidTemplate, match="the package 'my_templates' can't be used"):
        installed_templates()
