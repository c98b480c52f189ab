"""What an `http` tool makes of an answer: what it writes, or its error."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING

import pytest

from engine.entry import NodeRetrying
from tests.tools_declared.declaring import error_of, written
from tests.tools_declared.site import answer, as_json
from tools.http.charsets import CODECS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from engine import AnyEntry, Engine, Json, RunHandle
    from tests.tools_declared.site import Site

TEN = "Mon, 23 Nov 2026 10:00:00 GMT"

WEATHER: Json = {
    "main": {"temp": 3.5, "feels-like": -1},
    "daily": [{"day": "Monday", "max": 5}, {"day": "Tuesday", "max": 7}],
}


async def until_it_waits(run: RunHandle) -> AsyncGenerator[AnyEntry, None]:
    """Follow a run until it waits for another attempt."""
    async for entry in run.tail():
        yield entry
        if isinstance(entry, NodeRetrying):
            await run.cancel()


def asks(site: Site, **more: Json) -> dict[str, Json]:
    """Declare a tool that asks the site."""
    return {"name": "ask", "kind": "http", "url": site.at("/"), **more}


async def test_status_and_body_are_written_unless_it_says_what(engine: Engine, site: Site) -> None:
    site.pages["/"] = as_json(WEATHER, 201)

    assert await written(engine, asks(site)) == {"status": 201, "body": WEATHER}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("status", 200), ("body", WEATHER), ("body.main.temp", 3.5),
        ("body.daily[1].day", "Tuesday"),
        ('body.main["feels-like"]', -1), ('body["main"].temp', 3.5), ("size(body.daily)", 2),
        ("body.main.temp > 0.0", True), ("body.daily.exists(d, d.max > 6)", True),
        ('headers["x-left"]', "17"), ('int(headers["x-left"]) - 1', 16),
        ("has(body.main.rain)", False), ("state.status + 1", 201), ("[1, 2]", [1, 2]),
    ],
)  # fmt: skip
async def test_a_part_of_the_answer_is_worked_out(
    engine: Engine, site: Site, text: str, value: Json
) -> None:
    site.pages["/"] = as_json(WEATHER, X_Left="17")

    assert await written(engine, asks(site, output={"it": text})) == {"it": value}


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("body.main.rain", "CONDITION_MISSING_KEY", "body.main has no key 'rain', only"),
        ("body.daily[2].day", "CONDITION_MISSING_KEY", "body.daily has 2 items"),
        ("body.daily.max", "CONDITION_TYPE", "body.daily is a list of 2 items"),
        ("body.main.temp + 1", "CONDITION_TYPE", "can't be worked out"),
        ("body.main.temp.x", "CONDITION_TYPE", "which has no field 'x'"),
    ],
)
async def test_a_part_that_is_not_there_is_an_error_that_says_so(
    engine: Engine, site: Site, text: str, code: str, says: str
) -> None:
    site.pages["/"] = as_json(WEATHER)
    error = await error_of(engine, asks(site, output={"it": text}))

    assert (error.code, error.retryable) == (code, False)
    assert says in error.message


async def test_a_body_that_nobody_asks_for_may_be_anything(engine: Engine, site: Site) -> None:
    site.pages["/"] = answer(b"\x89PNG\0", kind="image/png")

    assert await written(engine, asks(site, output={"s": "status"})) == {"s": 200}
    assert await written(engine, asks(site, output={})) == {}


@pytest.mark.parametrize(
    ("content", "kind", "body"),
    [
        (b'{"a": 1}', "application/json; charset=utf-8", {"a": 1}),
        (b'{"a": 1}', "application/problem+json", {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', "text/json", {"a": 1}),
        (b'{"a": 1}', None, {"a": 1}), (b"hello", None, "hello"), (b"", "application/json", None),
        (b"", None, None), (b"", "image/png", None), (b"hello", "text/html", "hello"),
        (b"<a/>", "application/xml", "<a/>"), (b"<a/>", "image/svg+xml", "<a/>"),
        ("Zürich".encode(), "text/plain", "Zürich"),
        ("Zürich".encode("latin-1"), "text/plain; charset=ISO-8859-1", "Zürich"),
        ("Zürich".encode("utf-16"), 'text/plain; charset="utf-16"', "Zürich"),
        ("日本".encode("shift_jis"), "text/plain; charset=Shift_JIS", "日本"),
        ("€".encode("cp1252"), "text/plain; charset='windows-1252'", "€"),
        (b'{"a": 1}', "text/plain", '{"a": 1}'),
    ],
)  # fmt: skip
async def test_a_body_is_read_as_its_type_says(
    engine: Engine, site: Site, content: bytes, kind: str | None, body: Json
) -> None:
    site.pages["/"] = answer(content, kind=kind)

    assert await written(engine, asks(site, output={"body": "body"})) == {"body": body}


async def test_a_declaration_may_say_how_a_body_is_read(engine: Engine, site: Site) -> None:
    site.pages["/"] = answer('{"a": 1}', kind="application/octet-stream")

    got = await written(engine, asks(site, answer="json", output={"a": "body.a"}))
    assert got == {"a": 1}
    got = await written(engine, asks(site, answer="text", output={"text": "body"}))
    assert got == {"text": '{"a": 1}'}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"hello", "application/json"), (b"[1,", "application/json"), (b"\xff", "text/plain"),
        (b"{\xff}", "application/json"), (b"[1e400]", "application/json"),
        (b"[18446744073709551616]", "application/json"), (b'["\\u0000"]', "application/json"),
        (b'["\\ud800"]', "application/json"), (b"NaN", "application/json"),
        (b"[" * 100 + b"]" * 100, "application/json"),
        (b"[" * 100_000 + b"]" * 100_000, "application/json"),
        (b"a\0b", "text/plain"), (b"x", "text/plain; charset=nonsense"),
        (b"x", "text/plain; charset=base64"), (b"x", "image/png"), (b"\xff\xfe\0", None),
    ],
)  # fmt: skip
async def test_a_body_that_can_not_be_read_says_why(
    engine: Engine, site: Site, content: bytes, kind: str | None
) -> None:
    site.pages["/"] = answer(content, kind=kind)
    error = await error_of(engine, asks(site, output={"it": "body"}))

    assert (error.code, error.retryable) == ("ANSWER_UNREADABLE", False)
    assert error.hint


@pytest.mark.parametrize("charset", ["punycode", "idna", "utf-7", "unicode_escape", "rot13"])
async def test_a_charset_that_is_none_of_texts_is_not_read(
    engine: Engine, site: Site, charset: str
) -> None:
    site.pages["/"] = answer(b"a" * 1_000, kind=f"text/plain; charset={charset}")
    error = await error_of(engine, asks(site))

    assert (error.code, error.retryable) == ("ANSWER_UNREADABLE", False)
    assert f"charset '{charset}', which is not read here" in error.message
    assert "Accept-Charset" in error.hint


def test_every_charset_that_is_read_is_one_of_texts() -> None:
    for name, codec in CODECS.items():
        assert name == name.lower()
        assert "a".encode(codec).decode(codec) == "a"
        # Python does not know the one name, and has less than is meant for the other.
        if name not in {"windows-31j", "ks_c_5601-1987"}:
            assert codecs.lookup(name).name == codecs.lookup(codec).name


async def test_a_large_body_is_read_beside_the_loop(engine: Engine, site: Site) -> None:
    rows: Json = [{"id": n, "name": f"row {n}"} for n in range(20_000)]
    site.pages["/"] = as_json({"rows": rows})
    assert len(json.dumps(rows)) > 500_000

    got = await written(engine, asks(site, output={"last": "body.rows[19999].name"}))
    assert got == {"last": "row 19999"}


# -- statuses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (300, False), (400, False), (401, False), (403, False), (404, False),
        (408, True), (409, False), (422, False), (425, True), (429, True), (500, True),
        (501, False), (502, True), (503, True), (504, True), (505, False), (599, True),
    ],
)  # fmt: skip
async def test_a_status_that_is_not_expected_is_an_error_of_its_own(
    engine: Engine, site: Site, status: int, retryable: bool
) -> None:
    site.pages["/"] = answer("it  went\n wrong", status)
    error = await error_of(engine, asks(site))

    assert (error.code, error.retryable) == (f"HTTP_{status}", retryable)
    assert error.message.endswith(f"got the status {status} from {site.at('/')}: it went wrong")
    assert error.details == {"status": status}
    assert error.retry_after is None


async def test_only_statuses_that_are_listed_are_no_errors(engine: Engine, site: Site) -> None:
    tool = asks(site, expect=[404, 302], redirects=0, output={"s": "status"})
    for status in (404, 302):
        site.pages["/"] = answer("", status, Location="/x")
        assert await written(engine, tool) == {"s": status}

    site.pages["/"] = answer("", 200)
    assert (await error_of(engine, tool)).code == "HTTP_200"


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry_After": "7"}, 7.0), ({"Retry_After": "0"}, 0.0), ({"Retry_After": " 12 "}, 12.0),
        ({"Retry_After": "99999999999"}, 86_400.0), ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-1"}, None), ({"Retry_After": "1.5"}, None), ({}, None),
        ({"Retry_After": "Mon, 23 Nov 2026 10:00:30 GMT", "Date": TEN}, 30.0),
        ({"Retry_After": "Mon, 23 Nov 2026 09:00:00 GMT", "Date": TEN}, 0.0),
        ({"Retry_After": "Mon, 23 Nov 2026 10:00:30 GMT"}, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [429, 503])
async def test_who_wants_to_be_left_alone_is(
    engine: Engine, site: Site, status: int, headers: dict[str, str], pause: float | None
) -> None:
    site.pages["/"] = answer("", status, **headers)
    error = await error_of(engine, asks(site))

    assert (error.retryable, error.retry_after) == (True, pause)


async def test_a_run_waits_for_as_long_as_it_was_asked_to(engine: Engine, site: Site) -> None:
    site.pages["/"] = answer("", 429, Retry_After="7")
    await engine.tools.register(asks(site))
    run = await engine.start({"nodes": {"ask": {"retry": {"max_attempts": 2, "delay": 0.01}}}})
    pauses = [
        (entry.due - entry.at).total_seconds()
        async for entry in until_it_waits(run)
        if isinstance(entry, NodeRetrying)
    ]

    assert 7 <= pauses[0] < 9


async def test_a_rule_takes_a_status(engine: Engine, site: Site) -> None:
    site.pages["/"] = answer("", 404)
    await engine.tools.register(asks(site))
    await engine.tools.register(
        {"name": "none", "kind": "expression", "output": {"found": "false"}}
    )
    edges: Json = {"ask": [{"on": "HTTP_404", "to": "none"}, {"to": None}]}

    assert await engine.run({"nodes": ["ask", "none"], "edges": edges}) == {"found": False}
