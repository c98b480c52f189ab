"""The engine, for those who embed it: every public name, and nothing but re-exports.

A workflow is a `Graph` of tools; an `Engine` runs it, and gives a `RunHandle`. What can
stand in the log of a run is described in `entry`.
"""

from engine import entry
from engine.ask import Branch
from engine.call import Command, Overwrite
from engine.catalog import GraphVersion
from engine.clock import Clock, SystemClock
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
from engine.graph import Graph, GraphBuilder, Join, Retry
from engine.handle import RunHandle
from engine.host import EngineClosed, RunExists
from engine.ids import BEGINNING, ActivationId, Json, RunId, Seq
from engine.reducer import Reducer
from engine.report import Report, RunCancelled, RunFailed
from engine.snapshot import Snapshot, Waiting
from engine.store import LogStore
from engine.stores.memory import MemoryStore
from engine.tool import InvalidTool, Tool, ToolError, Tools, installed_tools, tool

__all__ = [
    "BEGINNING",
    "ActivationId",
    "AnyEntry",
    "Branch",
    "Breakpoint",
    "Clock",
    "Command",
    "Engine",
    "EngineClosed",
    "EngineError",
    "ErrorInfo",
    "Graph",
    "GraphBuilder",
    "GraphVersion",
    "InvalidGraph",
    "InvalidTool",
    "InvalidValue",
    "Join",
    "Json",
    "LogMoved",
    "LogStore",
    "MemoryStore",
    "NotApplicable",
    "NotFound",
    "Overwrite",
    "Problem",
    "Reducer",
    "Refused",
    "Report",
    "Retry",
    "RunCancelled",
    "RunExists",
    "RunFailed",
    "RunHandle",
    "RunId",
    "RunOver",
    "Seq",
    "Snapshot",
    "SystemClock",
    "Tool",
    "ToolError",
    "Tools",
    "Waiting",
    "entry",
    "installed_tools",
    "tool",
]
