"""Folders of users that are called like our packages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.commands import shadowing

ROOT = Path(__file__).parents[2]
INSTALLED = Path(sys.executable).parent / "awe"


def package(folder: Path, name: str) -> None:
    """Make a package of a user."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text("'''Mine.'''\n")


def called(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_command_is_not_troubled_by_a_folder_of_the_user(tmp_path: Path) -> None:
    for name in shadowing.PACKAGES:
        package(tmp_path, name)
    done = called(tmp_path, str(INSTALLED), "tools")

    assert (done.returncode, done.stderr) == (0, "")
    assert "greet" in done.stdout


@pytest.mark.parametrize("name", ["engine", "tools"])
def test_python_m_says_which_folder_is_in_its_way_and_what_to_do(tmp_path: Path, name: str) -> None:
    package(tmp_path, name)
    hidden = called(tmp_path, sys.executable, "-m", "api", "serve", "--port", "0")
    cured = called(tmp_path, sys.executable, "-P", "-m", "api", "--version")

    assert (hidden.returncode, hidden.stdout) == (1, "")
    assert f"the folder {tmp_path / name} hides the package '{name}' of awe" in hidden.stderr
    assert "python -P -m api" in hidden.stderr
    assert hidden.stderr.count("\n") == 1
    assert cured.returncode == 0


def test_what_is_in_the_way_is_found_without_being_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path, "tools")
    (tmp_path / "tools" / "__init__.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tools", raising=False)
    (shadow,) = shadowing.in_the_way()

    assert str(shadow) == f"the folder {tmp_path / 'tools'} hides the package 'tools' of awe"
    assert "python -P -m api" in shadow.cure
    monkeypatch.setenv("PYTHONPATH", f"/nowhere{os.pathsep}{tmp_path}")
    assert f"take {tmp_path} out of PYTHONPATH" in shadow.cure
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setattr(sys, "path", ["/nowhere", str(tmp_path)])
    assert "give awe an environment of its own" in shadow.cure


def test_what_could_be_in_the_way_is_a_package_or_a_file_of_that_name(tmp_path: Path) -> None:
    package(tmp_path, "api")
    (tmp_path / "engine.py").write_text("")
    (tmp_path / "tools").mkdir()

    found = [each.path.name for each in shadowing.lying_about(tmp_path)]
    assert found == ["api", "engine.py"]
    assert shadowing.lying_about(shadowing.HOME) == []


def test_a_folder_that_is_named_to_python_is_told_where_it_is_named(tmp_path: Path) -> None:
    package(tmp_path, "tools")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = called(elsewhere, str(INSTALLED), "tools", PYTHONPATH=str(tmp_path))

    assert done.returncode == 1
    assert f"take {tmp_path} out of PYTHONPATH" in done.stderr


def test_a_package_that_was_installed_under_our_name_is_told(tmp_path: Path) -> None:
    package(tmp_path, "tools")
    code = f"import sys; sys.path.insert(1, {str(tmp_path)!r}); sys.argv = ['awe', 'tools'];"
    code += "from api.__main__ import main; sys.exit(main())"
    done = called(tmp_path.parent, sys.executable, "-c", code)

    assert done.returncode == 1
    assert f"another program was installed into {tmp_path} under that name" in done.stderr


def test_a_folder_without_code_is_in_nobodys_way(tmp_path: Path) -> None:
    for name in ("api", "engine", "tools"):
        (tmp_path / name).mkdir()
    done = called(tmp_path, sys.executable, "-m", "api", "tools")

    assert (done.returncode, done.stderr) == (0, "")


def test_the_doctor_sees_what_is_in_the_way_and_what_could_be(tmp_path: Path) -> None:
    package(tmp_path, "tools")
    (tmp_path / "engine.py").write_text("")
    calm = called(tmp_path, str(INSTALLED), "doctor", "--port", "1")
    troubled = called(tmp_path, sys.executable, "-m", "api", "doctor")

    assert "packages   note  the file" in calm.stdout
    assert f"the folder {tmp_path / 'tools'} hides" in calm.stdout
    assert troubled.returncode == 1
    assert f"packages   wrong the file {tmp_path / 'engine.py'} hides" in troubled.stdout
    assert troubled.stderr == ""
