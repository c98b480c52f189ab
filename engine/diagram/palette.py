"""The colours of a picture, by day and by night, and the one sheet that turns them.

This module knows colours. Each pair is (on white paper, on dark paper); all texts on their
grounds have a contrast of 4.5 or more, all lines 3, which a test works out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from engine.diagram.run_path import NodeStatus

Colour: TypeAlias = tuple[str, str]

PAPER: Final[Colour] = ("#ffffff", "#0f141b")
INK: Final[Colour] = ("#1b2430", "#e6ebf2")
MUTED: Final[Colour] = ("#515c6a", "#a3afbd")
LINE: Final[Colour] = ("#7b8794", "#7f8b99")
PLAIN: Final[Colour] = ("#f4f6f9", "#1a212b")
ERROR: Final[Colour] = ("#b42318", "#ff8a7a")
TAKEN: Final[Colour] = ("#1d4ed8", "#7fb0ff")


class Look(NamedTuple):
    """How a node of some status looks."""

    ground: Colour
    line: Colour
    """Also of its badge."""
    dash: str
    """Empty: the line is whole."""
    sign: str
    """What the badge shows, drawn around 0,0."""


_CHECK: Final = "M-4,.3 -1.2,3.2 4.2,-3.2"
_PLAY: Final = "M-2.2,-3.8 3.8,0 -2.2,3.8Z"
_PAUSE: Final = "M-2,-3.6V3.6M2,-3.6V3.6"
_CROSS: Final = "M-3.2,-3.2 3.2,3.2M3.2,-3.2-3.2,3.2"
_MINUS: Final = "M-3.8,0H3.8"
_STOP: Final = "M-2.8,-2.8H2.8V2.8H-2.8Z"

LOOKS: Final[dict[NodeStatus, Look]] = {
    "completed": Look(("#e8f6ec", "#12301d"), ("#1a7f37", "#4cc26a"), "", _CHECK),
    "running": Look(("#e3edff", "#14274a"), ("#1d4ed8", "#7fb0ff"), "", _PLAY),
    "waiting": Look(("#fff4d6", "#3a2c08"), ("#8a5a00", "#e0ac3a"), "6 4", _PAUSE),
    "failed": Look(("#fde7e4", "#45150f"), ("#b42318", "#ff8a7a"), "", _CROSS),
    "withdrawn": Look(("#f0f1f3", "#20262e"), ("#66717e", "#8d99a6"), "2 4", _MINUS),
    "stopped": Look(("#f0f1f3", "#20262e"), ("#3f4a57", "#b7c1cc"), "2 4", _STOP),
}


def _sheet() -> str:
    """Write down the colours of the night."""
    fills: dict[str, Colour] = {
        ".paper": PAPER,
        ".ink": INK,
        ".muted": MUTED,
        ".box": PLAIN,
        ".head": LINE,
        ".error>.head": ERROR,
        ".taken>.head": TAKEN,
    }
    strokes: dict[str, Colour] = {
        ".box": LINE,
        ".line": LINE,
        ".error>.line": ERROR,
        ".taken>.line": TAKEN,
        ".ring": INK,
        ".bar": MUTED,
        ".sign": PAPER,
    }
    for status, look in LOOKS.items():
        fills[f".{status}>.box"] = look.ground
        strokes[f".{status}>.box"] = look.line
        fills[f".{status}>.badge"] = look.line
    rules = [f".awe {where}{{fill:{colour[1]}}}" for where, colour in fills.items()]
    rules += [f".awe {where}{{stroke:{colour[1]}}}" for where, colour in strokes.items()]
    return f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"


STYLE: Final = _sheet()
"""The text of the one `style` element of a picture: always the same, so that a policy of
content can name its hash."""
