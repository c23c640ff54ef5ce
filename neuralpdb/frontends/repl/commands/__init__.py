"""Commands of the prompt: one module for each group. Importing this package fills the table.

A command is a function of the prompt and of the argument that was typed. One that moves the session returns the stop,
which the loop shows; anything else it prints through the prompt.
"""

from neuralpdb.frontends.repl.commands import (  # isort: skip - the order of the table
    breakpoints,
    confidence,
    status,
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
    "status",
    "time",
    "timelines",
    "values",
]
