"""Every link of the documentation that leads to a file or a heading of ours finds it there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

FENCE: Final = re.compile(r"^ {0,3}(```+|~~~+).*?^ {0,3}\1[`~]*$", re.MULTILINE | re.DOTALL)
CODE: Final = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
TARGET: Final = re.compile(
    r"\]\(\s*<?([^()\s>]*(?:\([^()\s]*\)[^()\s>]*)*)>?(?:\s+\"[^\"]*\")?\s*\)"
)
DEFINED: Final = re.compile(r"^ {0,3}\[[^\]]+\]: +<?(\S+?)>?(?: .*)?$", re.MULTILINE)
ATTRIBUTE: Final = re.compile(r"\b(?:href|src)=\"([^\"]*)\"")
HEADING: Final = re.compile(r"^ {0,3}#{1,6} +(.*?)(?: +#+)?$", re.MULTILINE)
GIVEN: Final = re.compile(r"<a (?:id|name)=\"([^\"]+)\"")
ELSEWHERE: Final = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)


class Link(NamedTuple):
    """A link that leads to a place of ours."""

    page: str
    target: str


def prose(page: Path) -> str:
    """Read a page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[Link]:
    """Find the links of a page that don't lead elsewhere."""
    text = CODE.sub("``", prose(page))
    for pattern in (TARGET, DEFINED, ATTRIBUTE):
        for target in pattern.findall(text):
            if not ELSEWHERE.match(target):
                yield Link(str(page.relative_to(ROOT)), target)


def anchors(page: Path) -> set[str]:
    """Give what can be named behind a `#`: the headings as GitHub writes them, and `<a id>`."""
    text = prose(page)
    found: set[str] = set()
    seen: Counter[str] = Counter()
    for heading in HEADING.findall(text):
        shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower().replace("`", "")).strip().replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found | set(GIVEN.findall(text))


LINKS: Final = sorted({link for page in PAGES for link in links(page)})


def test_there_are_links_to_look_at() -> None:
    assert {link.page for link in LINKS} > {"README.md", "docs/graphs.md", "docs/cli.md"}


@pytest.mark.parametrize(("page", "target"), LINKS)
def test_the_link_leads_somewhere(page: str, target: str) -> None:
    path, _, anchor = unquote(target).partition("#")
    there = (ROOT / page).parent / path if path else ROOT / page

    assert there.exists(), f"{page} links to {path}, which is not there"
    assert there.resolve().is_relative_to(ROOT)
    if anchor and there.suffix == ".md":
        assert anchor in anchors(there), f"{page} links to #{anchor}, no heading of {there.name}"
