"""`neuralpdb mcp`: the debugger as tools for agents, by the Model Context Protocol (docs/mcp.md lists the tools)."""
