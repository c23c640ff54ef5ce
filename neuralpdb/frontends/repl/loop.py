"""The loop around a prompt: finds the command of each line, runs it, shows where it stopped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from neuralpdb.debugger.breakpoints import Breakpoint
from neuralpdb.debugger.saved import Saved
from neuralpdb.debugger.stop import Stop, StopKind
from neuralpdb.errors import ModelError, NeuralPdbError, UsageError
from neuralpdb.frontends.repl import python_input, source_view, stop_view
from neuralpdb.frontends.repl.aliases import split
from neuralpdb.frontends.repl.commands import files  # the package fills the table of commands
from neuralpdb.frontends.repl.prompt import Prompt, Question
from neuralpdb.frontends.repl.rcfile import RcFile
from neuralpdb.frontends.repl.table import EDIT, REFUSED, Quit, find, is_movement
from neuralpdb.program.typed import is_expression

MOST_COMMANDS = 1_000
"""Commands that one line may come to, by aliases and the commands of breakpoints."""
_ASSIGNS = re.compile(r"(?:\*\*|//|>>|<<|[-+*/%&|^@])?=(?!=)")
"""Follows a command's name where the line is an assignment to a variable of that name."""


@dataclass
class Loop:
    """The way from a line to its command, and from a stop to what is shown of it.

    prompt:  handed to every command.
    notices: returns after every line what else the user should know, once.
    repeat:  the line that Enter carries out.
    passed:  frames that went by since a line was typed.
    left:    the user has left.
    """

    prompt: Prompt
    notices: Callable[[], Iterable[str]] = lambda: ()
    repeat: str = ""
    passed: int = 0
    left: bool = False

    def begin(self, saved: Saved | None = None) -> None:
        """Show where the trace starts, or where the `saved` one goes on."""
        prompt = self.prompt
        if saved is not None:
            self._arrive(files.take_up(prompt, saved))
        else:
            if prompt.session.entry.first is None:
                prompt.waiting()
            try:
                stop_view.show(prompt, prompt.session.start())
            except KeyboardInterrupt:
                prompt.interruption("interrupted before the first frame: step asks again")
        if prompt.multiline and prompt.session.frame is not None:
            source_view.around(prompt)
        self._tell_real_run()

    def run(self, lines: Iterable[str]) -> None:
        """Carry out every line, until the lines end or the user leaves."""
        try:
            for line in lines:
                self.execute(line)
        except Quit:
            self.left = True

    def follow(self, file: RcFile) -> None:
        """Carry out the lines of a file; one that is not trusted is restricted."""
        prompt = self.prompt
        if file.trouble:
            prompt.notify(f"note: {file.name} is not read: {file.trouble}")
        prompt.restricted = not file.trusted
        try:
            for number, line in enumerate(file.lines, 1):
                if line.strip() and not self.left:
                    prompt.where = f"{file.name}, line {number}: "
                    self.run([line])
            prompt.abandon(ended=True)
        finally:
            prompt.restricted, prompt.where, self.repeat = False, "", ""

    def execute(self, line: str) -> None:
        """Carry out one line. Raises Quit and ModelError; a user's mistake is one line of output."""
        prompt = self.prompt
        if prompt.question is not None:
            self._attempt(partial(self._answer, prompt.question, line.rstrip()))
            return
        line = line.strip() or self.repeat
        self.repeat, self.passed = "", 0
        if not line:
            return
        prompt.queue.clear()
        prompt.queue.append(partial(self._typed, line))
        for _ in range(MOST_COMMANDS):
            if prompt.queue:
                self._attempt(prompt.queue.popleft())
        if prompt.queue:
            prompt.error(f"stopped after {MOST_COMMANDS:,} commands of one line")
        if self.passed:
            stop_view.show_displays(prompt)
        for notice in self.notices():
            prompt.notify(notice)
        self._tell_real_run()

    def dispatch(self, line: str, *, repeatable: bool = False) -> Stop | None:
        """Carry out one command, and return where it stopped if it moved. Raises NeuralPdbError, Quit.

        repeatable: Enter carries it out again, where it is a command that repeats.
        """
        if line.startswith("#"):
            return None
        if line.startswith("?"):
            line = f"help {line[1:]}"
        if line in ("quit()", "exit()", "help()"):
            line = line.removesuffix("()")
        if line.startswith(EDIT):
            line = f"{EDIT} {line[1:]}"
        word, argument = [*line.split(maxsplit=1), "", ""][:2]
        command = find(word)
        if command is None or _ASSIGNS.match(argument):
            return python_input.carry_out(self.prompt, line)
        name = command.names[0]
        if argument and not command.takes_argument:
            hint = f"to print an expression: p {line}" if is_expression(line) else f"see: help {name}"
            raise UsageError(f"{name} takes no argument", hint)
        if self.prompt.restricted and not command.allowed_in_project_rc:
            raise UsageError(f"{name}: {REFUSED}")
        if command.group in ("move", "look ahead"):
            self.prompt.waiting()
        stop = command.run(self.prompt, argument)
        if repeatable and command.repeats:
            self.repeat = name if command.group == "view" else line
        return stop

    # -- one line ---------------------------------------------------------------------------------------------

    def _attempt(self, act: Callable[[], Stop | None]) -> None:
        """Do something and show where it stopped; a user's mistake and Ctrl-C are one line of output."""
        try:
            if (stop := act()) is not None:
                self._arrive(stop)
        except ModelError:
            raise
        except NeuralPdbError as error:
            self.prompt.error(str(error))
        except KeyboardInterrupt:
            self.prompt.queue.clear()
            self.prompt.interruption("interrupted")

    def _typed(self, line: str) -> Stop | None:
        """Carry out what the user typed: one command, or several with `;;` between them."""
        line, later = split(self.prompt.aliases.expanded(line))
        if later:
            self.prompt.queue.appendleft(partial(self._typed, later))
        self.repeat = ""
        if self.prompt.question is not None:
            self._answer(self.prompt.question, line)
        elif python_input.is_open_line(line):
            self._read_on(line)
        else:
            return self.dispatch(line, repeatable=True)
        return None

    def _of_breakpoint(self, line: str) -> Stop | None:
        """Carry out a command of a breakpoint; Enter does not repeat it."""
        line, later = split(self.prompt.aliases.expanded(line))
        if later:
            self.prompt.queue.appendleft(partial(self._of_breakpoint, later))
        return self.dispatch(line)

    def _answer(self, question: Question, line: str) -> None:
        if question.take(line):
            self.prompt.question = None

    def _read_on(self, line: str) -> None:
        """Ask for further lines until the brackets and blocks of `line` have an end, then carry it out."""

        def take(further: str) -> bool:
            nonlocal line
            line = f"{line}\n{further}"
            if further and python_input.is_open_line(line):
                return False
            self.prompt.question = None
            if (stop := self.dispatch(line)) is not None:
                self._arrive(stop)
            return True

        self.prompt.ask("...   ", take, "not evaluated: it has no end", is_code=True)

    # -- at a stop --------------------------------------------------------------------------------------------

    def _arrive(self, stop: Stop) -> None:
        """Show a stop, or queue the commands of its breakpoint; the newest call is selected again."""
        prompt = self.prompt
        prompt.selected, prompt.listed = -1, 0
        self.passed += stop.steps + 1
        if prompt.last_shown is not None:
            stop = replace(stop, before=prompt.last_shown)
        prompt.last_shown = stop.before
        point = stop.point if stop.kind is StopKind.BREAKPOINT else None
        if point is None or not (point.commands or point.silent):
            stop_view.show(prompt, stop)
        elif self.passed > prompt.session.max_frames:
            stop_view.show(prompt, stop)
            prompt.notify("its commands are not carried out: the limit of one command is reached")
        else:
            prompt.queue.extendleft(reversed(self._commands(point, stop)))

    def _commands(self, point: Breakpoint, stop: Stop) -> list[Callable[[], Stop | None]]:
        """Return what to do at a breakpoint, as in pdb: its commands, show the stop, the command that moves."""
        lines = [partial(self._of_breakpoint, line) for line in point.commands]
        last = len(lines) - (bool(lines) and is_movement(point.commands[-1]))
        view = [] if point.silent else [partial(stop_view.show, self.prompt, stop)]
        return [*lines[:last], *view, *lines[last:]]

    def _tell_real_run(self) -> None:
        """Print what is new of the real run."""
        for news in self.prompt.beside.news() if self.prompt.beside is not None else ():
            self.prompt.notify(news)
