"""`awe review`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from api.commands import project
from api.commands.command_line import main

from .conftest import Done, started

if TYPE_CHECKING:
    from collections.abc import Callable

    Awe = Callable[..., Done]

UGLY = """\
import sys, os
def area( r ):
  if r==None :
      return dict( )
  for i in range(r):
     if i > 3:
        if i > 4: print( "%s" % (i) , end = '' )
  return 3.14*r*r
class  shape( object ):
   def __init__(self, r): self.r=r
   def size(self): return area( self.r ), os.name
"""
"""Code with much to mend."""

SMALL = "x=1\ndef f( ):\n  return x\n"
"""Code that the formatter alone makes better."""

GOOD = '''\
"""What there is to say about circles."""

import math


def area(radius: float) -> float:
    """Give the area of a circle."""
    return math.pi * radius**2
'''


@pytest.fixture
def ugly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a file with much to mend, in the folder that is worked in."""
    monkeypatch.chdir(tmp_path)
    path = Path("ugly.py")
    path.write_text(UGLY)
    return path


def found(done: Done) -> list[dict[str, Any]]:
    """Give what was found in each file, as programs are told it."""
    files: list[dict[str, Any]] = json.loads(done.out)["files"]
    return files


def test_each_file_is_told_with_scores_findings_worst_functions_and_reason(
    awe: Awe, ugly: Path
) -> None:
    Path("good.py").write_text(GOOD)
    done = awe("review", ".")
    block = done.out.split("\n\n")[0].splitlines()

    assert (done.status, done.err) == (1, "")
    assert block[0] == "good.py  10.00  threshold_reached"
    assert block[1] == "  findings  style 0, documentation 0, maintenance 0"
    assert block[2] == "  complex     1  area, line 6"
    head = block[3].split()
    assert head[0] == "ugly.py"
    assert float(head[1]) < float(head[3])
    assert head[4] == "nothing_left"
    assert " rounds: format, " in block[3]
    assert "(was " in block[4]
    assert block[5].split() == ["complex", "5", "area,", "line", block[5].split()[-1]]
    assert "2 files, 1 with 8 or more" in done.out
    assert "1 of them can be made better: --diff shows how, --fix does it" in done.out
    assert ugly.read_text() == UGLY


def test_what_is_written_by_fix_is_what_diff_shows_and_nothing_is_left_then(
    awe: Awe, ugly: Path
) -> None:
    patch = awe("review", "--diff", str(ugly)).out
    fixed = awe("review", "--fix", "--force", str(ugly))

    assert "written" in fixed.out
    better = ugly.read_text()
    assert better != UGLY
    ugly.write_text(UGLY)
    subprocess.run(["patch", "-p1"], input=patch, text=True, check=True, capture_output=True)
    assert ugly.read_text() == better

    again = awe("review", "--fix", "--force", "--json", str(ugly))
    (told,) = found(again)
    assert told["rounds"] == []
    assert told["score"] == told["score_before"]
    assert ugly.read_text() == better


@pytest.mark.parametrize(
    "data",
    [
        f"# -*- coding: latin-1 -*-\nNAME = 'caf\xe9'\n{SMALL}".encode("latin-1").rstrip(),
        b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode(),
    ],
    ids=["latin-1, no end", "windows"],
)
def test_encoding_and_ends_of_lines_stay_as_they_are_in_the_file_and_in_the_diff(
    ugly: Path, capfdbinary: pytest.CaptureFixture[bytes], data: bytes
) -> None:
    def review(*how: str) -> bytes:
        main(["review", *how, str(ugly)])
        return capfdbinary.readouterr().out

    ugly.write_bytes(data)
    patch = review("--diff")
    review("--fix", "--force")
    better = ugly.read_bytes()

    assert better != data
    for mark in (b"\xef\xbb\xbf", b"# -*- coding: latin-1 -*-\n"):
        assert better.startswith(mark) == data.startswith(mark)
    assert (b"caf\xe9" in better) == (b"caf\xe9" in data)
    assert better.count(b"\r\n") == (better.count(b"\n") if b"\r\n" in data else 0)
    ugly.write_bytes(data)
    subprocess.run(["git", "apply", "-p1"], input=patch, check=True, capture_output=True)
    assert ugly.read_bytes() == better


def test_a_file_that_git_could_not_bring_back_is_not_fixed_unless_forced(
    awe: Awe, ugly: Path
) -> None:
    subprocess.run(["git", "init"], check=True, capture_output=True)
    refused = awe("review", "--fix", ".")

    assert (refused.status, refused.out) == (2, "")
    assert refused.err.startswith("awe: git could not bring back 1 file as it is now")
    assert "ugly.py: git does not know it yet" in refused.err
    assert ugly.read_text() == UGLY
    assert "written" in awe("review", "--fix", "--force", ".").out
    assert ugly.read_text() != UGLY


def test_the_most_useful_suggestions_are_told_with_their_lines(awe: Awe, ugly: Path) -> None:
    (told,) = found(awe("review", "--json", str(ugly)))
    lines = awe("review", str(ugly)).out.split("\n\n")[0].splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("  suggest "))

    best = [
        f"{each['gain']:+.2f}  {each['what']} (line {', '.join(map(str, each['lines'][:5]))})"
        for each in told["suggestions"][:5]
    ]
    assert [line[12:] for line in lines[first:]] == [
        *best,
        f"and {len(told['suggestions']) - 5} more: --json has all",
    ]
    assert best[0].startswith("+")


def test_what_is_no_python_is_told_with_its_place_and_counts_as_below(awe: Awe, ugly: Path) -> None:
    ugly.write_text("def f(:\n    pass\n")
    Path("foreign.py").write_bytes(b"x = '\xe9'\n")
    Path("picture.py").write_bytes(b"\x89PNG\0\0")
    Path("empty.py").write_text("")
    Path("picture.png").write_bytes(b"\x89PNG\0\0")
    done = awe("review", ".")

    assert (done.status, done.err) == (1, "")
    assert "ugly.py  not_python\n  ugly.py: line 1, column 7: invalid syntax" in done.out
    assert "foreign.py  not_python\n  not Python: line 1 is not UTF-8" in done.out
    assert "empty.py  10.00  threshold_reached" in done.out
    assert "left out: no text 1, not .py 1" in done.out


def test_for_programs_there_is_one_object_with_all_that_was_found(awe: Awe, ugly: Path) -> None:
    done = awe("review", "--json", "--diff", str(ugly), "--threshold", "3.5")
    (told,) = found(done)

    assert done.err == ""
    assert told["path"] == "ugly.py"
    assert told["stop_reason"] == "threshold_reached"
    assert {"rule", "line", "message", "severity"} <= set(told["findings"][0])
    assert told["by_kind"].keys() == {"style", "documentation", "maintenance"}
    assert told["worst"][0]["name"] == "area"
    assert told["diff"].startswith("--- a/ugly.py") or not told["is_changed"]
    assert done.status == (0 if told["score"] >= 3.5 else 1)


def test_without_rounds_code_is_weighed_as_it_is(awe: Awe, ugly: Path) -> None:
    (told,) = found(awe("review", "--json", "--max-rounds", "0", str(ugly)))

    assert told["stop_reason"] == "max_rounds"
    assert told["score"] == told["score_before"]
    assert told["is_changed"] is False


def test_code_is_kept_to_the_python_that_its_project_names(awe: Awe, ugly: Path) -> None:
    code = 'import typing\n\n\ndef f(x: typing.Optional[int]) -> None:\n    """Do."""\n'
    ugly.write_text(code)

    def better(described: str) -> str:
        Path("pyproject.toml").write_text(described)
        (told,) = found(awe("review", "--json", "--diff", "--threshold", "10", str(ugly)))
        return str(told.get("diff"))

    assert "+def f(x: int | None)" in better("")
    project._settings.cache_clear()
    assert "int | None" not in better('[project]\nrequires-python = ">=3.8"\n')


def test_a_file_that_can_not_be_fixed_is_said_and_is_no_success(
    awe: Awe, ugly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    ugly.write_text("x=1\n")
    monkeypatch.setattr("os.fsync", full)
    done = awe("review", "--fix", "--force", str(ugly))

    assert done.status == 1
    assert "can't write 'ugly.py': No space left on device" in done.out
    assert "threshold_reached" in done.out


def test_nothing_to_review_is_no_success(awe: Awe, ugly: Path) -> None:
    ugly.unlink()
    Path("README").write_text("nothing")
    done = awe("review", ".")

    assert done.status == 2
    assert done.err.startswith(
        "awe: there is nothing to review; left out: not .py 1 (name Python files"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.py"], "there is no 'nowhere.py'"),
        (["ugly.py", "--diff", "--fix"], "either --diff or --fix"),
        (["ugly.py", "--threshold", "11"], "--threshold"),
        ([], "PATH"),
    ],
)
def test_what_can_not_be_meant_is_refused_in_a_line(
    awe: Awe, ugly: Path, words: list[str], said: str
) -> None:
    done = awe("review", *words)

    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1
    assert ugly.read_text() == UGLY


def test_a_review_whose_tool_fails_is_said_to_and_the_others_go_on(
    awe: Awe, ugly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ugly.exists()
    monkeypatch.setattr("api.commands.sources.MAX_BYTES", 10**9)
    Path("huge.py").write_text("x = 1\n" * 4_000_000)
    done = awe("review", ".")

    assert done.status == 1
    assert "huge.py  failed\n" in done.out
    assert "ugly.py  " in done.out
    assert "2 files, 0 with 8 or more; 1 review failed" in done.out


def test_ctrl_c_stops_all_reviews_with_130_and_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "0.py").write_text(GOOD)
    for number in range(1, 9):
        (tmp_path / f"{number}.py").write_text(UGLY * 40)
    with started("review", str(tmp_path), start_new_session=True) as reviewing:
        assert reviewing.stdout is not None
        assert "0.py" in reviewing.stdout.readline()
        reviewing.send_signal(signal.SIGINT)
        _, err = reviewing.communicate(timeout=10)

    assert reviewing.returncode == 130
    assert err.splitlines()[-1] == "awe: interrupted"
    assert "Traceback" not in err
    with suppress(ProcessLookupError):
        while True:  # they end when they see that nobody can ask them any more
            os.killpg(reviewing.pid, 0)
