"""All tools: importing this fills the table."""

from neuralpdb.mcp import programs, moves, breaks, looking, whatif, truth  # isort: skip - the order of the table
from neuralpdb.mcp.table import find, markdown, tools

__all__ = ["breaks", "find", "looking", "markdown", "moves", "programs", "tools", "truth", "whatif"]
