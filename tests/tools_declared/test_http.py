"""What an `http` tool sends, and what it takes of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tools_declared.declaring import declaring, error_of, problems, written
from tests.tools_declared.site import answer, as_json

if TYPE_CHECKING:
    from engine import Engine, Json
    from tests.tools_declared.site import Asked, Site

SECRET = "s3cr3t-of-the-weather"  # noqa: S105  # of a test


def declared(site: Site, path: str = "/", **more: Json) -> dict[str, Json]:
    """Declare a tool that asks the site."""
    return {"name": "ask", "kind": "http", "url": site.at(path), "output": {}, **more}


async def asked(engine: Engine, site: Site, tool: dict[str, Json], /, **given: Json) -> Asked:
    """Call a tool, and give what it asked."""
    await written(engine, tool, **given)
    return site.asked[-1]


# -- the URL ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("Oslo", "/v1/Oslo/x"), ("New York", "/v1/New%20York/x"), ("a/b", "/v1/a%2Fb/x"),
        ("../admin", "/v1/..%2Fadmin/x"), ("a?b=c&d#e", "/v1/a%3Fb%3Dc%26d%23e/x"),
        ("%2e%2e", "/v1/%252e%252e/x"), ("Zürich", "/v1/Z%C3%BCrich/x"),
        ("a\r\nb", "/v1/a%0D%0Ab/x"), ("@evil.example", "/v1/%40evil.example/x"), (3, "/v1/3/x"),
        (1.5, "/v1/1.5/x"), (True, "/v1/true/x"), ("...", "/v1/.../x"), ("\\", "/v1/%5C/x"),
    ],
)  # fmt: skip
async def test_an_argument_is_one_step_of_a_path_whatever_it_is(
    engine: Engine, site: Site, given: Json, path: str
) -> None:
    tool = declared(site, "/v1/{city}/x", input=["city"])

    assert (await asked(engine, site, tool, city=given)).path == path


@pytest.mark.parametrize("given", ["", ".", "..", None, ["a"], {"a": 1}])
async def test_what_can_be_no_step_of_a_path_is_refused(
    engine: Engine, site: Site, given: Json
) -> None:
    error = await error_of(engine, declared(site, "/v1/{city}/x", input=["city"]), city=given)

    assert (error.code, error.retryable, site.connections) == ("BAD_INPUT", False, 0)


async def test_two_arguments_are_no_way_up_either(engine: Engine, site: Site) -> None:
    tool = declared(site, "/v1/{a}{b}/x", input=["a", "b"])

    assert (await error_of(engine, tool, a=".", b=".")).code == "BAD_INPUT"
    assert site.connections == 0


async def test_an_argument_is_one_value_of_a_query_whatever_it_is(
    engine: Engine, site: Site
) -> None:
    tool = declared(
        site, "/?fixed={a}", input=["a", "b"], query={"b": "{b}", "n": 3, "on": True, "t": "x{b}y"}
    )
    path = (await asked(engine, site, tool, a="1&admin=1", b="ü =#")).path

    assert path == "/?fixed=1%26admin%3D1&b=%C3%BC%20%3D%23&n=3&on=true&t=x%C3%BC%20%3D%23y"


async def test_a_list_is_several_values_and_null_is_none(engine: Engine, site: Site) -> None:
    tool = declared(site, "/", input=["tags", "page"], query={"tag": "{tags}", "page": "{page}"})

    assert (await asked(engine, site, tool, tags=["a", "b", 3], page=None)).path == (
        "/?tag=a&tag=b&tag=3"
    )
    assert (await asked(engine, site, tool, tags=[], page=2)).path == "/?page=2"
    assert (await error_of(engine, tool, tags=[{}], page=2)).code == "BAD_INPUT"


async def test_a_whole_url_may_be_an_argument(engine: Engine, site: Site) -> None:
    tool: dict[str, Json] = {
        "name": "ask", "kind": "http", "url": "{where}", "input": ["where"], "query": {"a": "b"},
    }  # fmt: skip

    assert (await asked(engine, site, tool, where=site.at("/x?y=z"))).path == "/x?y=z&a=b"
    assert (await error_of(engine, tool, where="no url")).code == "EGRESS_REFUSED"


# -- headers ------------------------------------------------------------------------------


async def test_headers_are_sent_and_left_out_without_their_argument(
    engine: Engine, site: Site
) -> None:
    schema: Json = {"properties": {"lang": {}, "more": {}}, "required": ["lang"]}
    headers: Json = {"Accept-Language": "{lang};q=0.5", "X-More": "{more}", "accept": "text/plain"}
    tool = declared(site, input=schema, headers=headers)

    sent = (await asked(engine, site, tool, lang="nb")).headers
    assert sent["accept-language"] == "nb;q=0.5"
    assert sent["accept"] == "text/plain"
    assert "x-more" not in sent
    assert (await asked(engine, site, tool, lang="nb", more=" 7 ")).headers["x-more"] == "7"


@pytest.mark.parametrize("given", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "ü", "\x7f"])
async def test_an_argument_is_never_another_header(engine: Engine, site: Site, given: str) -> None:
    tool = declared(site, input=["lang"], headers={"Accept-Language": "{lang}"})
    error = await error_of(engine, tool, lang=given)

    assert (error.code, site.connections) == ("BAD_INPUT", 0)


@pytest.mark.parametrize(
    ("method", "sent"),
    [("GET", False), ("HEAD", False), ("POST", True), ("PUT", True), ("PATCH", True),
     ("DELETE", True)],
)  # fmt: skip
async def test_what_changes_something_is_sent_with_a_key(
    engine: Engine, site: Site, method: str, sent: bool
) -> None:
    headers = (await asked(engine, site, declared(site, method=method))).headers

    assert ("idempotency-key" in headers) == sent


async def test_the_key_is_that_of_the_activation_in_every_attempt(
    engine: Engine, site: Site
) -> None:
    site.pages["/"] = as_json({}, 503)
    await engine.tools.register(declared(site, method="POST"))
    graph: dict[str, Json] = {"nodes": {"ask": {"retry": {"max_attempts": 3, "delay": 0.01}}}}
    run = await engine.start({**graph, "name": "g"}, run_id="r")
    await run.rest()

    assert [each.headers["idempotency-key"] for each in site.asked] == 3 * ["r:1"]


async def test_a_header_of_that_name_is_sent_in_its_place(engine: Engine, site: Site) -> None:
    tool = declared(site, input=["k"], method="POST", headers={"idempotency-key": "mine-{k}"})

    assert (await asked(engine, site, tool, k=1)).headers["idempotency-key"] == "mine-1"


# -- the body -----------------------------------------------------------------------------


async def test_a_body_is_made_of_arguments_with_their_types(engine: Engine, site: Site) -> None:
    body: Json = {
        "city": "{city}", "days": "{days}", "all": ["{tags}", "-{days}-", 1, None, "{note}"],
        "note": "{note}", "{city}": "{{literal}}", "deep": {"tags": "{tags}"},
    }  # fmt: skip
    schema: Json = {
        "properties": {"note": {}},
        "required": ["city", "days", "tags"],
    }
    tool = declared(site, method="POST", input=schema, json=body)
    sent = await asked(engine, site, tool, city='"}', days=3, tags=["a", {"b": None}])

    assert sent.headers["content-type"] == "application/json"
    assert sent.json == {
        "city": '"}', "days": 3, "all": [["a", {"b": None}], "-3-", 1, None],
        "{city}": "{literal}", "deep": {"tags": ["a", {"b": None}]},
    }  # fmt: skip


@pytest.mark.parametrize("body", [None, 3, "x", [], {}, "{text}"])
async def test_any_json_may_be_the_body(engine: Engine, site: Site, body: Json) -> None:
    tool = declared(site, method="POST", input=["text"], json=body)

    assert (await asked(engine, site, tool, text="x")).json == ("x" if body == "{text}" else body)


async def test_a_body_that_nobody_gives_is_not_sent(engine: Engine, site: Site) -> None:
    tool = declared(site, method="POST", input={"properties": {"a": {}}}, json="{a}")
    sent = await asked(engine, site, tool)

    assert (sent.body, "content-type" in sent.headers) == (b"", False)


# -- secrets ------------------------------------------------------------------------------


async def test_a_secret_is_sent_and_told_nowhere_else(
    engine: Engine, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWE_SECRET_WEATHER", SECRET)
    told: Json = {"Authorization": "Bearer {secret.WEATHER}"}
    tool = declared(
        site, method="POST", headers=told, query={"key": "{secret.WEATHER}"},
        json={"password": "{secret.WEATHER}"},
    )  # fmt: skip
    sent = await asked(engine, site, tool)
    assert sent.headers["authorization"] == f"Bearer {SECRET}"
    assert sent.path == f"/?key={SECRET}"
    assert sent.json == {"password": SECRET}

    site.pages["/"] = answer(f"I do not know {SECRET}!", 403)
    error = await error_of(engine, tool)
    assert "I do not know ***!" in error.message
    assert SECRET not in repr(error)
    assert SECRET not in repr(engine.tools["ask"].declaration)  # type: ignore[attr-defined]  # it is declared


async def test_no_message_shows_a_secret_of_a_query(
    engine: Engine, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWE_SECRET_WEATHER", SECRET)
    tool = declared(site, input=["x"], query={"key": "{secret.WEATHER}", "x": "{x}"})
    unreachable: Json = {**tool, "url": "http://169.254.169.254/"}
    for wrong, given in ((tool, "x" * 70_000), (unreachable, "x"), (tool, {})):
        error = await error_of(engine, wrong, x=given)
        assert SECRET not in repr(error)
    site.pages["/"] = b"nonsense"
    assert SECRET not in repr(await error_of(engine, tool, x=1))


async def test_a_secret_is_looked_up_at_every_call_and_not_at_declaring(
    engine: Engine, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = declared(site, headers={"X-Api-Key": "{secret.LATER}"})
    error = await error_of(engine, tool)
    assert (error.code, error.retryable, site.connections) == ("SECRET_MISSING", False, 0)
    assert "AWE_SECRET_LATER" in error.hint

    monkeypatch.setenv("AWE_SECRET_LATER", "one")
    assert (await asked(engine, site, tool)).headers["x-api-key"] == "one"
    monkeypatch.setenv("AWE_SECRET_LATER", "two")
    assert (await asked(engine, site, tool)).headers["x-api-key"] == "two"


async def test_nothing_but_secrets_is_reached_of_the_environment(
    engine: Engine, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIDDEN", "x")

    assert (await error_of(engine, declared(site, query={"a": "{secret.HIDDEN}"}))).code == (
        "SECRET_MISSING"
    )
    told = await problems(declared(site, query={"a": "{HIDDEN}", "b": "{env.HIDDEN}"}))
    assert set(told) == {("UNKNOWN_PARAMETER", "/query/a"), ("UNKNOWN_PARAMETER", "/query/b")}


# -- what is wrong with a request ---------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "code", "path"),
    [
        ({"url": "https://{host}/"}, "BAD_URL", "/url"),
        ({"url": "https://api.{host}/"}, "BAD_URL", "/url"),
        ({"url": "https://example.com{path}"}, "BAD_URL", "/url"),
        ({"url": "https://example.com:{path}/"}, "BAD_URL", "/url"),
        ({"url": "{path}/x"}, "BAD_URL", "/url"),
        ({"url": "{path}{host}"}, "BAD_URL", "/url"),
        ({"url": "ftp://example.com/"}, "BAD_URL", "/url"),
        ({"url": "example.com/"}, "BAD_URL", "/url"),
        ({"url": ""}, "BAD_URL", "/url"),
        ({"url": "https://u:p@example.com/"}, "BAD_URL", "/url"),
        ({"url": "https://example.com:x/"}, "BAD_URL", "/url"),
        ({"url": "https://example.com/#there"}, "BAD_URL", "/url"),
        ({"url": "https://example.com/{secret.A}"}, "SECRET_IN_CLEAR", "/url"),
        ({"url": "{path}", "headers": {"A": "{secret.A}"}}, "SECRET_FOR_ANYBODY", "/url"),
        ({"headers": {"User-agent": "{secret.A}"}}, "SECRET_FOR_ANYBODY", "/headers/User-agent"),
        ({"url": "https://example.com/{pth}"}, "UNKNOWN_PARAMETER", "/url"),
        ({"url": "https://example.com/{"}, "BAD_TEMPLATE", "/url"),
        ({"url": "https://example.com/{may}"}, "OPTIONAL_PARAMETER", "/url"),
        ({"url": "{may}"}, "OPTIONAL_PARAMETER", "/url"),
        ({"query": {"a": "x{may}"}}, "OPTIONAL_PARAMETER", "/query/a"),
        ({"query": {"a": None}}, "WRONG_TYPE", "/query/a"),
        ({"query": {"api_key": "abc"}}, "SECRET_IN_CLEAR", "/query/api_key"),
        ({"headers": {"Authorization": "Bearer abc"}}, "SECRET_IN_CLEAR", "/headers/Authorization"),
        ({"headers": {"cookie": "a=b"}}, "SECRET_IN_CLEAR", "/headers/cookie"),
        ({"headers": {"Host": "example.org"}}, "RESERVED_HEADER", "/headers/Host"),
        ({"headers": {"transfer-encoding": "x"}}, "RESERVED_HEADER", "/headers/transfer-encoding"),
        ({"headers": {"a b": "x"}}, "BAD_NAME", "/headers/a b"),
        ({"headers": {"a": "x\r\ny"}}, "BAD_VALUE", "/headers/a"),
        ({"headers": {"a": "x", "A": "y"}}, "CONFLICTING_FIELDS", "/headers/A"),
        ({"query": {"a/b": "{secret.a b}"}}, "BAD_TEMPLATE", "/query/a~1b"),
        ({"headers": {"a": "{secret.lower}"}}, "BAD_NAME", "/headers/a"),
        ({"json": {}}, "CONFLICTING_FIELDS", "/json"),
        ({"json": {"token": "abc"}, "method": "POST"}, "SECRET_IN_CLEAR", "/json/token"),
        ({"json": [{"a": "{nope}"}], "method": "POST"}, "UNKNOWN_PARAMETER", "/json/0/a"),
        ({"method": "TRACE"}, "NOT_ONE_OF", "/method"),
        ({"timeout": 0}, "OUT_OF_RANGE", "/timeout"),
        ({"timeout": 301}, "OUT_OF_RANGE", "/timeout"),
        ({"max_bytes": 16 * 1024 * 1024 + 1}, "OUT_OF_RANGE", "/max_bytes"),
        ({"redirects": 6}, "OUT_OF_RANGE", "/redirects"),
        ({"expect": [100]}, "OUT_OF_RANGE", "/expect/0"),
        ({"answer": "xml"}, "NOT_ONE_OF", "/answer"),
        ({"output": {"a": "bdy.x"}}, "UNKNOWN_PART", "/output/a"),
        ({"output": {"a": "body +"}}, "CONDITION_SYNTAX", "/output/a"),
        ({"output": ["body"]}, "WRONG_TYPE", "/output"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_request_is_said_where_it_stands(
    more: dict[str, Json], code: str, path: str
) -> None:
    schema: Json = {"properties": {"path": {}, "host": {}, "may": {}}, "required": ["path", "host"]}
    base: dict[str, Json] = {
        "name": "ask", "kind": "http", "url": "https://example.com/", "input": schema,
    }  # fmt: skip
    told = await problems({**base, **more})

    assert (code, path) in told
    assert len(told) == 1


async def test_all_that_is_wrong_is_said_at_once() -> None:
    told = await problems(
        {
            "name": "a b", "kind": "http", "url": "https://{x}/", "metod": "GET", "timeout": -1,
            "headers": {"Host": "x", "Authorization": "y"}, "output": {"a": "1 +", "b": "c"},
            "input": {"properties": {"state": {}}},
        }
    )  # fmt: skip

    assert set(told) == {
        ("BAD_NAME", "/name"), ("BAD_URL", "/url"), ("UNKNOWN_PARAMETER", "/url"),
        ("UNKNOWN_FIELD", "/metod"), ("OUT_OF_RANGE", "/timeout"),
        ("RESERVED_HEADER", "/headers/Host"), ("SECRET_IN_CLEAR", "/headers/Authorization"),
        ("CONDITION_SYNTAX", "/output/a"), ("UNKNOWN_PART", "/output/b"),
        ("BAD_NAME", "/input/properties/state"),
    }  # fmt: skip


async def test_declaring_asks_nobody(site: Site) -> None:
    async with declaring(site.host) as engine:
        await engine.tools.register(declared(site))
        assert site.connections == 0
