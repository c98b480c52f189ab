"""The tools of the fixtures as an installed package offers them, for servers.

Where their effects go, and what chance follows from, is in the environment.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from engine import Tool
from tests.system.fixtures import EFFECTS, Effects


def _effects() -> Effects:
    path, seed, life, moment = json.loads(os.environ[EFFECTS])
    return Effects(Path(path), seed, life, moment)


globals().update({each.__name__: Tool(each) for each in _effects().tools})
