"""Training documents: where a trace is entered, what of it is shown, where a document starts and ends.

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
"""What a recording may hold; a longer trace is cut."""

TIME_LIMIT = "time limit"
"""Text of an `Interrupt` by which nothing of the recording is kept: what it holds depends on the machine."""

NAME = "<program>"


@dataclass(frozen=True)
class Shares:
    """How documents are made; each is a probability.

    wrapper, function: entered through `main()`, or at the function itself; the rest are scripts.
    middle: starts at a frame inside the trace. spine: such a start shows the callers too.
    stepped_over: the inside of calls is not shown. goes_on: a trace that did not fit goes on in another document.
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

    lines, marked: the source as the model reads it (`codec.context`). frames: what happened, from the entry on.
    complete: the last frame is the end of the program, not a limit.
    """

    lines: tuple[str, ...]
    marked: int | None
    frames: tuple[Frame, ...]
    complete: bool


@dataclass(frozen=True)
class Document:
    """One training text.

    context: source text with its marker. given: frames without loss. rest: frames to predict.
    complete: the outermost given activation is left by the last frame, so the text ends with END.
    """

    context: str
    given: tuple[Frame, ...]
    rest: tuple[Frame, ...]
    complete: bool

    def pieces(self) -> Iterator[tuple[Markup, bool]]:
        """Marked-up text in order, and whether it carries loss: the opening, each frame, END if there is one."""
        yield codec.opening(self.context), False
        for i, markup in enumerate(codec.render_all((*self.given, *self.rest))):
            yield markup, i >= len(self.given)
        if self.complete:
            yield (Token.END,), True


def run(source: str, calls: Sequence[str], rng: random.Random, shares: Shares) -> Run | None:
    """Record `source` entered in one of the three ways, for one of `calls`; None when nothing useful happens.

    Without calls it is a script as it is.
    """
    call, draw = rng.choice([*calls] or [""]), rng.random()
    try:
        if not call:
            found = script(source)
        elif draw < shares.wrapper + shares.function:
            found = called(source, call)
            if found is not None and draw >= shares.wrapper:
                found = _inside(found, rng)
        else:
            found = script(source.rstrip() + "\n\n" + _statements(calls, call, rng))
    except (SyntaxError, ValueError, StopIteration):
        return None
    return _shortened(found) if found is not None else None


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


def _inside(found: Run, rng: random.Random) -> Run | None:
    """The same trace entered at one of the functions that the wrapper calls, the wrapper not shown."""
    starts = [i for i, f in enumerate(found.frames) if f.event is Event.CALL and f.depth == 1 and f.line]
    if not starts:
        return None
    start = rng.choice(starts)
    rest, closed = _scope(found.frames[start + 1 :], 1)
    lines = found.lines[:-2]
    line = found.frames[start].line or 1
    while line < len(lines) and lines[line - 1].lstrip().startswith("@"):  # the call event is on the decorator
        line += 1
    return Run(lines, line, (found.frames[start], *rest), closed or found.complete)


def script(text: str) -> Run | None:
    """Record a script from its first module-level line that does more than define things."""
    body = ast.parse(text).body
    first = next((node for node in body if not isinstance(node, _DEFINITIONS) and not _is_text(node)), None)
    return _recorded(text.rstrip().split("\n"), first.lineno, None, LIMITS) if first is not None else None


_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


_RESULTS = ("result", "res", "out", "ans", "value", "r", "x", "answer", "output", "found", "total")
_ARGUMENTS = ("data", "items", "text", "word", "n", "k", "a", "b", "s", "nums", "key", "target", "values", "m")


def _statements(calls: Sequence[str], call: str, rng: random.Random) -> str:
    """Module-level statements that make the call, in one of the ways that scripts are written."""
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
    given = "".join(f"{n} = {ast.unparse(a)}\n" for n, a in zip(names, tree.args, strict=True))
    return f"{given}{name} = {ast.unparse(tree.func)}({', '.join(names)})\nprint({name})\n"


def _shortened(found: Run) -> Run | None:
    """The run up to its first value that is too long; None when next to nothing is left."""
    for i, frame in enumerate(found.frames):
        values = (*frame.locals.values(), frame.value or "")
        if any(len(value) > LONGEST_VALUE for value in values) or frame.line is None:
            found = replace(found, frames=found.frames[:i], complete=False)
            break
    return found if len(found.frames) >= 3 else None


def stepped_over(found: Run, rng: random.Random) -> Run:
    """The run as seen when calls are stepped over: without the inside of calls, or without the calls.

    Of every call, or of the calls of one function.
    """
    names = [f.function for f in found.frames[1:] if f.event is Event.CALL]
    if not names:
        return found
    draw = rng.random()
    target = None if draw < 0.4 else rng.choice(names)
    return replace(found, frames=tuple(_without_calls(found.frames, target, keep=draw < 0.75)))


def _without_calls(frames: Sequence[Frame], target: str | None, *, keep: bool) -> Iterator[Frame]:
    """keep: a call is shown as its call and return frames, otherwise not at all."""
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
"""How many frames of a document's `rest` fit into a sequence; negative when not even what is given fits."""


def documents(found: Run, rng: random.Random, shares: Shares, fits: Fits) -> Iterator[Document]:
    """The documents of one run: from its entry or from a frame in the middle, and on as long as they do not fit."""
    if rng.random() < shares.stepped_over:
        found = stepped_over(found, rng)
    frames, start = found.frames, 0
    if len(frames) > 4 and rng.random() < shares.middle:
        start = rng.randrange(1, len(frames) - 2)
    context = codec.context(found.lines, found.marked)
    stack = stack_of(frames[: start + 1])
    while start < len(frames) - 1:
        document = _from(found, context, start, stack, rng, shares)
        if document is None:  # cannot start here: the activation is being left
            start += 1
            stack = advance(stack, frames[start])
            continue
        count = fits(document)
        if count < 1:
            return
        whole = count >= len(document.rest)
        yield document if whole else replace(document, rest=document.rest[:count], complete=False)
        if whole or rng.random() >= shares.goes_on:
            return
        for frame in frames[start + 1 : start + count + 1]:
            stack = advance(stack, frame)
        start += count


def _from(found: Run, context: str, start: int, stack: Stack, rng: random.Random, shares: Shares) -> Document | None:
    """The document that starts at frame `start`, which `stack` ends with; None when that frame leaves all it shows."""
    top = stack[-1]
    shown = stack
    if start and rng.random() >= shares.spine:
        if top.leaving or top.raising:
            return None
        shown = stack[-1:]
        context = _context_of(found, top.entry, rng)
    elif start and rng.random() < 0.25:
        shown = stack[rng.randrange(len(stack)) :]
    if shown[0].leaving is not None and len(shown) == 1:
        return None
    given = spine(shown) if start else (found.frames[0],)
    rest, closed = _scope(found.frames[start + 1 :], shown[0].depth)
    complete = closed or found.complete
    return Document(context, given, rest, complete) if rest else None


def _context_of(found: Run, entry: Frame | None, rng: random.Random) -> str:
    """For a start inside one function: its `def` line is marked, as the debugger does, or what was marked before."""
    line = entry.line if entry is not None and rng.random() < 0.6 else found.marked
    return codec.context(found.lines, line)


def _scope(frames: Sequence[Frame], depth: int) -> tuple[tuple[Frame, ...], bool]:
    """The frames until the activation at `depth` is left, and whether it is."""
    kept: list[Frame] = []
    for frame in frames:
        if frame.depth < depth or (frame.depth == depth and frame.event is Event.CALL):
            return tuple(kept), True
        kept.append(frame)
        if frame.depth == depth and frame.event is Event.RETURN:
            return tuple(kept), True
    return tuple(kept), False
