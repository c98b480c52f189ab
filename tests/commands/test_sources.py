"""Files of Python: found, read, written back, and asked of git."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from api.commands import commits, project, sources
from api.commands.failure import Failure


def wrote(path: Path, data: bytes = b"x = 1\n") -> Path:
    """Write a file, in a folder that is made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_folders_are_searched_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    wanted = [wrote(tmp_path / name) for name in ("a.py", "b/c.py", "b/d/e.py", "tools/api.py")]
    for name in (".hidden.py", ".git/x.py", "env/lib/x.py", "b/picture.png", "README"):
        wrote(tmp_path / name)
    wrote(tmp_path / "env" / "pyvenv.cfg")
    (tmp_path / "b" / "again").symlink_to(tmp_path)

    found = sources.find([str(tmp_path)])

    assert found.paths == wanted
    assert found.skipped == {"hidden": 2, "virtual environments": 1, "not .py": 2, "links": 1}


def test_a_file_that_is_named_is_taken_whatever_its_name_and_once(tmp_path: Path) -> None:
    script = str(wrote(tmp_path / ".script"))

    assert sources.find([script, script]).paths == [Path(script)]
    with pytest.raises(Failure, match="there is no 'nowhere'"):
        sources.find([script, "nowhere"])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"s = '\xc3\xa9'\n", "s = 'é'\n"),
        (b"# -*- coding: latin-1 -*-\ns = '\xe9'\n", "# -*- coding: latin-1 -*-\ns = 'é'\n"),
        (b"\xef\xbb\xbfx = 1\r\ny = 2\r\n", "x = 1\ny = 2\n"),
        (b"x = 1\ry = 2\r", "x = 1\ny = 2\n"),
        (
            b"# vim: set fileencoding=cp1252 :\nx = '\x80'\n",
            "# vim: set fileencoding=cp1252 :\nx = '€'\n",
        ),
        (b"", ""),
        (b"x = 1", "x = 1"),
    ],
)
def test_a_file_is_read_as_python_would_and_written_back_as_it_was(
    tmp_path: Path, data: bytes, code: str
) -> None:
    path = wrote(tmp_path / "x.py", data)
    source = sources.read(path)

    assert source.code == code
    sources.write(source, f"{code}# é\n")
    assert path.read_bytes().startswith(data)
    assert sources.read(path).code == f"{code}# é\n"


def test_the_end_of_most_lines_becomes_that_of_all(tmp_path: Path) -> None:
    source = sources.read(wrote(tmp_path / "x.py", b"a = 1\r\nb = 2\nc = 3\r\n"))

    assert source.encoded(source.code) == b"a = 1\r\nb = 2\r\nc = 3\r\n"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x7fELF\0\0", "no text"),
        (b"s = '\xe9'\n", "not Python: line 1 is not UTF-8, and no coding cookie"),
        (b"# coding: nonsense\n", "not Python: unknown encoding: nonsense"),
        (b"x = 1\ny = 2\nz = 3\ns = '\xe9'\n", "line 4 is not utf-8"),
    ],
)
def test_what_is_no_text_of_python_says_why(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(sources.Unreadable, match=why):
        sources.read(wrote(tmp_path / "x.py", data))


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_BYTES", 5)

    with pytest.raises(sources.Unreadable, match="it has 6 bytes, and up to 5 are read"):
        sources.read(wrote(tmp_path / "x.py"))


def test_what_can_not_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    path = wrote(tmp_path / "x.py")
    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(Failure, match="No space left on device"):
        sources.write(sources.read(path), "x = 2\n")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("described", "settings"),
    [
        ('[project]\nrequires-python = ">=3.8.1,<4"', {"target_version": "py38"}),
        (
            '[project]\nrequires-python = ">=3.12"\n[tool.ruff]\nline-length = 100',
            {"target_version": "py312", "line_length": 100},
        ),
        ('[tool.ruff]\ntarget-version = "py310"', {"target_version": "py310"}),
        ('[project]\nrequires-python = "nonsense"', {}),
        ('[project]\nrequires-python = ">=4"', {}),
        ("[tool.ruff]\nline-length = 10_000", {}),
        ("this is no toml", {}),
        ('tool = "none"', {}),
    ],
)
def test_a_project_says_for_which_python_its_code_is_and_how_wide(
    tmp_path: Path, described: str, settings: dict[str, str | int]
) -> None:
    (tmp_path / "pyproject.toml").write_text(described)

    assert project.settings_of(wrote(tmp_path / "package" / "x.py")) == settings


def test_a_file_that_was_changed_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    path = wrote(tmp_path / "x.py")
    source = sources.read(path)
    path.write_bytes(b"mine = 1\n")

    with pytest.raises(Failure, match="was changed while it was reviewed"):
        sources.write(source, "x = 2\n")
    assert path.read_bytes() == b"mine = 1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_rights_and_links_stay_as_they_are(tmp_path: Path) -> None:
    path = wrote(tmp_path / "real.py")
    path.chmod(0o750)
    (tmp_path / "link.py").symlink_to(path)

    sources.write(sources.read(tmp_path / "link.py"), "x = 2\n")

    assert (tmp_path / "link.py").is_symlink()
    assert path.read_bytes() == b"x = 2\n"
    assert path.stat().st_mode & 0o777 == 0o750


def test_git_says_what_it_could_not_bring_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "nobody")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.setenv(name, "nobody@example.org")

    def git(*words: str) -> None:
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)

    names = ("a.py", "off/kept.py", "b.py", "new[1].py", "new/c.py", "ignored.py", "off/d.py")
    files = [wrote(tmp_path / name) for name in names]
    _, _, changed, new, far_new, ignored, far_ignored = files
    assert commits.unsaved(files) == dict.fromkeys(files, "it is in no git repository")
    git("init")
    wrote(tmp_path / ".gitignore", b"ignored.py\noff\n")
    git("add", "a.py", "b.py")
    git("add", "--force", "off/kept.py")
    git("commit", "-m", "all")
    changed.write_bytes(b"x = 2\n")

    told = {
        changed: "it has changes that are not committed",
        new: "git does not know it yet",
        far_new: "git does not know it yet",
        ignored: "git is told to overlook it",
        far_ignored: "git is told to overlook it",
    }
    assert commits.unsaved(files) == told
    git("add", "b.py")
    assert commits.unsaved(files) == told
    git("mv", "--force", "b.py", "a.py")
    assert commits.unsaved(files[:1]) == {files[0]: told[changed]}
    hook = tmp_path / ".git" / "hooks" / "hook.py"
    assert commits.unsaved([wrote(hook)])[hook].startswith("git does not tell: ")
    monkeypatch.setenv("PATH", "")
    assert commits.unsaved(files) == dict.fromkeys(files, "no git program is installed")


def test_git_is_asked_once_for_all_files_of_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = shutil.which("git")
    for name in ("one", "two"):
        subprocess.run([git, "init", str(tmp_path / name)], check=True, capture_output=True)
    files = [wrote(tmp_path / name / f"{n}.py") for name in ("one", "two") for n in range(250)]
    asked = tmp_path / "asked"
    spy = tmp_path / "bin" / "git"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\necho "$2" >> {asked}\nexec {git} "$@"\n')
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy.parent}:{os.environ['PATH']}")

    assert list(commits.unsaved(files)) == files
    assert asked.read_text().split() == ["rev-parse", "status", "status"] * 2
