"""Values that a state may have, drawn from where encoders and databases are known to go wrong.

This module knows what is at the edges: of numbers, of text, of nesting, of names. It does not
know where values are kept. The same seed gives the same values.
"""

from __future__ import annotations

import math
import struct
import sys
from random import Random  # noqa: TID251  # seeded, so that what failed can be had again
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from engine import Json

DEPTH: Final = 64
"""Lists and objects inside each other, at most."""

INTEGERS: Final = (
    *(0, 2**63 - 1, -(2**63), 2**63 - 2, 1 - 2**63, 10**18, -(10**18)),
    *(
        sign * (2**bits + near)
        for bits in (0, 7, 8, 15, 16, 24, 31, 32, 52, 53, 54, 62)
        for near in (-1, 0, 1)
        for sign in (1, -1)
    ),
)

FLOATS: Final = (
    *(0.0, -0.0, 1.0, -1.0, 0.1, 0.1 + 0.2, 1 / 3, math.pi, 1e15, 1e16, 1e17, 1e21, 1e22, 1e23),
    *(5e-324, -5e-324, 2.2250738585072009e-308, sys.float_info.min, sys.float_info.max),
    *(-sys.float_info.max, sys.float_info.epsilon, 1e-5, 1e-6, 1e-7, 123456789.123456789),
    *(2.0**53, 2.0**53 + 2, 2.0**63, -(2.0**63), 2.0**64, 9007199254740993.0, 4.35, 0.5e-323),
)

CHARACTERS: Final = (
    *("\x01", "\t", "\n", "\r", "\x1f", " ", '"', "'", "\\", "/", "<", ">", "&", "\x7f", "\x80"),
    *(
        "\x85",
        "\xa0",
        "\xad",
        "é",
        "e\u0301",
        "ß",
        "\u0131",
        "\u200b",
        "\u200d",
        "\u2028",
        "\u2029",
    ),
    *("\u202e", "\ud7ff", "\ue000", "\ufdd0", "\ufeff", "\ufffd", "\uffff", "\U00010000"),
    *("😀", "👩‍👩‍👧", "\U0001d54f", "\U0001fffe", "\U000e0001", "\U000fffff", "\U0010ffff"),
)

KEYS: Final = (
    *("", " ", ".", "a.b", "a/b", "~1", "~0", "0", "-1", "[0]", "$", "$ref", "$blob", "@", "#"),
    *("type", "seq", "batch", "at", "run_id", "patch", "state", "node", "activation", "messages"),
    *("blob", "blobs", "ref", "size", "sha256", "overwrites", "_entries", "_data", "__class__"),
    *("__proto__", "constructor", "__type__", "__overwrite__", "null", "true", "NaN", "Infinity"),
    *("\\u0000", "\\", '"', "\u2028", "é", "e\u0301", "😀", "\U0010ffff", "k" * 300, "%s", "{}"),
)
"""Keys that are empty, that look like our own, or that other programs read something into."""


class Values:
    """Draws values.

    Args:
        seed: What they follow from.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  # as said above
        self._kinds: tuple[tuple[Callable[[int], Json], float], ...] = (
            (self._integer, 5),
            (self._float, 5),
            (self._text, 5),
            (lambda _: self._random.choice((None, True, False)), 1),
            (self._list, 2),
            (self._object, 3),
            (self._nest, 0.3),
            (self._wide, 0.03),
        )
        self._draw = [kind for kind, _ in self._kinds]
        self._weights = [weight for _, weight in self._kinds]

    def __iter__(self) -> Iterator[Json]:
        """Draw values without end."""
        while True:
            yield self._value(DEPTH)

    def key(self) -> str:
        """Draw a key."""
        draw = self._random
        return draw.choice(KEYS) if draw.random() < 0.7 else self._text(0)

    def _value(self, room: int) -> Json:
        """Draw a value that may have `room` more levels."""
        kinds = 4 if room <= 0 else len(self._draw)
        if room < DEPTH:
            kinds = min(kinds, 6)
        (draw,) = self._random.choices(self._draw[:kinds], self._weights[:kinds])
        return draw(room)

    def _integer(self, _: int) -> int:
        draw = self._random
        if draw.random() < 0.5:
            return draw.choice(INTEGERS)
        return draw.getrandbits(draw.randrange(1, 64)) * draw.choice((1, -1))

    def _float(self, _: int) -> float:
        draw = self._random
        if draw.random() < 0.4:
            return draw.choice(FLOATS)
        while True:
            (number,) = struct.unpack("<d", draw.randbytes(8))
            if math.isfinite(number):
                return float(number)

    def _text(self, _: int) -> str:
        draw = self._random
        if draw.random() < 0.4:
            return "".join(draw.choices(CHARACTERS, k=draw.randrange(6)))
        if draw.random() < 0.5:
            return "".join(map(chr, draw.choices(range(1, 0x7F), k=draw.randrange(12))))
        plane = draw.randrange(17) << 16
        drawn = (plane + draw.randrange(0x10000) for _ in range(draw.randrange(5)))
        return "".join(chr(each) for each in drawn if each and not 0xD800 <= each < 0xE000)

    def _list(self, room: int) -> Json:
        return [self._value(min(room - 1, 3)) for _ in range(self._random.randrange(5))]

    def _object(self, room: int) -> Json:
        return {self.key(): self._value(min(room - 1, 3)) for _ in range(self._random.randrange(5))}

    def _nest(self, room: int) -> Json:
        """Draw a value that is deep, up to as deep as may be."""
        value = self._value(0)
        for _ in range(self._random.choice((room, room, self._random.randrange(1, room + 1)))):
            value = [value] if self._random.random() < 0.5 else {self.key(): value}
        return value

    def _wide(self, _: int) -> Json:
        """Draw a value that is long."""
        draw = self._random
        count = draw.randrange(200, 3_000)
        if draw.random() < 0.5:
            return [self._value(0) for _ in range(count)]
        if draw.random() < 0.5:
            return {f"{number}{self.key()}": self._value(0) for number in range(count)}
        return self._text(0) * count * 10


def as_kept(value: Json) -> Json:
    """Give what is to be there: the value, but for the sign of a zero, which JSON may not keep."""
    if isinstance(value, dict):
        return {key: as_kept(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_kept(each) for each in value]
    return 0.0 if value == 0 and isinstance(value, float) else value
