"""The page in a browser: what a user sees of runs, and does to them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.api.conftest import begin, rested
from tests.api.page.conftest import COUNTING, EVIL, VOYAGE

if TYPE_CHECKING:
    import httpx2

    from engine import Json
    from tests.api.browser import Tab
    from tests.api.page.conftest import Work

EVIL_NODE = "<img src=x onerror='window.evil=1'>"

HOSTILE = {
    "name": EVIL_NODE,
    "description": EVIL,
    "tags": [EVIL],
    "nodes": {EVIL_NODE: "hold", "fall": "fall"},
    "edges": {EVIL_NODE: "fall"},
    "entry": EVIL_NODE,
    "state": {"defaults": {EVIL: EVIL}},
}


USED = {"button", "checkbox", "combobox", "link", "listbox", "searchbox", "slider", "textbox"}
"""What can be used, as assistive technology calls it."""


async def shown(tab: Tab) -> list[str]:
    """Give the types of the entries that are in sight, in their order."""
    return await tab.run(
        "[...document.querySelectorAll('.entry')].sort((a, b) => a.dataset.seq - b.dataset.seq)"
        ".map((each) => each.querySelector('.type').textContent)"
    )


async def test_the_lines_of_a_text_are_counted_and_how_often_a_node_ran_stands_on_its_badge(
    address: str, client: httpx2.AsyncClient, tab: Tab, work: Work
) -> None:
    work.may.set()
    texts: dict[str, Json] = {"ended": "one\ntwo\n", "open": "one\ntwo\nthree"}
    run_id = await begin(client, COUNTING, initial_state={**texts, "n": 0})
    await rested(client, run_id)
    await tab.open(f"{address}/#/runs/{run_id}")
    await tab.says("[data-node=n] .count", "\u00d73")
    await tab.says(".inspector", "ended")
    sizes = await tab.run(
        "[...document.querySelectorAll('.inspector summary')].map((each) => each.innerText)"
    )
    count, pill = await tab.run(
        """["text.count", "rect"].map((each) => {
          const { left, right } = document.querySelector(`[data-node=n] .badge ${each}`)
            .getBoundingClientRect();
          return [left, right];
        })"""
    )

    assert [each.split()[:3] for each in sizes] == [["ended", "2", "lines"], ["open", "3", "lines"]]
    assert pill[0] + 3 < count[0] < count[1] < pill[1] - 3


async def test_a_run_is_started_by_the_form_and_seen_live_to_its_end(
    address: str, client: httpx2.AsyncClient, tab: Tab, work: Work
) -> None:
    await client.post("/api/v1/graph/create", json=COUNTING)
    await tab.open(address)

    await tab.click(".card", "counting")
    await tab.says("form", "Initial state")
    prefilled = await tab.run("document.querySelector('form textarea').value")
    await tab.write("form textarea", '{"n": 0, "most": 2, "share": 1.0}')
    await tab.click("form button[type=submit]")
    await tab.says(".connection", "live")
    await tab.says(".trace .bar", "9 entries")
    await tab.says("[data-node=n] .count", "\u00d72")
    await tab.says(".going", "1/4")
    going = await tab.text(".going")
    colours = await tab.run(
        "[...document.querySelectorAll('[data-node]')].map((each) => each.getAttribute('class'))"
    )
    before = await shown(tab)
    work.may.set()
    await tab.says(".head .badge", "completed")
    await tab.says(".connection", "all entries are here")
    await tab.says(".inspector", "held")

    assert '"share": 1.0' in prefilled  # not 1, which is another number to the engine
    assert "last" in going
    assert [each.split()[:2] for each in colours] == [["node", "completed"], ["node", "running"]]
    assert before == [
        "run.started", "message.sent", "node.started",
        "node.completed", "message.sent", "node.started",
        "node.completed", "message.sent", "node.started",
    ]  # fmt: skip
    assert (await shown(tab))[9:] == ["node.completed", "run.completed"]
    run_id = await tab.run("location.hash.split('/').at(-1)")
    assert (await rested(client, run_id))["state"]["share"] == 1.0


async def test_what_a_run_failed_of_is_told_and_mended_at_the_press_of_a_button(
    address: str, client: httpx2.AsyncClient, tab: Tab, work: Work
) -> None:
    failed = await begin(client, VOYAGE)
    await tab.open(f"{address}/#/runs/{failed}")

    await tab.says(".report", "STORM")
    report = await tab.text(".report")
    work.fine = True
    await tab.click(".report .action button")
    await tab.says(".under", f"fork of {failed}")
    await tab.says(".head .badge", "completed")

    assert "failed at sail, attempt 2" in report
    assert "a storm on the way to Ithaca" in report
    assert "wait for sun" in report
    assert not await tab.run("document.querySelector('.report')?.checkVisibility() ?? false")
    made = await tab.run("location.hash.split('/').at(-1)")
    assert made != failed
    assert (await rested(client, made))["state"]["at"] == "Ithaca"


async def test_a_form_with_mistakes_says_all_of_them(
    address: str, client: httpx2.AsyncClient, tab: Tab
) -> None:
    await client.post("/api/v1/graph/create", json=VOYAGE)
    await tab.open(f"{address}/#/graphs/voyage")

    await tab.write("form textarea", '{"to": }')
    await tab.click("form button[type=submit]")
    not_json = await tab.text("form .problem")
    await tab.write("form textarea", '{"to": 18446744073709551616}')
    await tab.write("form input[placeholder='made up']", "no such/name")
    await tab.click("form button[type=submit]")
    await tab.says("form .problem", "BAD_VALUE")
    refused = await tab.text("form .problem")

    assert not_json.startswith("NOT_JSON")
    assert "18446744073709551616" in refused or "no such/name" in refused
    tab.complaints.clear()  # the browser itself tells of each refusal


async def test_words_of_graphs_and_runs_are_shown_and_never_executed(
    address: str, client: httpx2.AsyncClient, tab: Tab, work: Work
) -> None:
    await client.post("/api/v1/graph/create", json=HOSTILE)
    await tab.open(address)

    await tab.click(".card", EVIL_NODE)
    await tab.says("main", EVIL)
    await tab.click("[data-node]")
    await tab.click(".written summary")
    await tab.click("form button[type=submit]")
    await tab.says(".going", "<b>one</b>")
    work.may.set()
    await tab.says(".report", EVIL)
    await tab.click("[data-node]")
    await tab.click(".report summary", "what is sent")
    await tab.click(".entry", "node.failed")
    await tab.says(".inspector .pane", json.dumps(EVIL))
    await tab.click(".commands button, .inspector button", "Fork")
    await tab.until("document.querySelector('dialog[open]')")
    elements = await tab.run(
        "[...document.querySelectorAll('img, script, iframe, [onerror], [onload]')]"
        ".map((each) => each.outerHTML)"
    )

    assert [each.partition(" ")[0] for each in elements] == ["<script", "<img"]
    assert "/assets/main.js" in elements[0]
    assert "/assets/icon.svg" in elements[1]


async def test_the_state_is_shown_after_any_entry_with_what_has_changed(
    address: str, client: httpx2.AsyncClient, tab: Tab, work: Work
) -> None:
    work.may.set()
    run_id = await begin(client, COUNTING, initial_state={"most": 3})
    await tab.open(f"{address}/#/runs/{run_id}")
    await tab.says(".inspector output", "now, after entry 13")

    await tab.run("document.querySelector('.lines').focus()")
    await tab.press("Home", "ArrowDown", "ArrowDown", "ArrowDown")
    await tab.says(".inspector output", "after entry 3, decided with those up to 5")
    await tab.says(".inspector", "Changes since entry 2")
    state = await tab.text(".inspector .pane:nth-child(2)")
    changes = await tab.text(".inspector .pane:nth-child(3)")
    drawn = await tab.run("document.querySelector('[data-node=last]').getAttribute('class')")
    chosen = await tab.run("document.querySelector('.lines').getAttribute('aria-activedescendant')")
    linked = await tab.until("location.hash.endsWith('?at=3') && location.hash")
    await tab.press("Escape")
    await tab.says(".inspector output", "now, after entry 13")

    assert re.search(r"\bn 1\b", state)
    assert changes.split() == [
        "Changes",
        "since",
        "entry",
        "2",
        "~",
        "changed",
        "n",
        "was",
        "0",
        "is",
        "1",
    ]
    assert drawn.split() == ["node"]  # nothing has come to it yet
    assert chosen == "entry-3"
    await tab.open("about:blank")
    await tab.open(f"{address}/{linked}")
    await tab.says(".inspector output", "after entry 3")
    await tab.says(".entry[aria-selected=true]", "node.completed")


async def test_a_run_is_paused_changed_and_led_on_by_keyboard(
    address: str, client: httpx2.AsyncClient, tab: Tab, work: Work
) -> None:
    await client.post("/api/v1/graph/create", json=VOYAGE)
    await tab.open(f"{address}/#/graphs/voyage")
    work.fine = True

    await tab.until("document.querySelector('[data-node=sail]').focus() ?? true")
    await tab.press("Enter")
    await tab.click(".node-panel label", "Pause before it")
    await tab.says("form", "Pauses before sail.")
    await tab.until("document.querySelector('form button[type=submit]').focus() ?? true")
    await tab.press("Enter")
    await tab.says(".head", "at the breakpoint before sail")
    await tab.click(".commands button", "Patch")
    await tab.write("dialog textarea", '{"to": "Troy"}')
    await tab.press("Tab", "Tab", "Enter")
    await tab.until("!document.querySelector('dialog')")
    await tab.says(".inspector .pane:nth-child(2)", "Troy")
    focus = await tab.run("document.activeElement.textContent")
    await tab.until("document.querySelector('[data-node=sail]').focus() ?? true")
    await tab.press("Enter")
    await tab.click(".node-panel label", "Pause before it")
    await tab.until("document.querySelector('[data-node=sail]:not(.breaks)')")
    await tab.click(".commands button", "Resume")
    await tab.says(".head .badge", "completed")
    await tab.click(".inspector button", "Fork")
    await tab.write("dialog textarea", '{"to": "Rome"}')
    await tab.click("dialog button[type=submit]")
    await tab.says("dialog .problem", "NOT_APPLICABLE")
    await tab.press("Escape")
    tab.complaints.clear()  # the browser itself tells of each refusal

    assert focus == "Patch…"
    run_id = await tab.run("location.hash.split(/[/?]/)[2]")
    assert (await rested(client, run_id))["state"]["at"] == "Troy"


async def test_everything_that_can_be_used_has_a_name_and_fits_a_phone(
    address: str, client: httpx2.AsyncClient, tab: Tab
) -> None:
    failed = await begin(client, VOYAGE)
    await tab.call("Accessibility.enable")

    for width in (1280, 390):
        await tab.size(width, 844)
        for view, seen in (
            ("", "tbody tr"),
            ("graphs/voyage", "[data-node]"),
            (f"runs/{failed}", ".entry"),
        ):
            await tab.open(f"{address}/#/{view}")
            await tab.until(f"document.querySelector({json.dumps(seen)})")
            await tab.click("[data-node]" if view else ".pill input")
            tree = (await tab.call("Accessibility.getFullAXTree"))["nodes"]
            used = [each for each in tree if each.get("role", {}).get("value") in USED]
            wide = await tab.run("document.documentElement.scrollWidth")

            assert len(used) > 5
            assert [each for each in used if not each["name"]["value"].strip()] == []
            assert wide <= width


async def test_a_run_is_drawn_as_the_server_draws_it(
    address: str, client: httpx2.AsyncClient, tab: Tab, work: Work
) -> None:
    def voyage(name: str, edges: dict[str, Json], **more: Json) -> dict[str, Json]:
        nodes = {"greet": None, "sail": more, "hold": None}
        return {"name": name, "nodes": nodes, "edges": edges, "state": VOYAGE["state"]}

    both: dict[str, Json] = {"greet": ["sail", "hold"]}
    mends: dict[str, Json] = {"greet": "sail", "sail": [{"on": "error", "to": "hold"}]}
    failed = await begin(client, voyage("fails", both))
    waits = voyage("waits", both, on_exhausted="pause")
    rests, cancelled = [await begin(client, waits, wait=0) for _ in range(2)]
    await rested(client, cancelled)
    await client.post(f"/api/v1/runs/{cancelled}/cancel")
    stopped = await begin(client, COUNTING, breakpoints=[{"node": "last"}])
    work.may.set()
    routed = await begin(client, voyage("mends", mends))
    work.fine = True
    mended = (await client.post(f"/api/v1/runs/{failed}/retry")).json()["run_id"]
    await rested(client, mended)

    await tab.open(address)
    for run_id in (failed, rests, cancelled, stopped, routed, mended):
        graph = (await rested(client, run_id))["graph_id"]
        path = f"/api/v1/graphs/{graph}/diagram.svg?run={run_id}"
        await tab.run(f"location.hash = '#/runs/{run_id}'")
        await tab.says("h1", run_id)
        await tab.until(
            "document.querySelector('.drawing .badge rect') && document.querySelector('.entry')"
        )
        drawn = await tab.run(
            f"""(async () => {{
              const text = await (await fetch({json.dumps(path)})).text();
              const made = text.matchAll(/data-node="([^"]*)" data-status="([^"]*)"/g);
              const here = [...document.querySelectorAll("[data-node]")];
              const status = (node) => node.getAttribute("class").split(" ")[1];
              const of = ([name, word]) => `${{name}} ${{word}}`;
              const ways = [...text.matchAll(/<g class="edge([^"]*)"([^>]*)>/g)];
              const end = (marks, name) => marks.match(`data-${{name}}="([^"]*)"`)?.[1] ?? "";
              const lines = [...document.querySelectorAll(".edge")];
              const way = (from, to, marks) => `${{from}} ${{to}} ${{marks.includes("taken")}}`;
              return [
                [...made].map(([, name, word]) => of([name, word])).sort(),
                here.filter(status).map((node) => of([node.dataset.node, status(node)])).sort(),
                ways.map(([, of, at]) => way(end(at, "from"), end(at, "to"), of)).sort(),
                lines.map((line) => way(line.dataset.from ?? "", line.dataset.to ?? "",
                  line.getAttribute("class"))).sort(),
              ];
            }})()"""
        )

        assert drawn[0] == drawn[1], graph
        assert drawn[2] == drawn[3], graph
        assert len(drawn[0]) > 1
