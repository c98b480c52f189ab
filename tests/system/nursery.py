r"""The mother of workers: a process that has imported everything, and gives life by forking.

`python -m tests.system.nursery` reads orders, a line of JSON each, and does nothing but fork a
child for each and wait for its death, so that it has one thread whenever it forks. Child and
mother speak through one pipe: the child says what a worker says, the mother `born PID`, and
when the child is dead `\0dead`; what stands before the `\0` was cut off.

What a child writes about its errors goes to the file `complaints` in the folder of its orders.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import traceback
from pathlib import Path

import msgspec

from tests.system.worker import Orders, work


def main() -> None:
    """Bear and bury children, until nobody gives orders any more."""
    warm_up()
    gc.collect()
    gc.freeze()  # or each child copies what it only visits
    last: int | None = None
    for line in sys.stdin.buffer:
        orders = msgspec.json.decode(line, type=Orders)
        if last is not None:
            os.waitpid(last, 0)  # until now its number was nobody else's
        last = os.fork()
        if last == 0:
            live(orders)
        os.write(1, f"born {last}\n".encode())
        os.waitid(os.P_PID, last, os.WEXITED | os.WNOWAIT)
        os.write(1, b"\0dead\n")


def warm_up() -> None:
    """Import what is imported late."""
    asyncio.new_event_loop().close()


def live(orders: Orders) -> None:
    """Be a worker, and end."""
    status = 1
    complaints = os.open(
        Path(orders.folder) / "complaints", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    )
    os.dup2(complaints, 2)
    try:
        asyncio.run(watched(orders))
        status = 0
    except BaseException:  # noqa: BLE001  # it is said, and nothing comes after it
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


async def watched(orders: Orders) -> None:
    """Work, unless nobody listens any more: nothing is said to a mother whose child lives."""
    asyncio.get_running_loop().add_reader(0, os._exit, 1)
    await work(orders)


if __name__ == "__main__":
    main()
