"""Programs that embed the engine, stopped at every one of their steps (R8)."""

from __future__ import annotations

import pytest

from tests.laws.host.fixtures import FIXTURES, GRAPHS
from tests.laws.host.laws import WAITS, Waits, cancelled, killed, nobody_is_hurt
from tests.laws.host.world import Setting, World
from tests.laws.simulation import Mismatch

pytestmark = pytest.mark.timeout(120)  # some fixtures have 70 steps, and are run twice for each

every_fixture = pytest.mark.parametrize("name", FIXTURES)


def world_of(name: str, setting: Setting) -> World:
    """Make a world in which nothing of a fixture has been run yet."""
    return World(FIXTURES[name], name, setting, GRAPHS[name])


def steps_of(world: World) -> int:
    """Run a program to its end; give how many steps that takes."""
    world.run(world.embed)
    world.agree()
    return world.steps[0]


@every_fixture
@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
def test_a_program_cancelled_at_any_step_leaves_nothing_behind_and_can_be_gone_on_with(
    name: str, late: bool
) -> None:
    setting = Setting(late=late)
    whole = world_of(name, setting)
    for step in range(steps_of(whole)):
        with at(step):
            cancelled(world_of(name, setting), [step], whole)


@every_fixture
def test_a_process_that_dies_at_any_step_loses_nothing_that_it_has_told(name: str) -> None:
    setting = Setting(late=True, readers=True)
    for step in range(steps_of(world_of(name, setting))):
        with at(step):
            killed(world_of(name, setting), [step])


@every_fixture
@pytest.mark.parametrize("waits", WAITS)
def test_whoever_is_cancelled_while_he_waits_for_a_run_costs_it_nothing(
    name: str, waits: Waits
) -> None:
    setting = Setting(late=True)
    for step in range(steps_of(world_of(name, setting))):
        with at(step):
            nobody_is_hurt(world_of(name, setting), waits, step)


class at:  # noqa: N801  # it reads as a word: with at(step)
    """Says at which step a law was broken."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """Add the step to the error."""
        if isinstance(error, Exception):
            message = f"at step {self.step}: {type(error).__name__}: {error}"
            raise Mismatch(message) from error
