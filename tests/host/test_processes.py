"""Processes for tools that take the CPU for long: killed, mourned, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine import Command, Overwrite, Tool
from engine.hosts.local import processes as module
from engine.hosts.local import worker
from engine.hosts.local.processes import Processes
from engine.hosts.local.worker import Reply, Task
from tests.host import heavy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from engine import ErrorInfo, Json
    from engine.hosts.local.child import Child

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(60)


@asynccontextmanager
async def opened(size: int = 1, **settings: float) -> AsyncIterator[Processes]:
    """Give processes, and see that none is left."""
    made = Processes(size, **settings)
    try:
        yield made
    finally:
        await made.close()
        assert not made._children


async def value(processes: Processes, tool: Tool[..., object], **arguments: object) -> object:
    """Make a call that succeeds."""
    returned, error = await processes.call(tool, arguments)  # type: ignore[arg-type]  # JSON
    assert error is None, error
    return returned


async def error_of(processes: Processes, tool: Tool[..., object], **arguments: object) -> ErrorInfo:
    """Make a call that fails."""
    _, error = await processes.call(tool, arguments)  # type: ignore[arg-type]  # JSON
    assert error is not None
    return error


def alive(pid: int) -> bool:
    """Tell whether a process is there, and more than a zombie that nobody has buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def gone(*pids: int) -> None:
    """Wait until processes are gone."""
    async with asyncio.timeout(10):
        while any(map(alive, pids)):  # noqa: ASYNC110  # nobody tells about other's children
            await asyncio.sleep(0.01)


# -- what it does -------------------------------------------------------------------------


async def test_a_call_gives_what_the_tool_returns() -> None:
    async with opened() as processes:
        first = await value(processes, heavy.square, n=7)
        second = await value(processes, heavy.square, n=8)
        by_function = await value(processes, Tool(heavy.plain, execution="process"), n=9)

        assert isinstance(first, dict)
        assert isinstance(second, dict)
        assert (first["square"], second["square"], by_function) == (49, 64, {"square": 81})
        assert first["pid"] == second["pid"] != os.getpid()


async def test_arguments_become_what_the_parameters_are_annotated_with() -> None:
    async with opened() as processes:
        findings = [{"line": 1}, {"line": 2, "words": ["a"]}]
        assert await value(processes, heavy.collect, findings=findings, factor=3) == {
            "last": {"line": 2, "words": ["a"]},
            "all": [{"line": 1, "words": []}, {"line": 2, "words": ["a"]}],
            "factor": "float",
        }
        assert await value(processes, heavy.whole) == {"line": 7, "words": ["seven"]}


async def test_commands_and_overwrites_come_back_as_they_were() -> None:
    async with opened() as processes:
        assert await value(processes, heavy.decide) == Command(
            update={"words": Overwrite([]), "n": 1}, goto=("a", "b")
        )


async def test_a_megabyte_goes_there_and_back() -> None:
    async with opened() as processes:
        assert await value(processes, heavy.give_much, size=10**6) == {"text": "ä" * 10**6}


async def test_as_many_calls_as_there_is_room_for_run_at_once_and_others_wait() -> None:
    async with opened(2) as processes, asyncio.TaskGroup() as group:
        calls = [group.create_task(value(processes, heavy.square, n=n)) for n in range(8)]
        found = [await call for call in calls]

        assert [each["square"] for each in found if isinstance(each, dict)] == [
            n * n for n in range(8)
        ]
        assert len({each["pid"] for each in found if isinstance(each, dict)}) == 2


async def test_nothing_is_begun_before_the_first_call() -> None:
    async with opened() as processes:
        assert not processes._children


async def test_a_process_leads_a_group_of_its_own() -> None:
    async with opened() as processes:
        inside = await value(processes, heavy.environment)
        assert isinstance(inside, dict)
        assert inside["leader"] is True


async def test_a_process_that_nobody_needs_is_let_go() -> None:
    async with opened(idle=0.01) as processes:
        await value(processes, heavy.square, n=1)
        (child,) = processes._children
        assert await child.end(10) == "exit code 0"
        assert not processes._idle
        assert await value(processes, Tool(heavy.plain, execution="process"), n=2) == {"square": 4}


# -- what goes wrong ----------------------------------------------------------------------


async def test_what_a_tool_raises_comes_back_as_words() -> None:
    async with opened() as processes:
        failed = await error_of(processes, heavy.fail)
        assert failed.code == "TOOL_FAILED"
        assert failed.message.startswith("tool 'fail' raised Unpicklable: out of luck (heavy.py:")
        assert failed.cause == ("Unpicklable: out of luck",)

        left = await error_of(processes, heavy.leave_by_exit)
        assert left.message.startswith("tool 'leave_by_exit' raised SystemExit: 3")

        refused = await error_of(processes, heavy.refuse)
        assert (refused.code, refused.hint) == ("NO", "ask later")
        assert (refused.retryable, refused.retry_after) == (False, 2.5)
        assert len(processes._children) == 1


async def test_a_result_that_can_not_leave_the_process_is_named() -> None:
    async with opened() as processes:
        error = await error_of(processes, heavy.give_a_lambda)
    assert error.code == "BAD_OUTPUT"
    assert error.message.startswith("function[0] in the result of tool 'give_a_lambda' is a func")
    assert error.retryable


@pytest.mark.parametrize(
    ("tool", "arguments", "how"),
    [
        (heavy.leave, {"code": 0}, "exit code 0"),
        (heavy.leave, {"code": 7}, "exit code 7"),
        (heavy.crash, {}, "killed by SIGSEGV"),
        (heavy.fork_and_leave, {}, "exit code 4"),
        (heavy.hang_up, {}, "killed by SIGKILL"),
    ],
    ids=["leaves", "leaves with a code", "crashes", "leaves a fork", "hangs up"],
)
async def test_a_tool_whose_process_dies_is_called_three_times(
    tool: Tool[..., object], arguments: dict[str, object], how: str
) -> None:
    async with opened() as processes:
        error = await error_of(processes, tool, **arguments)

        assert error.code == "WORKER_LOST"
        assert (
            error.message == f"the process of tool '{tool.name}' died 3 times: {how}, {how}, {how}"
        )
        assert error.retryable
        assert "by itself" in error.hint
        assert await value(processes, heavy.whole)


async def test_a_tool_whose_process_dies_may_succeed_the_next_time(tmp_path: Path) -> None:
    async with opened() as processes:
        assert await value(processes, heavy.leave_twice, marks=str(tmp_path / "m")) == {"times": 3}


async def test_the_death_of_one_process_concerns_one_call() -> None:
    async with opened(2) as processes, asyncio.TaskGroup() as group:
        dying = [group.create_task(error_of(processes, heavy.leave, code=1)) for _ in range(3)]
        living = [group.create_task(value(processes, heavy.square, n=n)) for n in range(10)]
        assert {(await each).code for each in dying} == {"WORKER_LOST"}
        assert len([await each for each in living]) == 10


async def test_a_process_that_dies_while_it_is_idle_is_replaced() -> None:
    async with opened() as processes:
        await value(processes, heavy.square, n=1)
        (child,) = processes._children
        os.kill(child.pid, signal.SIGKILL)
        assert await child.end(10) == "killed by SIGKILL"
        assert await value(processes, heavy.whole)


async def test_a_tool_that_its_process_does_not_find_is_an_error_that_says_where_it_looks() -> None:
    lost = Tool(heavy.plain, execution="process")
    lost.function.__qualname__, before = "nowhere", lost.function.__qualname__
    try:
        async with opened() as processes:
            error = await error_of(processes, lost, n=1)
    finally:
        lost.function.__qualname__ = before
    assert "tool 'plain' can't be found in its process: AttributeError" in error.message
    assert "looks for 'nowhere' in the module 'tests.host.heavy'" in error.hint
    assert not error.retryable


async def test_a_system_without_room_for_processes_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*_: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(module.Child, "begin", refuse)
    async with opened() as processes:
        error = await error_of(processes, heavy.square, n=1)
    said = "[Errno 11] Resource temporarily unavailable"
    assert error.code == "WORKER_LOST"
    assert error.message == (
        f"the system gave no process for tool 'heavy.square' 3 times: {said}, {said}, {said}"
    )
    assert error.details == {"ends": [], "refused": [said] * 3}
    assert "ulimit" in error.hint
    assert "__main__" not in error.hint


async def test_a_process_that_dies_and_a_system_that_gives_no_other_are_both_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = module.Child.begin

    async def give_one(*told: object) -> Child:
        monkeypatch.setattr(module.Child, "begin", refuse)
        return await begin(*told)  # type: ignore[arg-type]  # as it was called

    async def refuse(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(module.Child, "begin", give_one)
    async with opened() as processes:
        error = await error_of(processes, heavy.leave, code=7)
    assert error.message == (
        "the process of tool 'leave' died once: exit code 7; the system gave no process for tool "
        "'leave' 2 times: [Errno 24] Too many open files, [Errno 24] Too many open files"
    )
    assert "ulimit" in error.hint


@pytest.mark.parametrize(
    ("tool", "arguments", "reply"),
    [
        (heavy.whole, {}, Reply({"line": 7, "words": ["seven"]})),
        (heavy.collect, {"findings": [{"line": 1}]}, Reply(
            {"last": {"line": 1, "words": []}, "all": [{"line": 1, "words": []}], "factor": "float"}
        )),
        (heavy.decide, {}, Reply(
            {"words": [], "n": 1}, overwrites=("words",), is_command=True, goto=("a", "b")
        )),
        (Tool(heavy.plain, execution="process"), {"n": 2}, Reply({"square": 4})),
    ],
)  # fmt: skip
def test_inside_a_process_a_call_is_answered(
    tool: Tool[..., object], arguments: dict[str, Json], reply: Reply
) -> None:
    function = tool.function
    task = Task(function.__module__, function.__qualname__, tool.name, arguments)
    assert worker._answer(task) == reply


@pytest.mark.parametrize(
    ("where", "code", "told"),
    [
        (("tests.host.heavy", "fail"), "TOOL_FAILED", "tool 't' raised Unpicklable: out of luck"),
        (("tests.host.heavy", "give_a_lambda"), "BAD_OUTPUT", "function[0] in the result of"),
        (("tests.host.heavy", "nobody"), "TOOL_FAILED", "can't be found in its process: Attribute"),
        (("no_such_module", "nobody"), "TOOL_FAILED", "can't be found in its process: ModuleNot"),
        (("tests.host.heavy", "square"), "TOOL_FAILED", "missing 1 required positional argument"),
    ],
    ids=str,
)
def test_inside_a_process_nothing_is_raised(where: tuple[str, str], code: str, told: str) -> None:
    error = worker._answer(Task(*where, "t", {})).error
    assert error is not None
    assert error.code == code
    assert told in error.message


# -- giving up ----------------------------------------------------------------------------


async def spinning(pids: Path) -> tuple[int, int]:
    """Wait until the tool `spin` is under way, and give its process and what it has started."""
    process, child = (await asyncio.to_thread(pids.read_text)).split()
    return int(process), int(child)


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    """Make a pipe with a name."""
    path = tmp_path / "pids"
    os.mkfifo(path)
    return path


async def test_a_call_that_is_given_up_is_killed_with_all_that_it_has_started(pids: Path) -> None:
    async with opened() as processes:
        async with asyncio.TaskGroup() as group:
            call = group.create_task(processes.call(heavy.spin, {"pids": str(pids)}))
            found = await spinning(pids)
            assert all(map(alive, found))
            call.cancel()
        assert call.cancelled()
        assert await value(processes, heavy.whole)  # there is room at once
        await gone(*found)


async def test_closing_kills_what_runs(pids: Path) -> None:
    processes = Processes(1)
    async with asyncio.TaskGroup() as group:
        call = group.create_task(processes.call(heavy.spin, {"pids": str(pids)}))
        found = await spinning(pids)
        await processes.close()
        await gone(*found)
        _, error = await call
    assert error is not None
    assert error.code == "WORKER_LOST"


async def test_a_process_that_does_not_end_by_itself_is_killed() -> None:
    processes = Processes(1)
    await value(processes, heavy.linger)
    (child,) = processes._children
    await processes.close(patience=0.1)
    assert child.gone.result() == "killed by SIGKILL"


async def test_a_call_after_closing_is_an_error() -> None:
    processes = Processes(1)
    await processes.close()
    error = await error_of(processes, heavy.whole)
    assert (error.code, error.message) == (
        "WORKER_LOST",
        "the processes have been closed before tool 'whole' was called",
    )


async def test_calls_that_are_given_up_while_they_wait_are_never_made(pids: Path) -> None:
    async with opened() as processes, asyncio.TaskGroup() as group:
        running = group.create_task(processes.call(heavy.spin, {"pids": str(pids)}))
        await spinning(pids)
        waiting = [group.create_task(processes.call(heavy.whole, {})) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        running.cancel()
        await asyncio.wait(waiting)
        assert [each.cancelled() for each in waiting] == [True, False, False]


async def test_processes_that_begin_can_be_given_up_at_any_time() -> None:
    async with opened() as processes:
        for turns in range(6):
            async with asyncio.TaskGroup() as group:
                call = group.create_task(processes.call(heavy.whole, {}))
                for _ in range(turns):
                    await asyncio.sleep(0)
                call.cancel()
        assert await value(processes, heavy.whole)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """Keep all sockets that lead to processes, so that none is closed by being forgotten."""
    made: list[socket.socket] = []
    pair = socket.socketpair

    def socketpair() -> tuple[socket.socket, socket.socket]:
        both = pair()
        made.extend(both)
        return both

    monkeypatch.setattr(socket, "socketpair", socketpair)
    return made


async def test_processes_that_are_given_up_before_they_begin_leave_no_socket(
    sockets: list[socket.socket],
) -> None:
    async with opened(3) as processes:
        held = threading.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(processes._starter.call(held.wait, {}))
            calls = [group.create_task(processes.call(heavy.whole, {})) for _ in range(3)]
            while len(processes._starter._waiting) < len(calls):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            held.set()
        assert len(sockets) == 6
        assert [each.fileno() for each in sockets] == [-1] * 6
        assert await value(processes, heavy.whole)


async def test_processes_that_are_closed_before_they_begin_leave_no_socket(
    sockets: list[socket.socket],
) -> None:
    processes = Processes(1)
    held = threading.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(processes._starter.call(held.wait, {}))
        call = group.create_task(error_of(processes, heavy.whole))
        while not processes._starter._waiting:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0)
        await processes.close()
        error = await call
        held.set()
    assert error.message == "the processes have been closed before tool 'whole' was called"
    assert len(sockets) == 2
    assert [each.fileno() for each in sockets] == [-1, -1]


# -- whole programs -----------------------------------------------------------------------

PROGRAM = """
    import asyncio, os, sys
    from engine.hosts.local.processes import Processes
    from tests.host import heavy

    async def main(pids):
        processes = Processes(1)
        asyncio.get_running_loop().create_task(processes.call(heavy.spin, {"pids": pids}))
        await asyncio.Event().wait()

    async def leave():
        processes = Processes(1)
        print(await processes.call(heavy.whole, {}))

    if __name__ == "__main__":
        asyncio.run(main(sys.argv[1]) if len(sys.argv) > 1 else leave())
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Write a script that uses processes."""
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM))
    return path


async def test_an_engine_that_is_killed_leaves_no_process_behind(program: Path, pids: Path) -> None:
    engine = await asyncio.create_subprocess_exec(
        sys.executable, program, pids, cwd=ROOT, env=env()
    )
    found = await spinning(pids)
    engine.kill()
    await engine.wait()
    await gone(*found)


def env() -> dict[str, str]:
    """Let programs find the tests."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_a_program_that_closes_nothing_ends_all_the_same(program: Path) -> None:
    ended = subprocess.run(
        [sys.executable, program],
        cwd=ROOT,
        env=env(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert ended.stdout == "({'line': 7, 'words': ['seven']}, None)\n"


SCRIPT = """
    import asyncio
    from engine import Engine, tool

    @tool(execution="process")
    def double(n: int) -> dict[str, int]:
        return {"n": 2 * n}

    async def main():
        async with Engine(tools=[double]) as engine:
            print((await engine.run({"nodes": ["double"]}, {"n": 21}))["n"])

    if __name__ == "__main__":
        asyncio.run(main())
"""


def run_script(
    tmp_path: Path, text: str, *, module: bool = False, here: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a script of a user: as a file or by the name of its module, in whatever folder."""
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(text))
    which = ["-m", "script"] if module else [path]
    return subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", *which],
        cwd=here or tmp_path,
        env=env(),
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


def test_a_tool_of_a_script_runs_in_a_process(tmp_path: Path) -> None:
    ended = run_script(tmp_path, SCRIPT)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("42\n", "", 0)


def test_a_script_that_starts_the_engine_when_it_is_imported_is_told_what_to_write(
    tmp_path: Path,
) -> None:
    before, _, _ = SCRIPT.partition("    if __name__")
    ended = run_script(tmp_path, f"{before}    asyncio.run(main())\n")
    last = ended.stderr.splitlines()[-1]
    assert "tool 'double' can't be found in its process" in last
    assert 'behind if __name__ == "__main__":' in last


def test_a_script_that_calls_tools_of_packages_in_processes_runs_once(tmp_path: Path) -> None:
    package = tmp_path / "doubles.py"
    package.write_text("def double(n: int) -> dict[str, int]:\n    return {'n': 2 * n}\n")
    script = """
        import asyncio, doubles
        from engine import Engine, Tool

        async def main():
            async with Engine(tools=[Tool(doubles.double, execution="process")]) as engine:
                print((await engine.run({"nodes": ["double"]}, {"n": 21}))["n"])

        print("begun")
        asyncio.run(main())
    """
    ended = run_script(tmp_path, script)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("begun\n42\n", "", 0)


def test_processes_load_nothing_from_the_folder_they_are_begun_in(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    for name in ("json.py", "logging.py", "engine.py", "msgspec.py"):
        (here / name).write_text("import os; os.write(2, b'executed'); raise SystemExit")
    ended = run_script(tmp_path, SCRIPT, here=here)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("42\n", "", 0)


def test_a_tool_of_a_module_that_is_run_by_its_name_runs_in_a_process(tmp_path: Path) -> None:
    ended = run_script(tmp_path, SCRIPT, module=True)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("42\n", "", 0)


async def test_a_child_that_a_tool_forks_answers_nobody() -> None:
    async with opened() as processes:
        for n in range(5):
            assert await value(processes, heavy.forks) == {"parent": 1}
            assert (await value(processes, heavy.square, n=n))["square"] == n * n  # type: ignore[index,call-overload]  # a dict, as the tool gives
