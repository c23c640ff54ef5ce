"""The prompt: reads commands, moves the session, prints what happened. One method a command, one table of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from neuralpdb import contrast, render, trust
from neuralpdb.beside import Beside
from neuralpdb.commands import EDIT, GROUPS, Command, command, commands, find
from neuralpdb.errors import ModelError, NeuralPdbError, UsageError
from neuralpdb.evaluate import evaluate
from neuralpdb.frames import Event, Trouble
from neuralpdb.program import Program
from neuralpdb.session import Session, Stop, StopKind, interrupted
from neuralpdb.stack import Activation

PROMPT = "(neuralpdb) "
LIST_LINES = 11


class Quit(Exception):
    """The user leaves."""


@dataclass
class Repl:
    """Commands in, text out.

    blocks: show stops as pdb does, over several lines; False: one line a stop, for pipes.
    waiting: called before a prediction, to say what is being waited for; waited: before anything is printed.
    notices: asked after every command for what else the user should know, once.
    beside: the real run to compare with; no_truth: why there is none.
    interrupted: whether Ctrl-C stopped anything so far.
    """

    session: Session
    console: Console
    blocks: bool = False
    waiting: Callable[[], None] = lambda: None
    waited: Callable[[], None] = lambda: None
    notices: Callable[[], Iterable[str]] = lambda: ()
    beside: Beside | None = None
    no_truth: str = ""
    chosen: int = -1
    listed: int = 0
    repeat: str = ""
    left: bool = False
    interrupted: bool = False

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
            self._dispatch("list")
            self.listed, self.repeat = 0, ""
        self._note()

    def run(self, lines: Iterable[str]) -> None:
        """Carry out every line; ends with the lines or with `quit`."""
        try:
            for line in lines:
                self.execute(line)
        except Quit:
            self.left = True

    def execute(self, line: str) -> None:
        """Carry out one line. Raises Quit and ModelError; a user's mistake is one line of output."""
        line = line.strip()
        if not line:
            line = self.repeat
        self.repeat = ""
        if not line:
            return
        try:
            self._dispatch(line)
        except ModelError:
            raise
        except NeuralPdbError as error:
            self.error(str(error))
        except KeyboardInterrupt:
            self.interruption("interrupted")
        for notice in self.notices():
            self.say(Text(render.inert(notice), style="yellow"))
        self._note()

    def _dispatch(self, line: str) -> None:
        if line.startswith("#"):
            return
        if line.startswith("?"):
            line = f"help {line[1:]}"
        if line.startswith(EDIT):
            line = f"{EDIT} {line[1:]}"
        word, rest = [*line.split(maxsplit=1), ""][:2]
        found = find(word)
        if found is None or _ASSIGNS.match(rest):
            self._expression(line)
            return
        if rest and not found.takes:
            raise UsageError(f"{found.names[0]} takes no argument", f"to print an expression: p {line}")
        self.waiting_for(found)
        found.run(self, rest)
        if found.repeats:
            self.repeat = found.names[0] if found.group == "view" else line

    def _expression(self, text: str) -> None:
        """An assignment edits the state; anything else is evaluated and printed, as pdb does."""
        if text and _is_statement(text):
            self._newest_only("edit")
            self.moved(self.session.edit(text))
        elif text:
            if not _is_expression(text) or (text.isidentifier() and text not in self.locals()):
                raise UsageError(f"unknown command {text.split()[0]!r}", "see: help")
            self.say(Text(render.inert(evaluate(text, self.locals()))))

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
            self.say(Text(render.inert(news), style="yellow"))

    def error(self, message: str) -> None:
        self.say(Text(f"*** {render.inert(message)}", style="red"))

    def show(self, stop: Stop) -> None:
        """Print a stop."""
        verdict, stack = trust.verdict(self, stop), self.session.stack
        if self.blocks:
            self.say(render.stop_block(self.program, stop, stack, verdict, trust.wrong(self)))
        else:
            self.say(render.stop_line(self.program, stop, stack, verdict))
        self.interrupted |= stop.kind is StopKind.INTERRUPTED
        if stop.kind is StopKind.TROUBLE:
            self._explain(stop.trouble)

    def moved(self, stop: Stop) -> None:
        """Print a stop, and look at its own activation again."""
        self.chosen = -1
        self.listed = 0
        self.show(stop)

    def interruption(self, message: str) -> None:
        """Ctrl-C was heard, and nothing is lost."""
        self.interrupted = True
        self.say(Text(message, style="yellow"))

    def _explain(self, trouble: Trouble | None) -> None:
        if trouble is not None and trouble.text:
            self.say(Text(f"    the model wrote: {render.short(trouble.text, 200)}", style="dim"))
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

    def count(self, text: str, what: str) -> int:
        """A number of steps, 1 when `text` is empty. Raises UsageError."""
        number = _number(text) if text else 1
        if not number:
            raise UsageError(f"{what} {text}: not a number of steps", f"for example {what} 3")
        return number

    def _line(self, text: str, what: str) -> int:
        number = _number(self._wanted(text, what).removeprefix(f"{self.program.name}:"))
        if number is None or not 1 <= number <= len(self.program.lines):
            raise UsageError(f"{what} {text}: not a line from 1 to {len(self.program.lines)}", "see: list")
        return number

    # -- move -------------------------------------------------------------------------------------------------

    @command("step", "s", group="move", usage="[COUNT]", repeats=True)
    def do_step(self, rest: str) -> None:
        """Predict the next event: a line, a call, a return or an exception."""
        self.moved(self.session.step(self.count(rest, "step")))

    @command("next", "n", group="move", usage="[COUNT]", repeats=True)
    def do_next(self, rest: str) -> None:
        """Go on to the next line of this function; calls are predicted frame by frame and passed over."""
        self.moved(self.session.next(self.count(rest, "next"), depth=self._selected()))

    @command("until", "unt", group="move", usage="[LINE]", repeats=True)
    def do_until(self, rest: str) -> None:
        """Go on to a line beyond this one, or not before LINE, or out of the function."""
        self.moved(self.session.until(self._line(rest, "until") if rest else None, depth=self._selected()))

    @command("return", "r", group="move", repeats=True)
    def do_return(self, rest: str) -> None:
        """Go on until this function returns."""
        self.moved(self.session.finish(depth=self._selected()))

    @command("continue", "c", "cont", group="move", repeats=True)
    def do_continue(self, rest: str) -> None:
        """Go on to a breakpoint or to the end of the trace."""
        self.moved(self.session.proceed())

    # -- look ahead -------------------------------------------------------------------------------------------

    @command("predict", group="look ahead", usage="[COUNT | :LINE]")
    def do_predict(self, rest: str) -> None:
        """Show the model's next frames as a proposal; nothing moves until `accept`.
        predict 5 shows five frames, predict :12 goes as far as line 12.
        """
        line = self._line(rest[1:].strip(), "predict") if rest.startswith(":") else None
        count = 1 if line is not None else self.count(rest, "predict")
        first, stack = self.session.index + 1, self.session.stack
        try:
            frames, end = self.session.predict(count, line)
        except KeyboardInterrupt:
            frames, end = [node.frame for node in self.session.proposal], None
            self.interruption(interrupted(len(frames)))
        for text in trust.judged(self, render.proposal(self.program, frames, first, stack), frames):
            self.say(text)
        if end is not None:
            self.show(
                Stop(StopKind.TROUBLE if isinstance(end, Trouble) else StopKind.ENDED, None, message=_reason(end))
            )

    @command("accept", group="look ahead")
    def do_accept(self, rest: str) -> None:
        """Go to the end of the proposal that `predict` made."""
        self.moved(self.session.accept())

    # -- jump -------------------------------------------------------------------------------------------------

    @command("jump", "j", group="jump", usage="LINE")
    def do_jump(self, rest: str) -> None:
        """Make LINE of this function the next to run and keep the locals; the prediction goes on from there."""
        self._newest_only("jump")
        self.moved(self.session.jump(self._line(rest, "jump")))

    # -- time -------------------------------------------------------------------------------------------------

    @command("back", group="time", usage="[COUNT]", repeats=True)
    def do_back(self, rest: str) -> None:
        """Undo the last step, jump or edit."""
        self.moved(self.session.back(self.count(rest, "back")))

    @command("go", group="time", usage="[STEP | diverge]")
    def do_go(self, rest: str) -> None:
        """Go to step STEP of the trace, 0 being its start; what was undone by `back` is still known.
        Alone or with `diverge`: to the first prediction that the real run contradicts, predicting as far as needed.
        """
        if rest in ("", trust.DIVERGE):
            trust.diverge(self)
            return
        number = _number(rest)
        if number is None:
            raise UsageError(f"go {rest}: not a step number", f"the trace is known from 0 to {self.session.known}")
        self.moved(self.session.go(number))

    @command("reset", group="time")
    def do_reset(self, rest: str) -> None:
        """Go back to the start and forget all predictions; a start that the model invented is drawn again."""
        if self.session.entry.first is None:
            self.waiting()
        self.moved(self.session.reset())

    # -- state ------------------------------------------------------------------------------------------------

    @command("p", group="state", usage="EXPR")
    def do_p(self, rest: str) -> None:
        """Print the value of an expression over the predicted values; nothing of the program runs."""
        self.say(Text(render.inert(evaluate(self._wanted(rest, "p"), self.locals()))))

    @command("pp", group="state", usage="EXPR")
    def do_pp(self, rest: str) -> None:
        """Print the value of an expression, laid out over several lines."""
        value = evaluate(self._wanted(rest, "pp"), self.locals())
        self.say(Text(render.pretty(value, self._width)))

    @command("vars", group="state")
    def do_vars(self, rest: str) -> None:
        """Print all locals of this function."""
        state = self.locals()
        wrong = trust.wrong(self) if self._selected() is None else {}
        if not state and not wrong:
            self.say(Text("no locals", style="dim"))
        for text in contrast.variables(state, wrong):
            self.say(text)

    @command("args", "a", group="state")
    def do_args(self, rest: str) -> None:
        """Print the arguments of this function."""
        at = self.activation()
        code = self.program.code_at(at.function, at.line, at.entered)
        names = code.parameters if code is not None else ()
        state = {name: value for name, value in at.last.locals.items() if name in names}
        if not state:
            self.say(Text("no arguments", style="dim"))
        for text in render.variables(state):
            self.say(text)

    @command("retval", "rv", group="state")
    def do_retval(self, rest: str) -> None:
        """Print the value that was returned last."""
        returned = next((f for f in reversed(self.session.history) if f.event is Event.RETURN), None)
        if returned is None or returned.value is None:
            raise UsageError("nothing has returned yet")
        self.say(Text(render.inert(returned.value)))

    @command(EDIT, group="state", usage="NAME = EXPR")
    def do_edit(self, rest: str) -> None:
        """Change a predicted value; later frames are predicted anew.
        Also NAME += EXPR, NAME[KEY] = EXPR and del NAME. An expression that is no assignment is printed.
        """
        self._expression(self._wanted(rest, EDIT))

    # -- break ------------------------------------------------------------------------------------------------

    @command("break", "b", group="break", usage="[LINE | FUNCTION]")
    def do_break(self, rest: str) -> None:
        """Stop whenever LINE, or the first line of FUNCTION, is about to run; alone, list the breakpoints."""
        if rest:
            codes = [code for code in self.program.codes if rest in (code.name, code.qualname) and not code.is_module]
            line = min(codes[0].starts, default=codes[0].first_line) if codes else self._line(rest, "break")
            point = self.session.set_break(line)
            self.say(Text(f"Breakpoint {point.number} at {render.inert(self.program.name)}:{point.line}"))
            return
        if not self.session.breakpoints:
            self.say(Text("no breakpoints", style="dim"))
        for point in self.session.breakpoints.values():
            hits = f", hit {point.hits} time{'s' * (point.hits != 1)}" if point.hits else ""
            self.say(Text(f"{point.number}  {render.inert(self.program.name)}:{point.line}{hits}"))

    @command("clear", "cl", group="break", usage="NUMBER")
    def do_clear(self, rest: str) -> None:
        """Remove the breakpoint of that number."""
        number = _number(self._wanted(rest, "clear"))
        if number is None:
            raise UsageError(f"clear {rest}: not the number of a breakpoint", "see: break")
        point = self.session.clear_break(number)
        self.say(Text(f"Deleted breakpoint {point.number} at {render.inert(self.program.name)}:{point.line}"))

    # -- view -------------------------------------------------------------------------------------------------

    @command("list", "l", group="view", usage="[LINE[,LAST] | .]", repeats=True)
    def do_list(self, rest: str) -> None:
        """List source around the present line, then on from there; `list .` starts over.
        list 5 lists from line 5 on, list 5,9 as far as line 9, list 5,3 three lines more.
        """
        current = self.activation().line if self.session.stack else 1
        if rest and rest != ".":
            start, _, end = rest.partition(",")
            first = self._line(start.strip(), "list")
            last = _number(end.strip()) or first + LIST_LINES - 1
            last = first + last if last < first else last  # then it is a count, as in pdb
        elif self.listed and rest != ".":
            first, last = self.listed + 1, self.listed + LIST_LINES
        else:
            first = max((current or 1) - LIST_LINES // 2, 1)
            last = first + LIST_LINES - 1
        if first > len(self.program.lines):
            self.say(Text("[EOF]", style="dim"))
            return
        self._list(first, last)
        self.listed = last

    @command("longlist", "ll", group="view")
    def do_longlist(self, rest: str) -> None:
        """List the whole function."""
        at = self.activation()
        code = self.program.code_at(at.function, at.line, at.entered)
        if code is None or code.is_module:
            self._list(1, len(self.program.lines))
        else:
            self._list(code.first_line, max(code.lines))

    @command("where", "w", "bt", group="view")
    def do_where(self, rest: str) -> None:
        """Show the call stack, the newest call last."""
        stack, chosen = self.session.stack, self.activation()
        for text in render.backtrace(self.program, stack, [each.depth for each in stack].index(chosen.depth)):
            self.say(text)
        total, at = self.session.known, self.session.index
        self.say(Text(f"step {at} of {total} known" + ("" if self.session.ended is None else ", the end"), style="dim"))
        if progress := trust.progress(self):
            self.say(Text(progress, style="dim"))

    @command("up", "u", group="view", usage="[COUNT]")
    def do_up(self, rest: str) -> None:
        """Look at the caller."""
        self._select(-self.count(rest, "up"))

    @command("down", "d", group="view", usage="[COUNT]")
    def do_down(self, rest: str) -> None:
        """Look at the function that was called."""
        self._select(self.count(rest, "down"))

    # -- session ----------------------------------------------------------------------------------------------

    @command("help", "h", group="session", usage="[COMMAND]")
    def do_help(self, rest: str) -> None:
        """Show all commands, or one in full."""
        if rest:
            found = find(EDIT if rest.startswith(EDIT) else rest)
            if found is None:
                raise UsageError(f"no command {rest!r}", "see: help")
            also = f"  (also: {', '.join(found.names[1:])})" if found.names[1:] else ""
            self.say(Text(found.usage, style="bold").append(also, style="not bold dim"))
            for line in found.text.splitlines():
                self.say(render.paragraph(line, self._width))
            return
        for group in GROUPS:
            rows = [each for each in commands() if each.group == group]
            self.say(Text(group, style="bold cyan"))
            for each in rows:
                also = f" ({', '.join(each.names[1:])})" if each.names[1:] else ""
                self.say(render.entry(each.usage + also, each.summary, self._width))
        for note in HELP_NOTES:
            self.say(render.paragraph(note, self._width))

    @command("quit", "q", "exit", group="session")
    def do_quit(self, rest: str) -> None:
        """Leave."""
        raise Quit

    # -- small parts ------------------------------------------------------------------------------------------

    @property
    def _width(self) -> int:
        return min(self.console.width, 100)

    def _selected(self) -> int | None:
        """Depth of the caller that `up` selected; None in the newest frame."""
        stack = self.session.stack
        return None if self.chosen in (-1, len(stack) - 1) else stack[self.chosen].depth

    def _newest_only(self, what: str) -> None:
        if self._selected() is not None:
            raise UsageError(f"cannot {what} in a caller, only in the newest frame", "type: down")

    def _wanted(self, rest: str, what: str) -> str:
        if not rest:
            raise UsageError(f"{what} what?", f"see: help {what}")
        return rest

    def _list(self, first: int, last: int) -> None:
        current = self.activation().line if self.session.stack else None
        points = [point.line for point in self.session.breakpoints.values()]
        for text in render.listing(self.program, first, last, current, points):
            self.say(text)

    def _select(self, by: int) -> None:
        stack = self.session.stack
        at = self.chosen % len(stack) if stack else 0
        to = min(max(at + by, 0), len(stack) - 1)
        if to in (at, -1):
            raise UsageError("oldest frame" if by < 0 else "newest frame")
        self.chosen = to
        self.listed = 0
        for text in render.backtrace(self.program, stack[self.chosen : self.chosen + 1], 0):
            self.say(text)


HELP_NOTES = (
    "Enter repeats a movement; Ctrl-C stops a prediction; Ctrl-D leaves. Any other input is evaluated over the "
    "predicted values; `p c` prints a variable whose name is a command, `c = 5` changes it.",
    "Every frame is a prediction of a model: nothing of the program is run, unless --compare --interactive asks for "
    "it. A history that outgrows the model's context is re-started from the full state of the active calls; a source "
    "that outgrows it is shown to the model as an excerpt. Both are said when they happen.",
)

_ASSIGNS = re.compile(r"(?:\*\*|//|>>|<<|[-+*/%&|^@])?=(?!=)")
"""What follows a command's name when the line is an assignment to a variable of that name."""


def _reason(end: object) -> str:
    return getattr(end, "reason", "") or getattr(end, "message", "")


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _is_statement(text: str) -> bool:
    nodes = _parsed(text)
    return bool(nodes) and not isinstance(nodes[0], ast.Expr)


def _is_expression(text: str) -> bool:
    nodes = _parsed(text)
    return bool(nodes) and isinstance(nodes[0], ast.Expr)


def _parsed(text: str) -> list[ast.stmt]:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
