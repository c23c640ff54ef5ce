"""The tools for agents: one module for each group, all imported here, for each fills the table of tools."""

from neuralpdb.frontends.mcp.tools import (  # isort: skip - the order of the table
    programs,
    movement,
    breakpoints,
    inspection,
    timelines,
    real_run,
)
from neuralpdb.frontends.mcp.tools.table import find, markdown, tools

__all__ = ["breakpoints", "find", "inspection", "markdown", "movement", "programs", "real_run", "timelines", "tools"]
