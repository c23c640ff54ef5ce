"""The real run beside a launch that asks for it: begun, its verdict on each stop, ended. Off unless it was allowed.

Everything heavy is imported inside the functions that need it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpdb.debugger.stop import Stop
from neuralpdb.errors import NeuralPdbError, UsageError
from neuralpdb.frontends.dap.prompt import Prompt
from neuralpdb.frontends.repl import stop_view

if TYPE_CHECKING:
    from neuralpdb.program.entry import Entry
    from neuralpdb.realrun.limits import Limits


def begin(
    prompt: Prompt, entry: Entry, path: Path, args: Sequence[str], limits: Limits | None, say: Callable[[str], None]
) -> Callable[[], None]:
    """Begin the real run beside the session of `prompt`; what ends it. Why there is none, if so, is said.

    limits: of the run; None: nothing may be run, which raises UsageError.
    """
    from neuralpdb.fidelity.lockstep import Lockstep
    from neuralpdb.realrun.live import watch
    from neuralpdb.realrun.truth import entered

    if limits is None:
        raise UsageError("launch: compare runs the program for real", "to allow it: neuralpdb dap --allow-run")
    try:
        entered(entry)
        run = watch(entry, filename=str(path), argv=args, limits=limits)
    except NeuralPdbError as error:
        prompt.no_truth = error.message
        say(f"note: there is no real run to compare with: {error}")
        return lambda: None
    say("note: the program is run for real, in a child process with limits")
    prompt.beside = Lockstep(run)
    return run.close


def verdict(prompt: Prompt, stop: Stop) -> str:
    """What became of the prediction at a stop, in one line: `= exact`; empty where nothing is compared."""
    text = stop_view.verdict(prompt, stop)
    return text.plain if text is not None else ""


def news(prompt: Prompt) -> list[str]:
    """What is new of the real run."""
    return prompt.beside.news() if prompt.beside is not None else []
