"""The commands of the prompt: one table, one module for each group of them. Importing this fills the table.

A command is a function of the prompt (`Repl`) and of what was typed behind its name. It moves the session, which knows
no prompt, and says what came of it through the prompt, which knows no command.
"""

from neuralpdb.frontends.repl.commands import (  # isort: skip - the order of the table
    breakpoints,
    confidence,
    files,
    interact,
    movement,
    session,
    values,
    time,
    timelines,
    real_run,
    inspection,
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
