"""The commands of the prompt: one table, one module for each group of them. Importing this fills the table.

A command is a function of the prompt (`Repl`) and of what was typed behind its name. It moves the session, which knows
no prompt, and says what came of it through the prompt, which knows no command.
"""

from neuralpdb.commands import breaks, doubt, files, habits, move, session, state, time, timelines, trust, view

__all__ = ["breaks", "doubt", "files", "habits", "move", "session", "state", "time", "timelines", "trust", "view"]
