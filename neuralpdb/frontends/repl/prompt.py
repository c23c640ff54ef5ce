"""The prompt: a session, the console it is shown on, and the user's selection, settings and open question."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from neuralpdb.debugger.displays import Displays
from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop
from neuralpdb.errors import UsageError
from neuralpdb.fidelity.lockstep import Lockstep
from neuralpdb.frontends.repl.aliases import Aliases
from neuralpdb.frontends.text.marks import Source
from neuralpdb.output import printable
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Frame
from neuralpdb.trace.stack import Activation, Stack
from neuralpdb.trace.values import EvaluationError

PROMPT = "(neuralpdb) "


@dataclass(frozen=True)
class Question:
    """A question that takes the next lines instead of the table of commands.

    label:   stands before the line that is typed.
    take:    handles one line; returns whether the question is answered.
    aborted: printed when Ctrl-D or Ctrl-C gives the question up.
    kept:    handles Ctrl-C where the question outlives it.
    is_code: an empty line ends what is typed.
    """

    label: str
    take: Callable[[str], bool]
    aborted: str
    kept: Callable[[], None] | None = None
    is_code: bool = False


@dataclass
class Prompt:
    """The state that commands share. It knows no command and no loop.

    session:         the debugger.
    console:         where output goes.
    multiline:       shows a stop over several lines, as pdb does; False: one line a stop, for pipes.
    waiting:         called before a prediction, to tell the user what takes its time.
    waited:          called before anything is printed.
    beside:          the real run to compare with.
    why_no_real_run: why there is none.
    confidence_of:   returns the probability the model gave to each part of a frame; empty where it is unknown.
    doubt_below:     parts of a frame with a smaller probability are marked.
    marks:           values that are not computed are marked (see `marks`); False where nothing is computed.
    opinion:         returns what the model says otherwise of a computed frame.
    refuted:         returns what Python says otherwise of a predicted frame.
    looked:          takes the history at every stop.
    counts:          returns what the model was asked for, and how often.
    model:           returns the name of the model, once it is known.
    selected:        index of the call that `up` and `down` selected; -1 is the newest.
    listed:          the last line that `list` printed.
    interrupted:     Ctrl-C stopped something.
    question:        takes the next lines instead of the table of commands.
    queue:           what is left to do of the line that was typed (pdb's `cmdqueue`); a stop in return is shown.
    last_stop:       the stop that was shown last.
    last_shown:      the stack that was shown last; None where no silent stop came since.
    displays:        expressions to print where their value changes; made with the prompt.
    aliases:         words that stand for commands.
    sticky:          every stop lists its whole function.
    restricted:      only commands that look and move are allowed: a project's rc file is read.
    where:           the file and line that are carried out, put before error messages.
    """

    session: Session
    console: Console
    multiline: bool = False
    waiting: Callable[[], None] = lambda: None
    waited: Callable[[], None] = lambda: None
    beside: Lockstep | None = None
    why_no_real_run: str = ""
    confidence_of: Callable[[Frame], Mapping[str, float]] = lambda frame: {}
    doubt_below: float = 0.6
    marks: bool = False
    opinion: Callable[[Frame], Mapping[str, str]] = lambda frame: {}
    refuted: Callable[[Frame], Mapping[str, str]] = lambda frame: {}
    looked: Callable[[Sequence[Frame]], object] = lambda frames: None
    counts: Callable[[], Mapping[str, int]] = dict
    model: Callable[[], str] = lambda: ""
    selected: int = -1
    listed: int = 0
    interrupted: bool = False
    question: Question | None = None
    queue: deque[Callable[[], Stop | None]] = field(default_factory=deque)
    last_stop: Stop | None = None
    last_shown: Stack | None = None
    displays: Displays = field(init=False)
    aliases: Aliases = field(default_factory=Aliases)
    sticky: bool = False
    restricted: bool = False
    where: str = ""

    def __post_init__(self) -> None:
        self.displays = Displays(self.session.evaluator)

    def take(self, source: Source) -> None:
        """Show how `source` knows its frames: probabilities, marks, what is said otherwise, counts."""
        self.confidence_of, self.doubt_below, self.marks = source.confidence_of, source.doubt_below, source.marks
        self.opinion, self.refuted, self.looked = source.opinion, source.refuted, source.looked
        self.counts = source.counts

    # -- asking -----------------------------------------------------------------------------------------------

    @property
    def label(self) -> str:
        """Return what stands before the line that is typed."""
        return self.question.label if self.question is not None else PROMPT

    def ask(
        self,
        label: str,
        take: Callable[[str], bool],
        aborted: str,
        *,
        kept: Callable[[], None] | None = None,
        is_code: bool = False,
    ) -> None:
        """Hand the next lines to `take` until it returns True."""
        self.question = Question(label, take, aborted, kept, is_code)

    def abandon(self, *, ended: bool = False) -> None:
        """Give up the open question after Ctrl-C (ended: Ctrl-D) in a line."""
        question = self.question
        if question is None:
            return
        if question.kept is not None and not ended:
            question.kept()
            return
        self.question = None
        if question.kept is not None:
            self.say(Text(question.aborted))
        elif question.aborted:
            self.error(question.aborted)

    # -- printing ---------------------------------------------------------------------------------------------

    def say(self, text: Text | str) -> None:
        """Print one piece of text; a plain string has to be inert already."""
        self.waited()
        self.console.print(text if isinstance(text, Text) else Text(text), soft_wrap=True)

    def notify(self, message: str) -> None:
        """Print a line that no command asked for."""
        self.say(Text(printable.inert(message), style="yellow"))

    def error(self, message: str) -> None:
        """Print the user's mistake."""
        self.say(Text(f"*** {self.where}{printable.inert(message)}", style="red"))

    def interruption(self, message: str) -> None:
        """Say that Ctrl-C stopped something; nothing is lost."""
        self.interrupted = True
        self.say(Text(message, style="yellow"))

    @property
    def width(self) -> int:
        """Return the columns for text that is broken into lines."""
        return min(self.console.width, 100)

    def printed(self, output: str) -> None:
        """Print what Python that the user typed has printed."""
        for line in output.splitlines():
            self.say(Text(printable.inert(line)))

    def evaluate(self, expression: str) -> str:
        """Return the value of an expression at the selected call; print what evaluating prints. Raises UsageError."""
        try:
            value = self.session.evaluator.look(expression, self.session.history, self.activation())
        except EvaluationError as error:
            self.printed(error.output)
            raise
        self.printed(value.output)
        return value.text

    # -- the selected call ------------------------------------------------------------------------------------

    @property
    def program(self) -> Program:
        return self.session.entry.program

    def activation(self) -> Activation:
        """Return the call that `up` and `down` selected. Raises UsageError before the first frame."""
        stack = self.session.stack
        if not stack:
            raise UsageError("there is no frame yet", "type step")
        return stack[self.selected]

    def locals(self) -> dict[str, str]:
        """Return the locals of the selected call. Raises UsageError before the first frame."""
        return dict(self.activation().last.locals)

    def caller_depth(self) -> int | None:
        """Return the depth of the caller that `up` selected; None in the newest frame."""
        stack = self.session.stack
        return None if self.selected in (-1, len(stack) - 1) else stack[self.selected].depth

    def newest_only(self, action: str) -> None:
        """Raise UsageError when a caller is selected."""
        if self.caller_depth() is not None:
            raise UsageError(f"cannot {action} in a caller, only in the newest frame", "type: down")
