"""`awe review` and what stands for a file: links, pipes, and files that git does not keep."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from api.commands import sources
from api.commands.failure import Failure

from .conftest import Done, started

if TYPE_CHECKING:
    from collections.abc import Callable

    Awe = Callable[..., Done]

SMALL = "x=1\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that is worked in, with one file in a folder of it."""
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "nobody")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "nobody@example.org")
    place = tmp_path / "place"
    (place / "package").mkdir(parents=True)
    (place / "package" / "x.py").write_text(SMALL)
    monkeypatch.chdir(place)
    return place


def commit_all(folder: Path) -> None:
    """Let git keep all that is in a folder."""
    for words in (["init"], ["add", "."], ["commit", "-m", "all"]):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def paths(done: Done) -> list[str]:
    """Give the files that were reviewed."""
    return [each["path"] for each in json.loads(done.out)["files"]]


def test_a_file_in_no_repository_is_not_fixed_unless_forced(awe: Awe, folder: Path) -> None:
    refused = awe("review", "--fix", ".")

    assert (refused.status, refused.out) == (2, "")
    assert "nothing was changed (use --force)" in refused.err
    assert "package/x.py: it is in no git repository" in refused.err
    assert (folder / "package" / "x.py").read_text() == SMALL
    assert "written" in awe("review", "--fix", "--force", ".").out


def test_a_file_is_not_fixed_where_no_git_is_installed(
    awe: Awe, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_all(folder)
    monkeypatch.setenv("PATH", "")
    refused = awe("review", "--fix", ".")

    assert refused.status == 2
    assert "package/x.py: no git program is installed" in refused.err
    assert (folder / "package" / "x.py").read_text() == SMALL


def test_a_link_that_is_named_is_fixed_only_if_git_keeps_what_is_behind_it(
    awe: Awe, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text(SMALL)
    Path("link.py").symlink_to(outside)
    Path("kept.py").symlink_to("package/x.py")
    commit_all(folder)
    refused = awe("review", "--fix", "link.py")

    assert refused.status == 2
    assert "link.py: it is in no git repository" in refused.err
    assert outside.read_text() == SMALL
    assert "written" in awe("review", "--fix", "kept.py").out
    assert Path("kept.py").is_symlink()
    assert Path("package/x.py").read_text() == "x = 1\n"


def test_links_in_folders_are_left_out_and_counted(awe: Awe, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "y.py").write_text(SMALL)
    (folder / "again.py").symlink_to("package/x.py")
    (folder / "far.py").symlink_to(outside / "y.py")
    (folder / "far").symlink_to(outside)
    done = awe("review", "--json", ".")

    assert paths(done) == ["package/x.py"]
    assert json.loads(done.out)["left_out"] == {"links": 3}


def test_a_file_with_several_names_is_reviewed_once(awe: Awe, folder: Path) -> None:
    (folder / "link.py").symlink_to("package/x.py")
    real = str(folder / "package" / "x.py")

    assert paths(awe("review", "--json", "link.py", real, "package/../package")) == ["link.py"]


def test_pipes_in_folders_are_left_out_and_one_that_is_named_is_told(folder: Path) -> None:
    os.mkfifo(folder / "package" / "pipe.py")
    for named, said in (
        (".", "left out: no regular files 1"),
        ("package/pipe.py", "it is no regular file"),
    ):
        with started("review", named, cwd=folder) as reviewing:
            try:
                out, err = reviewing.communicate(timeout=20)
            finally:
                reviewing.kill()
        assert (err, said in out) == ("", True)


def test_a_folder_that_became_a_link_meanwhile_leads_to_no_other_file(
    folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.py").write_text(SMALL)
    source = sources.read(Path("package/x.py"))
    (folder / "package").rename(folder / "before")
    (folder / "package").symlink_to(outside)

    with pytest.raises(Failure, match="leads to another file than the one that was reviewed"):
        sources.write(source, "x = 2\n")
    assert (outside / "x.py").read_text() == SMALL
    assert (folder / "before" / "x.py").read_text() == SMALL


def test_a_folder_that_becomes_a_link_after_the_last_look_leads_nowhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.py").write_text(SMALL)
    source = sources.read(Path("package/x.py"))
    resolved = os.path.realpath

    def swapped(path: Path, *, strict: bool = False) -> str:
        real = resolved(path, strict=strict)
        (folder / "package").rename(folder / "before")
        (folder / "package").symlink_to(outside)
        return real

    monkeypatch.setattr("os.path.realpath", swapped)
    with pytest.raises(Failure, match="leads to another file than the one that was reviewed"):
        sources.write(source, "x = 2\n")
    assert (outside / "x.py").read_text() == SMALL


def test_a_link_that_was_turned_meanwhile_leads_to_no_other_file(folder: Path) -> None:
    other = folder / "other.py"
    other.write_text(SMALL)
    link = folder / "link.py"
    link.symlink_to("package/x.py")
    source = sources.read(link)
    link.unlink()
    link.symlink_to(other)

    with pytest.raises(Failure, match="leads to another file than the one that was reviewed"):
        sources.write(source, "x = 2\n")
    assert other.read_text() == SMALL
    assert (folder / "package" / "x.py").read_text() == SMALL
