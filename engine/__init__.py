"""The engine, for those who embed it: every public name, and nothing but re-exports.

A workflow is a `Graph` of tools; an `Engine` runs it, and gives a `RunHandle`. What can
stand in the log of a run is described in `entry`.
"""

from engine import entry
from engine.action import Action
from engine.ask import Branch
from engine.audit import Audit, Flaw
from engine.binding import Verdict
from engine.cache import Cache, CacheUnavailable
from engine.caches.memory import MemoryCache
from engine.caches.redis import RedisCache
from engine.call import Command, Overwrite
from engine.catalog import GraphVersion
from engine.clock import Clock, SystemClock
from engine.condition import Expression
from engine.context import Context
from engine.declaration import (
    Declaration,
    DeclaredTool,
    InvalidDeclaration,
    Problems,
    ToolKind,
    installed_tool_kinds,
)
from engine.diagram import (
    DIAGRAM_STYLE,
    DiagramTooLarge,
    NodePath,
    NodeStatus,
    RunPath,
    draw,
    mermaid,
    path_of,
    svg,
)
from engine.difference import Difference
from engine.engine import Engine
from engine.entry import AnyEntry, Breakpoint, ErrorInfo
from engine.errors import (
    EngineError,
    InvalidGraph,
    InvalidValue,
    LogMoved,
    NotApplicable,
    NotFound,
    Problem,
    Refused,
    RunOver,
)
from engine.frame import Frame
from engine.graph import Graph, GraphBuilder, Join, Retry
from engine.handle import RunHandle
from engine.host import Durability, EngineClosed, Overloaded, RunExists
from engine.ids import BEGINNING, ActivationId, Json, RunId, Seq
from engine.reducer import Reducer
from engine.registry import Registered, Registry
from engine.report import Report, RunCancelled, RunFailed
from engine.retention import Pruned, Retention
from engine.row import Row
from engine.snapshot import Snapshot, Waiting
from engine.store import (
    Document,
    Origin,
    Orphans,
    RunFilter,
    RunRecord,
    Status,
    Store,
    StoreClosed,
    StoreInUse,
    StoreUnavailable,
)
from engine.stores.memory import MemoryStore
from engine.stores.postgres import PostgresStore
from engine.stores.sqlite import SQLiteStore
from engine.tail import Lagging
from engine.template import (
    InvalidParameters,
    InvalidTemplate,
    Template,
    installed_templates,
)
from engine.tool import InvalidTool, Tool, ToolError, Tools, installed_tools, tool
from engine.value import admit

__all__ = [
    "BEGINNING",
    "DIAGRAM_STYLE",
    "Action",
    "ActivationId",
    "AnyEntry",
    "Audit",
    "Branch",
    "Breakpoint",
    "Cache",
    "CacheUnavailable",
    "Clock",
    "Command",
    "Context",
    "Declaration",
    "DeclaredTool",
    "DiagramTooLarge",
    "Difference",
    "Document",
    "Durability",
    "Engine",
    "EngineClosed",
    "EngineError",
    "ErrorInfo",
    "Expression",
    "Flaw",
    "Frame",
    "Graph",
    "GraphBuilder",
    "GraphVersion",
    "InvalidDeclaration",
    "InvalidGraph",
    "InvalidParameters",
    "InvalidTemplate",
    "InvalidTool",
    "InvalidValue",
    "Join",
    "Json",
    "Lagging",
    "LogMoved",
    "MemoryCache",
    "MemoryStore",
    "NodePath",
    "NodeStatus",
    "NotApplicable",
    "NotFound",
    "Origin",
    "Orphans",
    "Overloaded",
    "Overwrite",
    "PostgresStore",
    "Problem",
    "Problems",
    "Pruned",
    "RedisCache",
    "Reducer",
    "Refused",
    "Registered",
    "Registry",
    "Report",
    "Retention",
    "Retry",
    "Row",
    "RunCancelled",
    "RunExists",
    "RunFailed",
    "RunFilter",
    "RunHandle",
    "RunId",
    "RunOver",
    "RunPath",
    "RunRecord",
    "SQLiteStore",
    "Seq",
    "Snapshot",
    "Status",
    "Store",
    "StoreClosed",
    "StoreInUse",
    "StoreUnavailable",
    "SystemClock",
    "Template",
    "Tool",
    "ToolError",
    "ToolKind",
    "Tools",
    "Verdict",
    "Waiting",
    "admit",
    "draw",
    "entry",
    "installed_templates",
    "installed_tool_kinds",
    "installed_tools",
    "mermaid",
    "path_of",
    "svg",
    "tool",
]
