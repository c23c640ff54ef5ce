"""Frames, stops and listings as styled text; whatever the program or the model wrote is inert."""

from __future__ import annotations

import pprint
import re
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from rich.text import Text

from neuralpdb.debugger.stop import Stop, StopKind, changes_at
from neuralpdb.frontends.text.marks import NO_REMARKS, Remarks, nothing
from neuralpdb.output.highlight import source
from neuralpdb.output.printable import inert, short
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import LINE, VALUE, Event, Frame, Origin
from neuralpdb.trace.stack import Activation, Stack, advance
from neuralpdb.trace.values import EvaluationError, literal


def place(program: Program, frame: Frame, *, named: bool = True) -> str:
    """Return `file(line)function()` as pdb writes it; `<call>` is the file of a line that was added to enter a call.

    named: with the file's name.
    """
    added = frame.line is not None and frame.line > program.own
    name = "<call>" if added else program.name if named else ""
    line = frame.line if frame.line is not None else "?"
    return f"{inert(name)}({line}){inert(frame.function)}()"


def place_and_event(program: Program, frame: Frame) -> str:
    """Return `(line)function() event`, without the file; the event of a line is not named."""
    event = "" if frame.event is Event.LINE else f" {frame.event.value}"
    return place(program, frame, named=False) + event


Doubts = Mapping[str, float]
"""part of a frame (a local, `VALUE`, `LINE`) -> its probability, for parts that the model was unsure of."""
NO_DOUBTS: Doubts = {}
DOUBTED = "dim yellow"


def doubt(doubts: Doubts, part: str) -> str:
    """Return `  ? 45 %` for a part in doubt, or nothing."""
    return f"  ? {doubts[part]:.0%}".replace("%", " %") if part in doubts else ""


_HEAD = 27
"""Columns for a command and its arguments: most fit, and a summary has room beside them."""
_BESIDE = 72
"""Columns from which on a summary stands beside its command."""
_MARKS = {Origin.EDITED: "[edited]", Origin.GUESSED: "[guess]"}
_BANNERS = {Event.CALL: "--Call--", Event.RETURN: "--Return--", Event.EXCEPTION: "--Exception--"}


def stop_block(
    program: Program,
    stop: Stop,
    stack: Stack,
    verdict: Text | None = None,
    wrong: Collection[str] = (),
    doubts: Doubts = NO_DOUBTS,
    remarks: Remarks = NO_REMARKS,
) -> Text:
    """Return a stop over several lines, as pdb prints one (`> file(line)function()`, `-> source`), then what changed.

    verdict: what became of the prediction, the last line.
    wrong:   locals that are marked with `!`.
    doubts:  parts that are marked with `?`.
    remarks: what stands beside the values.
    """
    frame = stop.frame
    text = Text()
    if stop.message:
        text.append(f"{_headline(stop)}\n", style="bold yellow" if stop.kind is not StopKind.TROUBLE else "bold red")
    if frame is None or stop.kind in (StopKind.ENDED, StopKind.TROUBLE):
        text.rstrip()
        return text if verdict is None else text.append("\n ").append_text(verdict)
    banner = _BANNERS.get(frame.event)
    if banner:
        text.append(banner + "\n", style="magenta")
    text.append("> ", style="bold green")
    text.append(place(program, frame), style="cyan")
    if frame.value is not None:
        text.append("->", style="dim")
        text.append(short(frame.value), style="bold").append_text(remarks.brief(VALUE))
        text.append(doubt(doubts, VALUE), style=DOUBTED)
    if frame.origin in _MARKS:
        text.append(f"  {_MARKS[frame.origin]}", style="yellow")
    text.append("\n-> ", style="bold green")
    text.append_text(source(frame.source.strip())).append_text(remarks.line())
    text.append(doubt(doubts, LINE), style=DOUBTED)
    for name, (old, new) in changes_at(stop, stack).items():
        sign = "!" if name in wrong else "?" if name in doubts and new is not None else " "
        text.append(f"\n {sign} ", style="bold red" if sign == "!" else DOUBTED)
        text.append_text(_change(name, old, new)).append_text(remarks.brief(name) if new is not None else Text())
        text.append(doubt(doubts, name) if sign == "?" else "", style=DOUBTED)
    return text if verdict is None else text.append("\n ").append_text(verdict)


def frame_line(
    program: Program,
    frame: Frame,
    *,
    named: bool = True,
    doubts: Doubts = NO_DOUBTS,
    remarks: Remarks = NO_REMARKS,
) -> Text:
    """Return a frame in one line: place (`named`: with the file), value, event, source."""
    text = Text(f"> {place(program, frame)}" if named else place(program, frame, named=False))
    if frame.value is not None:
        text.append(f"->{short(frame.value)}").append_text(remarks.brief(VALUE)).append(doubt(doubts, VALUE))
    banner = _BANNERS.get(frame.event)
    text.append(f" {banner}" if banner else "")
    text.append(f" {_MARKS[frame.origin]}" if frame.origin in _MARKS else "")
    return text.append(f" -> {inert(frame.source.strip())}").append_text(remarks.line()).append(doubt(doubts, LINE))


def stop_line(
    program: Program,
    stop: Stop,
    stack: Stack,
    verdict: Text | None = None,
    *,
    named: bool = True,
    doubts: Doubts = NO_DOUBTS,
    remarks: Remarks = NO_REMARKS,
) -> Text:
    """Return a stop in one line, for pipes: place (`named`: with the file), source, what changed, the verdict."""
    frame = stop.frame
    if frame is None or stop.kind in (StopKind.ENDED, StopKind.TROUBLE):
        text = Text(_headline(stop))
    else:
        text = frame_line(program, frame, named=named, doubts=doubts, remarks=remarks)
        for i, (name, (old, new)) in enumerate(changes_at(stop, stack).items()):
            text.append(", " if i else "  # ").append(_change(name, old, new).plain)
            if new is not None:
                text.append_text(remarks.brief(name)).append(doubt(doubts, name))
        text.append(f"  ({_headline(stop)})" if stop.message else "")
    return text if verdict is None else text.append("  ").append_text(verdict)


def _headline(stop: Stop) -> str:
    if stop.kind is StopKind.ENDED:
        return f"--End-- {inert(stop.message)}"
    if stop.kind is StopKind.TROUBLE:
        return f"*** no prediction: {inert(stop.message)}"
    return inert(stop.message)


def _change(name: str, old: str | None, new: str | None) -> Text:
    text = Text(inert(name), style="bold")
    if new is None:
        return text.append(" deleted", style="not bold red")
    if old is not None:
        text.append(f": {short(old, 40)} -> ", style="not bold dim")
    else:
        text.append(" = ", style="not bold dim")
    return text.append(short(new), style="not bold yellow")


def proposal(
    program: Program,
    frames: Sequence[Frame],
    first: int,
    stack: Stack,
    doubts: Callable[[Frame], Doubts] = lambda frame: NO_DOUBTS,
    remarks: Callable[[Frame], Remarks] = nothing,
) -> list[Text]:
    """Return the model's next frames, one line each, numbered from `first`; `stack` is the stack before them."""
    lines = []
    for i, frame in enumerate(frames, first):
        stop = Stop(StopKind.STEP, frame, stack)
        stack = advance(stack, frame)
        line = stop_line(program, stop, stack, named=False, doubts=doubts(frame), remarks=remarks(frame))
        lines.append(Text(f"  {i:>4} ", style="dim").append_text(line))
    return lines


def listing(program: Program, first: int, last: int, current: int | None, breaks: Iterable[int]) -> list[Text]:
    """Return source lines as pdb lists them: number, `B` for a breakpoint, `->` for the present line."""
    stops = set(breaks)
    lines = []
    for number in range(max(first, 1), min(last, len(program.lines)) + 1):
        marks = ("B" if number in stops else " ") + ("->" if number == current else "  ")
        text = Text(f"{number:>3} {marks} ", style="bold green" if number == current else "dim")
        text.append_text(source(program.line(number)))
        text.rstrip()
        lines.append(text)
    return lines


def backtrace(
    program: Program, stack: Stack, selected: int, remarks: Callable[[Activation], Remarks] = nothing
) -> list[Text]:
    """Return the active calls, outermost first, two lines each; `selected` is the index of the one to mark."""
    lines = []
    for i, activation in enumerate(stack):
        mark = "> " if i == selected else "  "
        lines.append(Text(mark, style="bold green").append(place(program, activation.last), style="cyan"))
        if activation.leaving is not None:
            lines[-1].append(f"->{short(activation.leaving.value or '')}", style="dim")
            lines[-1].append_text(remarks(activation).brief(VALUE))
        line = Text("-> ", style="dim").append_text(source(activation.last.source.strip()))
        lines.append(line.append_text(remarks(activation).line()))
    return lines


def variables(state: Mapping[str, str], remarks: Remarks = NO_REMARKS) -> list[Text]:
    """Return `name = value`, one line each, values whole, and how they are known."""
    return [
        Text(inert(name), style="bold")
        .append(" = ", style="not bold dim")
        .append(inert(value), style="not bold yellow")
        .append_text(remarks.full(name))
        for name, value in state.items()
    ]


def pretty(value: str, width: int) -> str:
    """Return a repr text laid out over several lines where that helps; unchanged when it is not a literal."""
    try:
        laid_out = pprint.pformat(literal(value), width=width, compact=True, sort_dicts=False)
    except EvaluationError:
        return inert(value)
    return "\n".join(inert(line) for line in re.split(r"\n", laid_out))


def entry(head: str, body: str, width: int) -> Text:
    """Return a row of help: `head`, and `body` beside it, or below it where `head` is long or `width` is small."""
    beside = len(head) <= _HEAD and width >= _BESIDE
    indent = " " * (_HEAD + 3 if beside else 4)
    start = f"  {head:<{_HEAD}} " if beside else f"  {head}\n{indent}"
    return Text(start).append(f"\n{indent}".join(_wrapped(body, width - len(indent))), style="dim")


def paragraph(text: str, width: int) -> Text:
    """Return `text` broken at spaces into lines of at most `width`."""
    return Text("\n".join(_wrapped(text, width)), style="dim")


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 1), break_on_hyphens=False)
