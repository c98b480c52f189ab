"""Diagrams of graphs, as Mermaid text and as SVG, with what a run of one has done.

A `Sketch` is what there is to draw; `mermaid` and `svg` write it in their languages, and a
`RunPath` colours it.
"""

from engine.diagram.drawing import draw, svg
from engine.diagram.layout import DiagramTooLarge
from engine.diagram.mermaid import mermaid
from engine.diagram.palette import STYLE as DIAGRAM_STYLE
from engine.diagram.run_path import NodePath, NodeStatus, RunPath, path_of

__all__ = [
    "DIAGRAM_STYLE",
    "DiagramTooLarge",
    "NodePath",
    "NodeStatus",
    "RunPath",
    "draw",
    "mermaid",
    "path_of",
    "svg",
]
