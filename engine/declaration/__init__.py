"""Tools that are declared rather than written: data, never code.

`declaration` is what one says, `reading` how a document becomes one, `problems` what may be
wrong with it, `kind` the seam for those who make tools of declarations, `tool` what they make.
"""

from engine.declaration.declaration import Declaration
from engine.declaration.kind import AnyToolKind, ToolKind, installed_tool_kinds
from engine.declaration.problems import InvalidDeclaration, Problems
from engine.declaration.reading import read
from engine.declaration.tool import DeclaredTool
from engine.declaration.trial import Trial, tried

__all__ = [
    "AnyToolKind",
    "Declaration",
    "DeclaredTool",
    "InvalidDeclaration",
    "Problems",
    "ToolKind",
    "Trial",
    "installed_tool_kinds",
    "read",
    "tried",
]
