"""A launched program: its session, and what an editor shows of it beside the frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop
from neuralpdb.frontends.dap.protocol import Arguments
from neuralpdb.frontends.text.marks import Remarks, nothing
from neuralpdb.trace.frames import Frame
from neuralpdb.trace.stack import Activation

if TYPE_CHECKING:
    from neuralpdb.frontends.dap.prompt import Prompt


@dataclass
class Debuggee:
    """A launched program.

    session:    the debugger's session, not started.
    path:       absolute path of the program.
    stop:       whether to stop before the first line.
    notices:    returns new messages for the user; called after every movement.
    ready:      returns whether the model is loaded.
    confidence: returns the probability that the model gave to its text of a frame; None where it is not known.
    doubts:     returns the probabilities of the parts of a frame that the model was not sure of.
    remarks:    returns how the values of a call are known, and what is said otherwise.
    looked:     takes the history at every stop.
    verdict:    returns how a stop compares with the real run; nothing without one.
    rest:       ends background predictions; the session can go on.
    close:      gives back what was opened for the program.
    prompt:     the prompt behind the debug console.
    """

    session: Session
    path: Path
    stop: bool = True
    notices: Callable[[], Iterable[str]] = lambda: ()
    ready: Callable[[], bool] = lambda: True
    confidence: Callable[[Frame], float | None] = lambda frame: None
    doubts: Callable[[Frame], Mapping[str, float]] = lambda frame: {}
    remarks: Callable[[Activation], Remarks] = nothing
    looked: Callable[[Sequence[Frame]], object] = lambda frames: None
    verdict: Callable[[Stop], str] = lambda stop: ""
    rest: Callable[[], None] = lambda: None
    close: Callable[[], None] = lambda: None
    prompt: Prompt | None = None


Opener = Callable[[Arguments, Callable[[str], None]], Debuggee]
"""Opens the program that the arguments of `launch` name, and passes on notes for the user. Raises NeuralPdbError."""
