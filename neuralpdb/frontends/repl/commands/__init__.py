"""The commands of the prompt: one table, one module for each group of them. Importing this fills the table.

A command is a function of the prompt (`Repl`) and of what was typed behind its name. It moves the session, which knows
no prompt, and says what came of it through the prompt, which knows no command.
"""

from neuralpdb.frontends.repl.commands import (
    breakpoints,
    confidence,
    files,
    inspection,
    interact,
    movement,
    real_run,
    session,
    time,
    timelines,
    values,
)

__all__ = [
    "breakpoints",
    "confidence",
    "files",
    "inspection",
    "interact",
    "movement",
    "real_run",
    "session",
    "time",
    "timelines",
    "values",
]
