"""The real run beside a launched program: its start where that is allowed, its verdict on each stop, its news.

Functions import what is heavy where they need it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpdb.debugger.stop import Stop
from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.prompt import Prompt
from neuralpdb.frontends.repl import stop_view

if TYPE_CHECKING:
    from neuralpdb.realrun.limits import Limits


def begin(
    prompt: Prompt, path: Path, args: Sequence[str], limits: Limits | None, say: Callable[[str], None]
) -> Callable[[], None]:
    """Start the real run beside the session of `prompt`, and return what ends it.

    limits: of the run; None where programs may not be run. Raises UsageError then.
    """
    from neuralpdb.frontends.repl import real_run

    if limits is None:
        raise UsageError("launch: compare runs the program for real", "to allow it: neuralpdb dap --allow-run")
    return real_run.start(prompt, str(path), args, limits, say)


def verdict(prompt: Prompt, stop: Stop) -> str:
    """Return how a stop compares with the real run, in one line: `= exact`; nothing where nothing is compared."""
    text = stop_view.verdict(prompt, stop)
    return text.plain if text is not None else ""


def news(prompt: Prompt) -> list[str]:
    """Return what the real run has to report since the last call."""
    return prompt.beside.news() if prompt.beside is not None else []
