"""Documents: where a trace is entered, which frames of it are shown, where a document starts and ends.

A document is a source text, frames that are given and frames to predict. The trace format is the codec's, restarts
are those of the debugger's prompt (`window.spine`); nothing here knows token ids.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.predict import codec
from neuralpdb.predict.window import spine
from neuralpdb.program.entry import WRAPPER_NAMES
from neuralpdb.realrun.recorder import record
from neuralpdb.realrun.snapshot import Limits
from neuralpdb.trace.frames import Ended, Event, Frame, Trouble, TroubleKind
from neuralpdb.trace.stack import Stack, advance, stack_of

LONGEST_VALUE = 400
"""Characters of a repr; a trace is cut before the first longer one."""

LIMITS = Limits(frames=700, value_chars=LONGEST_VALUE + 1, total_chars=300_000)
"""Most of a recording: more than any sequence holds. A longer trace is cut."""

TIME_LIMIT = "time limit"
"""Text of an `Interrupt` after which the recording is dropped: its length depends on the machine."""

NAME = "<program>"


@dataclass(frozen=True)
class Shares:
    """The mix of documents; each attribute is a probability.

    wrapper:      entered through `main()`.
    function:     entered at the function itself. The remaining documents are scripts.
    middle:       starts at a frame inside the trace.
    spine:        a document that starts in the middle shows the callers too.
    stepped_over: the inside of calls is not shown.
    goes_on:      a trace that did not fit goes on in another document.
    """

    wrapper: float = 0.5
    function: float = 0.25
    middle: float = 0.35
    spine: float = 0.45
    stepped_over: float = 0.25
    goes_on: float = 0.7


@dataclass(frozen=True)
class Run:
    """A recorded program.

    lines:    the source as the model reads it (`codec.context`).
    marked:   1-based line of the entry; None where it is not marked.
    frames:   the trace from the entry on.
    complete: the last frame is the end of the program, not a limit.
    """

    lines: tuple[str, ...]
    marked: int | None
    frames: tuple[Frame, ...]
    complete: bool


@dataclass(frozen=True)
class Document:
    """One training text.

    context:    source text with its marker.
    given:      frames without loss.
    to_predict: frames with loss.
    complete:   the outermost given activation is left by the last frame, so the text ends with END.
    """

    context: str
    given: tuple[Frame, ...]
    to_predict: tuple[Frame, ...]
    complete: bool

    def pieces(self) -> Iterator[tuple[Markup, bool]]:
        """Yield marked-up text in order, and whether it carries loss: opening, each frame, END if complete."""
        yield codec.opening(self.context), False
        for i, markup in enumerate(codec.render_all((*self.given, *self.to_predict))):
            yield markup, i >= len(self.given)
        if self.complete:
            yield (Token.END,), True


def run(source: str, calls: Sequence[str], rng: random.Random, shares: Shares) -> Run | None:
    """Record `source` entered in one of the three ways, for one of `calls`; None when nothing useful happens.

    Without calls the source is a script as it is.
    """
    call, draw = rng.choice([*calls] or [""]), rng.random()
    try:
        if not call:
            recording = script(source)
        elif draw < shares.wrapper + shares.function:
            recording = called(source, call)
            if recording is not None and draw >= shares.wrapper:
                recording = _inside(recording, rng)
        else:
            recording = script(source.rstrip() + "\n\n" + _statements(calls, call, rng))
    except (SyntaxError, ValueError, StopIteration):
        return None
    return _shortened(recording) if recording is not None else None


def _recorded(lines: Sequence[str], marked: int, function: str | None, limits: Limits) -> Run | None:
    text = "\n".join(lines) + "\n"
    trace = record(text, filename=NAME, entry_function=function, entry_line=marked, limits=limits)
    if isinstance(trace.end, Trouble) and (
        trace.end.kind is not TroubleKind.TRUNCATED or trace.end.message == TIME_LIMIT
    ):
        return None
    return Run(tuple(lines), marked, trace.frames, isinstance(trace.end, Ended))


def called(source: str, call: str, limits: Limits = LIMITS) -> Run | None:
    """Record `call` through a wrapper function below `source`, as the debugger's `--call` does.

    This and `script` equal `program.enter`, at a fraction of its cost.
    """
    lines = source.rstrip().split("\n")
    wrapper = next(name for name in WRAPPER_NAMES if not re.search(rf"\b{name}\b", source))
    return _recorded([*lines, f"def {wrapper}():", f"    return {call}"], len(lines) + 1, wrapper, limits)


def _inside(recording: Run, rng: random.Random) -> Run | None:
    """Return the same trace entered at one of the functions that the wrapper calls, the wrapper not shown."""
    starts = [i for i, f in enumerate(recording.frames) if f.event is Event.CALL and f.depth == 1 and f.line]
    if not starts:
        return None
    start = rng.choice(starts)
    frames, closed = _scope(recording.frames[start + 1 :], 1)
    lines = recording.lines[:-2]
    line = recording.frames[start].line or 1
    while line < len(lines) and lines[line - 1].lstrip().startswith("@"):  # the call event is on the decorator
        line += 1
    return Run(lines, line, (recording.frames[start], *frames), closed or recording.complete)


def script(text: str) -> Run | None:
    """Record a script from its first module-level line that does more than define things; None without such a line."""
    body = ast.parse(text).body
    first = next((node for node in body if not isinstance(node, _DEFINITIONS) and not _is_text(node)), None)
    return _recorded(text.rstrip().split("\n"), first.lineno, None, LIMITS) if first is not None else None


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


_RESULTS = ("result", "res", "out", "ans", "value", "r", "x", "answer", "output", "found", "total")
_ARGUMENTS = ("data", "items", "text", "word", "n", "k", "a", "b", "s", "nums", "key", "target", "values", "m")


def _statements(calls: Sequence[str], call: str, rng: random.Random) -> str:
    """Return module-level statements that make the call, in one of the ways that scripts are written."""
    name, draw = rng.choice(_RESULTS), rng.random()
    if draw < 0.3:
        return f"{name} = {call}\nprint({name})\n"
    if draw < 0.45:
        return f"print({call})\n"
    if draw < 0.65:
        return _with_named_arguments(call, name, rng)
    if draw < 0.75 and len(calls) > 1:
        return "".join(f"{name}{i} = {c}\n" for i, c in enumerate(rng.sample(list(calls), 2), 1)) + f"print({name}1)\n"
    if draw < 0.82:
        return f"try:\n    {name} = {call}\nexcept Exception as e:\n    {name} = str(e)\nprint({name})\n"
    return f'if __name__ == "__main__":\n    {name} = {call}\n    print({name})\n'


def _with_named_arguments(call: str, name: str, rng: random.Random) -> str:
    tree = ast.parse(call, mode="eval").body
    plain = isinstance(tree, ast.Call) and tree.args and len(tree.args) <= 6 and not tree.keywords
    if not plain or not isinstance(tree, ast.Call) or any(isinstance(a, ast.Starred) for a in tree.args):
        return f"{name} = {call}\n"
    names = rng.sample([n for n in _ARGUMENTS if n != name], len(tree.args))
    assignments = "".join(f"{n} = {ast.unparse(a)}\n" for n, a in zip(names, tree.args, strict=True))
    return f"{assignments}{name} = {ast.unparse(tree.func)}({', '.join(names)})\nprint({name})\n"


def _shortened(recording: Run) -> Run | None:
    """Return the run up to its first value that is too long; None when next to nothing is left."""
    for i, frame in enumerate(recording.frames):
        values = (*frame.locals.values(), frame.value or "")
        if any(len(value) > LONGEST_VALUE for value in values) or frame.line is None:
            recording = replace(recording, frames=recording.frames[:i], complete=False)
            break
    return recording if len(recording.frames) >= 3 else None


def stepped_over(recording: Run, rng: random.Random) -> Run:
    """Return the run as seen when calls are stepped over: without the inside of calls, or without the calls.

    Hides every call, or the calls of one function.
    """
    names = [f.function for f in recording.frames[1:] if f.event is Event.CALL]
    if not names:
        return recording
    draw = rng.random()
    target = None if draw < 0.4 else rng.choice(names)
    return replace(recording, frames=tuple(_without_calls(recording.frames, target, keep=draw < 0.75)))


def _without_calls(frames: Sequence[Frame], target: str | None, *, keep: bool) -> Iterator[Frame]:
    """Yield the frames outside calls. keep: a call is shown as its call and return frames, otherwise not at all."""
    hidden: int | None = None  # depth of the activation that is not shown
    for i, frame in enumerate(frames):
        if hidden is not None and frame.depth <= hidden and (frame.depth < hidden or frame.event is Event.CALL):
            hidden = None
        if hidden is not None:
            leaves = frame.depth == hidden
            if keep and leaves and frame.event in (Event.RETURN, Event.EXCEPTION):
                yield frame
            if leaves and frame.event is Event.RETURN:
                hidden = None
        elif i and frame.event is Event.CALL and target in (None, frame.function):
            hidden = frame.depth
            if keep:
                yield frame
        else:
            yield frame


Fits = Callable[[Document], int]
"""How many frames of a document's `to_predict` fit into a sequence; negative when not even the given ones fit."""


def documents(recording: Run, rng: random.Random, shares: Shares, fits: Fits) -> Iterator[Document]:
    """Yield the documents of one run: from its entry or a frame in the middle, and on as long as they do not fit."""
    if rng.random() < shares.stepped_over:
        recording = stepped_over(recording, rng)
    frames, start = recording.frames, 0
    if len(frames) > 4 and rng.random() < shares.middle:
        start = rng.randrange(1, len(frames) - 2)
    context = codec.context(recording.lines, recording.marked)
    stack = stack_of(frames[: start + 1])
    while start < len(frames) - 1:
        document = _from(recording, context, start, stack, rng, shares)
        if document is None:  # no document starts here: the activation is being left
            start += 1
            stack = advance(stack, frames[start])
            continue
        count = fits(document)
        if count < 1:
            return
        whole = count >= len(document.to_predict)
        yield document if whole else replace(document, to_predict=document.to_predict[:count], complete=False)
        if whole or rng.random() >= shares.goes_on:
            return
        for frame in frames[start + 1 : start + count + 1]:
            stack = advance(stack, frame)
        start += count


def _from(
    recording: Run, context: str, start: int, stack: Stack, rng: random.Random, shares: Shares
) -> Document | None:
    """Return the document that starts at frame `start`, which `stack` ends with; None when that frame leaves it all."""
    top = stack[-1]
    visible = stack
    if start and rng.random() >= shares.spine:
        if top.leaving or top.raising:
            return None
        visible = stack[-1:]
        context = _context_of(recording, top.entry, rng)
    elif start and rng.random() < 0.25:
        visible = stack[rng.randrange(len(stack)) :]
    if visible[0].leaving is not None and len(visible) == 1:
        return None
    given_frames = spine(visible) if start else (recording.frames[0],)
    frames, closed = _scope(recording.frames[start + 1 :], visible[0].depth)
    complete = closed or recording.complete
    return Document(context, given_frames, frames, complete) if frames else None


def _context_of(recording: Run, entry: Frame | None, rng: random.Random) -> str:
    """Return the context for a start inside one function: its `def` line is marked, or the line marked before."""
    line = entry.line if entry is not None and rng.random() < 0.6 else recording.marked
    return codec.context(recording.lines, line)


def _scope(frames: Sequence[Frame], depth: int) -> tuple[tuple[Frame, ...], bool]:
    """Return the frames until the activation at `depth` is left, and whether it is left."""
    kept: list[Frame] = []
    for frame in frames:
        if frame.depth < depth or (frame.depth == depth and frame.event is Event.CALL):
            return tuple(kept), True
        kept.append(frame)
        if frame.depth == depth and frame.event is Event.RETURN:
            return tuple(kept), True
    return tuple(kept), False
