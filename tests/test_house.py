"""The house rules that no other tool checks."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import engine

ROOT = Path(__file__).parent.parent
PACKAGES = ("engine", "api", "tools")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Build the wheel, and give the names of what is in it."""
    built = next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel"))))
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_three_packages_and_nothing_else(wheel: set[str]) -> None:
    rooms = {name.partition("/")[0] for name in wheel}
    info = {room for room in rooms if room.endswith(".dist-info")}

    assert rooms - info == set(PACKAGES)
    assert len(info) == 1


def test_the_wheel_tells_type_checkers_that_it_is_typed(wheel: set[str]) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= wheel


def test_the_wheel_holds_every_module(wheel: set[str]) -> None:
    assert {path.relative_to(ROOT).as_posix() for path in SOURCES} <= wheel


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_is_longer_than_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_room_is_named_after_nothing(path: Path) -> None:
    nothing = {"util", "utils", "common", "helper", "helpers", "base", "manager", "misc"}

    assert nothing.isdisjoint(path.relative_to(ROOT).with_suffix("").parts)


def test_the_engine_offers_exactly_these_names() -> None:
    assert engine.__all__ == [
        "BEGINNING",
        "DIAGRAM_STYLE",
        "Action",
        "ActivationId",
        "AnyEntry",
        "Audit",
        "Branch",
        "Breakpoint",
        "Cache",
        "CacheUnavailable",
        "Clock",
        "Command",
        "Context",
        "Declaration",
        "DeclaredTool",
        "DiagramTooLarge",
        "Difference",
        "Document",
        "Durability",
        "Engine",
        "EngineClosed",
        "EngineError",
        "ErrorInfo",
        "Expression",
        "Flaw",
        "Frame",
        "Graph",
        "GraphBuilder",
        "GraphVersion",
        "InvalidDeclaration",
        "InvalidGraph",
        "InvalidParameters",
        "InvalidTemplate",
        "InvalidTool",
        "InvalidValue",
        "Join",
        "Json",
        "Lagging",
        "LogMoved",
        "MemoryCache",
        "MemoryStore",
        "NodePath",
        "NodeStatus",
        "NotApplicable",
        "NotFound",
        "Origin",
        "Orphans",
        "Overloaded",
        "Overwrite",
        "PostgresStore",
        "Problem",
        "Problems",
        "Pruned",
        "RedisCache",
        "Reducer",
        "Refused",
        "Registered",
        "Registry",
        "Report",
        "Retention",
        "Retry",
        "Row",
        "RunCancelled",
        "RunExists",
        "RunFailed",
        "RunFilter",
        "RunHandle",
        "RunId",
        "RunOver",
        "RunPath",
        "RunRecord",
        "SQLiteStore",
        "Seq",
        "Snapshot",
        "Status",
        "Store",
        "StoreClosed",
        "StoreInUse",
        "StoreUnavailable",
        "SystemClock",
        "Template",
        "Tool",
        "ToolError",
        "ToolKind",
        "Tools",
        "Verdict",
        "Waiting",
        "admit",
        "draw",
        "entry",
        "installed_templates",
        "installed_tool_kinds",
        "installed_tools",
        "mermaid",
        "path_of",
        "svg",
        "tool",
    ]


@pytest.mark.parametrize("name", engine.__all__)
def test_every_name_that_the_engine_offers_is_there(name: str) -> None:
    assert getattr(engine, name) is not None


def test_make_alone_lists_every_target_and_what_it_does() -> None:
    told = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    wanted = "help install run test test-long check format coverage bench replay mutants"
    listed = [line.split()[0] for line in told.splitlines() if line.startswith("  ")]
    assert " ".join(listed).startswith(wanted)
