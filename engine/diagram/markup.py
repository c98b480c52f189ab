"""Elements of SVG as text, and the rules for what may stand in them.

This module knows XML. It does not know what is drawn.
"""

from __future__ import annotations

from html import escape

from engine.diagram.text import visible


def element(name: str, *content: str, **attributes: str | float | None) -> str:
    """Write an element; attributes that are None or empty are left out.

    `kind` is written as `class`, and `_` as `-`. The content must be markup already.
    """
    written = "".join(
        f' {"class" if key == "kind" else key.replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    inside = "".join(content)
    return f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>"


def text(content: str) -> str:
    """Write a text as content."""
    return escape(visible(content))


def number(value: float) -> str:
    """Write a length, to a tenth."""
    return f"{round(value, 1):.12g}"


def _value(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else number(value)
