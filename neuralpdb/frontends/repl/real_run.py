"""The real run beside a prompt: started, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neuralpdb.errors import NeuralPdbError
from neuralpdb.fidelity.lockstep import Lockstep
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.realrun.limits import Limits
from neuralpdb.realrun.live import watch
from neuralpdb.realrun.truth import entered


def start(
    prompt: Prompt, filename: str, args: Sequence[str], limits: Limits, say: Callable[[str], None]
) -> Callable[[], None]:
    """Start the real run beside the session of `prompt`, and return what ends it.

    say: takes the note that the program runs, or why it cannot.
    """
    entry = prompt.session.entry
    try:
        entered(entry)
        run = watch(entry, filename=filename, argv=args, limits=limits)
    except NeuralPdbError as error:
        prompt.why_no_real_run = error.message
        say(f"note: there is no real run to compare with: {error}")
        return lambda: None
    say("note: the program is run for real, in a child process with limits")
    prompt.beside = Lockstep(run)
    return run.close
