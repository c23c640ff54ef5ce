"""What was launched: a session, and what an editor wants to know of it beside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop
from neuralpdb.frontends.dap.protocol import Arguments
from neuralpdb.trace.frames import Frame

if TYPE_CHECKING:
    from neuralpdb.frontends.dap.prompt import Prompt


@dataclass
class Debuggee:
    """What was launched.

    path:       of the program, absolute.
    stop:       stop before the first line.
    notices:    what the user should know beside the stops; asked after every movement.
    ready:      whether the model is loaded.
    confidence: the probability that the model gave to what it wrote of a frame; None where that is not known.
    doubts:     the same for those parts of a frame (see `confidence`) that it was not sure of.
    verdict:    what became of the prediction at a stop, where a real run is beside it.
    rest:       ends what goes on behind the session; it can be used nevertheless.
    close:      gives back what was opened for it.
    prompt:     of the console.
    """

    session: Session
    path: Path
    stop: bool = True
    notices: Callable[[], Iterable[str]] = lambda: ()
    ready: Callable[[], bool] = lambda: True
    confidence: Callable[[Frame], float | None] = lambda frame: None
    doubts: Callable[[Frame], Mapping[str, float]] = lambda frame: {}
    verdict: Callable[[Stop], str] = lambda stop: ""
    rest: Callable[[], None] = lambda: None
    close: Callable[[], None] = lambda: None
    prompt: Prompt | None = None


Opener = Callable[[Arguments, Callable[[str], None]], Debuggee]
"""Opens what the arguments of `launch` ask for, and says what there is to say about it. Raises NeuralPdbError."""
