"""The prompt: reads lines, finds the command of each, prints what happened. What the commands do is in `commands`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from rich.console import Console
from rich.text import Text

from neuralpdb.debugger.displays import Displays
from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.errors import ModelError, NeuralPdbError, UsageError
from neuralpdb.fidelity.lockstep import Lockstep
from neuralpdb.frontends.repl import (
    commands,  # noqa: F401 - fills the table of commands
    loop,
    python_input,
    source_view,
    stop_view,
)
from neuralpdb.frontends.repl.aliases import Aliases, split
from neuralpdb.frontends.repl.loop import ASSIGNS, MOST_COMMANDS
from neuralpdb.frontends.repl.rcfile import RcFile
from neuralpdb.frontends.repl.table import CAREFUL, EDIT, Command, Quit, find
from neuralpdb.frontends.text import frames
from neuralpdb.output import printable
from neuralpdb.program.program import Program
from neuralpdb.rules.expressions import is_expression
from neuralpdb.trace.frames import Event, Frame, Trouble
from neuralpdb.trace.stack import Activation, Stack

PROMPT = "(neuralpdb) "


@dataclass(frozen=True)
class Question:
    """What the next lines are about, that are no commands.

    take: is handed each of them, and says whether that was all. aborted: what to say when it is given up, by Ctrl-D or
    by Ctrl-C. kept: what Ctrl-C does instead.
    """

    prompt: str
    take: Callable[[str], bool]
    aborted: str
    kept: Callable[[], None] | None = None


@dataclass
class Repl:
    """Commands in, text out.

    blocks: show stops as pdb does, over several lines; False: one line a stop, for pipes.
    waiting: called before a prediction, to say what is being waited for; waited: before anything is printed.
    notices: asked after every command for what else the user should know, once.
    beside: the real run to compare with; no_truth: why there is none.
    sure: probability that the model gave to each part of a frame (see `confidence`), empty where it is not known;
    least: parts with a smaller one are marked. model: what predicts, once that is known.
    interrupted: whether Ctrl-C stopped anything so far.
    question: to whom the next lines go instead of being commands.
    queue: what is still to be done of the line that was typed; passed: how many frames went by since it was.
    unseen: where we were before the stops that nobody was shown.
    sticky: every stop shows its whole function; careful: carry out only commands that look and move; where: the place
    of the line that is carried out, for what is wrong with it.
    """

    session: Session
    console: Console
    blocks: bool = False
    waiting: Callable[[], None] = lambda: None
    waited: Callable[[], None] = lambda: None
    notices: Callable[[], Iterable[str]] = lambda: ()
    beside: Lockstep | None = None
    no_truth: str = ""
    sure: Callable[[Frame], Mapping[str, float]] = lambda frame: {}
    least: float = 0.6
    model: Callable[[], str] = lambda: ""
    chosen: int = -1
    listed: int = 0
    repeat: str = ""
    left: bool = False
    interrupted: bool = False
    question: Question | None = None
    queue: deque[Callable[[], None]] = field(default_factory=deque)
    passed: int = 0
    unseen: Stack | None = None
    displays: Displays = field(default_factory=Displays)
    aliases: Aliases = field(default_factory=Aliases)
    sticky: bool = False
    careful: bool = False
    where: str = ""

    @property
    def prompt(self) -> str:
        """What the user is asked with."""
        return self.question.prompt if self.question is not None else PROMPT

    @property
    def program(self) -> Program:
        return self.session.entry.program

    # -- reading ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Show where the trace starts."""
        if self.session.entry.first is None:
            self.waiting()
        try:
            self.show(self.session.start())
        except KeyboardInterrupt:
            self.interruption("interrupted before the first frame: step asks again")
        if self.blocks and self.session.frame is not None:
            source_view.here(self)
        self._note()

    def run(self, lines: Iterable[str]) -> None:
        """Carry out every line; ends with the lines or with `quit`."""
        try:
            for line in lines:
                self.execute(line)
        except Quit:
            self.left = True

    def follow(self, file: RcFile) -> None:
        """Carry out the lines of a file, as the user's or carefully."""
        if file.trouble:
            self.say(Text(f"note: {file.name} is not read: {printable.inert(file.trouble)}", style="yellow"))
        self.careful = not file.trusted
        try:
            for number, line in enumerate(file.lines, 1):
                if line.strip() and not self.left:
                    self.where = f"{file.name}, line {number}: "
                    self.run([line])
            self.abandon(ended=True)
        finally:
            self.careful, self.where, self.repeat = False, "", ""

    def execute(self, line: str) -> None:
        """Carry out one line. Raises Quit and ModelError; a user's mistake is one line of output."""
        line = line.strip()
        if self.question is not None:
            self._attempt(partial(self._answered, self.question, line))
            return
        line = line or self.repeat
        self.repeat, self.passed = "", 0
        if not line:
            return
        self.queue.clear()
        self.queue.append(partial(self._typed, line))
        for _ in range(MOST_COMMANDS):
            if self.queue:
                self._attempt(self.queue.popleft())
        if self.queue:
            self.error(f"stopped after {MOST_COMMANDS:,} commands of one line")
        if self.passed:
            stop_view.show_displays(self)
        for notice in self.notices():
            self.say(Text(printable.inert(notice), style="yellow"))
        self._note()

    def _attempt(self, act: Callable[[], None]) -> None:
        try:
            act()
        except ModelError:
            raise
        except NeuralPdbError as error:
            self.error(str(error))
        except KeyboardInterrupt:
            self.queue.clear()
            self.interruption("interrupted")

    def _answered(self, question: Question, line: str) -> None:
        if question.take(line):
            self.question = None

    def ask(
        self, prompt: str, take: Callable[[str], bool], aborted: str, *, kept: Callable[[], None] | None = None
    ) -> None:
        """Hand the next lines to `take` until it says that it has all."""
        self.question = Question(prompt, take, aborted, kept)

    def abandon(self, *, ended: bool = False) -> None:
        """Ctrl-C (ended: Ctrl-D) where a line is typed: whatever was asked for is not answered."""
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

    def _typed(self, line: str) -> None:
        """Carry out what the user typed: one command, or several with `;;` between them."""
        line, rest = split(self.aliases.expanded(line))
        if rest:
            self.queue.appendleft(partial(self._typed, rest))
        self.repeat = ""
        if self.question is not None:
            self._answered(self.question, line)
            return
        if python_input.is_open_line(line):
            python_input.go_on(self, line)
            return
        found = self.dispatch(line)
        if found is not None and found.repeats:
            self.repeat = found.names[0] if found.group == "view" else line

    def dispatch(self, line: str) -> Command | None:
        """Carry out one command; which it was. Raises NeuralPdbError, Quit."""
        if line.startswith("#"):
            return None
        if line.startswith("?"):
            line = f"help {line[1:]}"
        if line in ("quit()", "exit()", "help()"):
            line = line.removesuffix("()")
        if line.startswith(EDIT):
            line = f"{EDIT} {line[1:]}"
        word, rest = [*line.split(maxsplit=1), "", ""][:2]
        found = find(word)
        if found is None or ASSIGNS.match(rest):
            python_input.expression(self, line)
            return None
        if rest and not found.takes:
            hint = f"to print an expression: p {line}" if is_expression(line) else f"see: help {found.names[0]}"
            raise UsageError(f"{found.names[0]} takes no argument", hint)
        if self.careful and not found.harmless:
            raise UsageError(f"{found.names[0]}: {CAREFUL}")
        self.waiting_for(found)
        found.run(self, rest)
        return found

    def waiting_for(self, found: Command) -> None:
        if found.group in ("move", "look ahead"):
            self.waiting()

    # -- writing ----------------------------------------------------------------------------------------------

    def say(self, text: Text | str) -> None:
        """Print one piece of text; a plain string has to be inert already."""
        self.waited()
        self.console.print(text if isinstance(text, Text) else Text(text), soft_wrap=True)

    def _note(self) -> None:
        """Say what is new of the real run."""
        for news in self.beside.news() if self.beside is not None else ():
            self.say(Text(printable.inert(news), style="yellow"))

    def error(self, message: str) -> None:
        self.say(Text(f"*** {self.where}{printable.inert(message)}", style="red"))

    def show(self, stop: Stop) -> None:
        """Print a stop."""
        self.unseen = None
        verdict, stack, unsure = stop_view.verdict(self, stop), self.session.stack, stop_view.doubts(self, stop.frame)
        if self.blocks:
            self.say(frames.stop_block(self.program, stop, stack, verdict, stop_view.wrong(self), unsure))
        else:
            self.say(frames.stop_line(self.program, stop, stack, verdict, doubts=unsure))
        if self.sticky and stop.frame is not None:
            source_view.whole(self)
        self.interrupted |= stop.kind is StopKind.INTERRUPTED
        if stop.kind is StopKind.TROUBLE:
            self._explain(stop.trouble)
        elif stop.kind is StopKind.ENDED:
            self._raised()

    def moved(self, stop: Stop) -> None:
        """Print a stop, or carry out what its breakpoint asks for; look at its own activation again."""
        self.chosen = -1
        self.listed = 0
        self.passed += stop.steps + 1
        if self.unseen is not None:
            stop = replace(stop, before=self.unseen)
        self.unseen = stop.before
        point = stop.point if stop.kind is StopKind.BREAKPOINT else None
        if point is None or not (point.commands or point.silent):
            self.show(stop)
        elif self.passed > self.session.max_frames:
            self.show(stop)
            self.say(Text("its commands are not carried out: the limit of one command is reached", style="yellow"))
        else:
            self.queue.extendleft(reversed(loop.asked_for(self, point, stop)))

    def interruption(self, message: str) -> None:
        """Ctrl-C was heard, and nothing is lost."""
        self.interrupted = True
        self.say(Text(message, style="yellow"))

    def _raised(self) -> None:
        """Where the exception came from that ended the program."""
        history = self.session.history
        at = len(history)
        while at and history[at - 1].event is Event.EXCEPTION:
            at -= 1
        if at < len(history):
            told = f"raised at step {at}: {frames.place(self.program, history[at])} -> "
            self.say(Text(f"    {told}{printable.short(history[at].source.strip())}", style="dim"))

    def _explain(self, trouble: Trouble | None) -> None:
        if trouble is not None and trouble.text:
            self.say(Text(f"    the model wrote: {printable.short(trouble.text, 200)}", style="dim"))
        if trouble is not None:
            elsewhere = "go on from elsewhere: back, jump LINE, !NAME = EXPR"
            start = "reset draws another start; or give it yourself: --call EXPR, or --set NAME=REPR for each parameter"
            self.say(Text(f"    {elsewhere if self.session.history else start}", style="dim"))

    # -- what commands need -----------------------------------------------------------------------------------

    def activation(self) -> Activation:
        """The activation that `up` and `down` selected."""
        stack = self.session.stack
        if not stack:
            raise UsageError("there is no frame yet", "type step")
        return stack[self.chosen]

    def locals(self) -> dict[str, str]:
        return dict(self.activation().last.locals)

    def selected(self) -> int | None:
        """Depth of the caller that `up` selected; None in the newest frame."""
        stack = self.session.stack
        return None if self.chosen in (-1, len(stack) - 1) else stack[self.chosen].depth

    def newest_only(self, what: str) -> None:
        """Raises UsageError when a caller is selected."""
        if self.selected() is not None:
            raise UsageError(f"cannot {what} in a caller, only in the newest frame", "type: down")

    @property
    def width(self) -> int:
        """Columns for text that is broken into lines."""
        return min(self.console.width, 100)
