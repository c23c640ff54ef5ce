"""The stepper: a position among the frames of a source, and every movement forward. It knows no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from neuralpdb.debugger.breakpoints import Breakpoints
from neuralpdb.debugger.evaluation import Evaluator, Views
from neuralpdb.debugger.stop import Stop, StopKind, interrupted
from neuralpdb.debugger.timelines import Frames, Node, future, stack_at
from neuralpdb.errors import UsageError
from neuralpdb.program.entry import Entry
from neuralpdb.program.typed import check
from neuralpdb.trace.frames import MAX_FRAMES, Ended, Event, Frame, FrameSource, Guessing, Origin, Outcome, Trouble
from neuralpdb.trace.stack import Stack, advance
from neuralpdb.trace.values import EvaluationError

_MOST_GUESSES = 3
"""Guesses that a stop names, so that it stays one line."""


@dataclass
class Stepper:
    """A position in a trace that moves forward. All positions are indices into the present timeline, 0 at the start.

    A movement takes the `depth` of the activation to move in; None is the one that goes on from here.

    entry:       the program and its start.
    source:      predicts the next frame.
    max_frames:  frames that one movement passes at most.
    views:       evaluates at the end of a history; None: an interpreter is started for it once it is needed.
    evaluator:   evaluates expressions and runs statements.
    breakpoints: where movements stop.
    proposal:    the frames that `predict` looked ahead to.
    watch:       called with every frame that is passed or looked at, while the user waits.
    on_frontier: called with the frames that the first unknown one follows, when they change.
    """

    entry: Entry
    source: FrameSource
    max_frames: int = MAX_FRAMES
    views: Views | None = None
    evaluator: Evaluator = field(init=False)
    breakpoints: Breakpoints = field(init=False)
    proposal: list[Node] = field(default_factory=list)
    watch: Callable[[Frame], object] = lambda frame: None
    on_frontier: Callable[[Sequence[Frame]], object] = lambda frames: None
    _path: list[Node] = field(default_factory=list)
    _draw: int = 0
    _frames: Frames = field(default_factory=Frames)

    def __post_init__(self) -> None:
        self.evaluator = Evaluator(self.entry, self.views)
        self.breakpoints = Breakpoints(self.entry.program, self.evaluator)

    def close(self) -> None:
        """Give back what it holds itself; the source is not its own."""
        self.evaluator.close()

    # -- where we are -----------------------------------------------------------------------------------------

    @property
    def history(self) -> list[Frame]:
        """Return the frames from the start to the present one."""
        return list(self._frames.of(self._path))

    @property
    def index(self) -> int:
        """Return the position in the timeline: 0 is the first frame, -1 is before it."""
        return len(self._path) - 1

    @property
    def frame(self) -> Frame | None:
        return self._path[-1].frame if self._path else None

    @property
    def stack(self) -> Stack:
        return stack_at(self._path)

    @property
    def known(self) -> int:
        """Return the index of the last known frame of this timeline, frames ahead included."""
        return self.index + len(future(self._path))

    @property
    def timeline(self) -> list[Frame]:
        """Return the frames from the start to the last known one."""
        return [*self.history, *(node.frame for node in future(self._path))]

    @property
    def ended(self) -> Ended | None:
        """Return how the trace ended, when the present frame is the last."""
        return self._path[-1].end if self._path and self._path[-1].following is None else None

    @property
    def halt(self) -> Ended | Trouble | None:
        """Return what the source gave in place of the next frame; None when it gave one, or was not asked."""
        if not self._path or self._path[-1].following is not None:
            return None
        return self._path[-1].end or self._path[-1].trouble

    def report_frontier(self) -> None:
        """Call `on_frontier` with the frames of this timeline, unless its end is known."""
        nodes = [*self._path, *future(self._path)]
        if nodes and nodes[-1].end is None:
            self.on_frontier([node.frame for node in nodes])

    # -- moving -----------------------------------------------------------------------------------------------

    def start(self) -> Stop:
        """Go to the first frame; the model invents it when none was given."""
        if not self._path and self.entry.first is not None:
            self._path = [Node(self.entry.first)]
        elif not self._path:
            outcome = self.source.next((), draw=self._draw)
            if not isinstance(outcome, Frame):
                return self._halt(outcome, (), 0)
            self._path = [Node(outcome)]
        return Stop(StopKind.START, self.frame)

    def step(self, count: int = 1) -> Stop:
        """Go on by `count` frames, into calls."""
        return self._run(lambda frame, passed: passed >= count)

    def next(self, count: int = 1, *, depth: int | None = None, fast: bool = False) -> Stop:
        """Go on to the next line of this function, or out of it; calls are predicted and passed over.

        fast: guess at once what a call returns, unless its frames are known. Raises UsageError when the source cannot
        guess.
        """
        start = self.index
        stop = self._pass_over(depth, fast)
        for _ in range(count - 1):
            if stop.kind is not StopKind.STEP:
                break
            earlier, stop = stop, self._pass_over(None, fast)
            stop = replace(stop, before=earlier.before, steps=earlier.steps + stop.steps)
        return self._with_guesses(stop, start) if fast else stop

    def until(self, line: int | None = None, *, depth: int | None = None) -> Stop:
        """Go on to a line of this function beyond the present one (or not before `line`), or out of it."""
        least = line if line is not None else self._beyond(depth)
        depth = self._depth() if depth is None else depth

        def arrived(frame: Frame, _: int) -> bool:
            leaving = frame.event is Event.RETURN and frame.depth == depth
            beyond = frame.depth == depth and (frame.line or 0) >= least
            return frame.event is not Event.CALL and (frame.depth < depth or leaving or beyond)

        return self._run(arrived)

    def finish(self, *, depth: int | None = None, fast: bool = False) -> Stop:
        """Go on until this function returns; where it just has, to what its caller does next.

        fast: guess at once what it returns. Raises UsageError when the source cannot guess.
        """
        start = self.index
        if depth is None and self.frame is not None and self.frame.event is Event.RETURN:
            return self._pass_over(None)
        depth = self._depth() if depth is None else depth
        if fast and any(each.depth == depth and each.function == "<module>" for each in self.stack):
            raise UsageError("module-level code returns nothing that could be guessed", "to go on: continue")
        stop = self._run(
            lambda frame, _: frame.depth < depth or (frame.event is Event.RETURN and frame.depth == depth),
            leaps=depth if fast else None,
        )
        return self._with_guesses(stop, start) if fast else stop

    def proceed(self) -> Stop:
        """Go on to a breakpoint or the end."""
        return self._run(lambda *_: False)

    def seek(self, arrived: Callable[[], bool]) -> Stop:
        """Go on until `arrived()`; breakpoints are passed over."""
        return self._run(lambda *_: arrived(), breaks=False)

    def find(self, expression: str) -> Stop:
        """Go on until `expression` holds in the newest activation, or to the end. Raises UsageError for a bad one.

        Where it cannot be evaluated it does not hold.
        """
        check(expression)
        failure = ""

        def holds() -> bool:
            nonlocal failure
            assert self.frame is not None
            try:
                value = self.evaluator.truth(expression, self.history)
            except EvaluationError as error:
                failure = failure or f"never evaluated: {error.message}"
                return False
            failure = "not found"
            return value

        stop = self.seek(holds)
        if stop.kind is StopKind.STEP:
            return replace(stop, kind=StopKind.FOUND, message=f"found at step {self.index:,}")
        if stop.kind is StopKind.ENDED:
            return replace(stop, message=f"{stop.message}; {failure or 'not found'}")
        return stop

    def _with_guesses(self, stop: Stop, start: int) -> Stop:
        """Return `stop`, its message naming the returns that were guessed since step `start`."""
        passed = self.history[start + 1 :]
        guesses = [f"{each.function}()->{each.value}" for each in passed if each.origin is Origin.GUESSED]
        if not guesses:
            return stop
        others = f", {len(guesses) - _MOST_GUESSES} more" if len(guesses) > _MOST_GUESSES else ""
        message = f"guess: {', '.join(guesses[:_MOST_GUESSES])}{others}"
        return replace(stop, message=f"{stop.message}; {message}" if stop.message else message)

    def _pass_over(self, depth: int | None, fast: bool = False) -> Stop:
        most = self._depth() if depth is None else depth
        since = self.index
        stop = self._run(
            lambda frame, _: frame.depth <= most and frame.event is not Event.CALL, leaps=most + 1 if fast else None
        )
        if self.index > since >= 0:
            self._path[-1].came = since
        return stop

    def _beyond(self, depth: int | None) -> int:
        """Return the first line beyond the present one; 1 when this activation is being left."""
        frame = self.frame
        if frame is None or (depth is None and frame.event is Event.RETURN):
            return 1
        stack = self.stack
        at = next((activation for activation in stack if activation.depth == depth), stack[-1])
        return (at.line or 0) + 1

    def _depth(self) -> int:
        """Return the depth of the activation that goes on: the caller's, when the present one is being left."""
        frame = self.frame
        if frame is None:
            return 0
        return frame.depth - 1 if frame.event is Event.RETURN else frame.depth

    def _run(self, arrived: Callable[[Frame, int], bool], *, breaks: bool = True, leaps: int | None = None) -> Stop:
        """Advance until `arrived(frame, frames passed)`, a breakpoint, the end, trouble, the limit or Ctrl-C.

        leaps: activations from this depth on are left by a guess. Raises UsageError when the source cannot guess.
        """
        if leaps is not None and not isinstance(self.source, Guessing):
            raise UsageError("a recording cannot guess what a call returns", "leave --fast out")
        before = stack = self.stack
        passed = 0
        self.proposal = []
        try:
            while passed < self.max_frames:
                outcome = self._advance(leaps)
                if not isinstance(outcome, Frame):
                    return self._halt(outcome, before, passed)
                passed += 1
                self.watch(outcome)
                earlier, stack = stack, advance(stack, outcome)
                if arrived(outcome, passed):
                    return Stop(StopKind.STEP, outcome, before, steps=passed)
                hit = self.breakpoints.hit(earlier, stack, lambda: self.history) if breaks else None
                if hit is not None:
                    return Stop(StopKind.BREAKPOINT, outcome, before, hit.message, passed, point=hit.point)
        except KeyboardInterrupt:
            return Stop(StopKind.INTERRUPTED, self.frame, before, interrupted(passed), passed)
        message = f"stopped after {passed:,} frames, the limit of one command: repeat it to go on"
        return Stop(StopKind.LIMIT, self.frame, before, message, passed)

    def _advance(self, leaps: int | None) -> Outcome:
        """Go on by one frame, from memory when it is known."""
        following = self._following(self._path, leaps)
        if isinstance(following, Node):
            following.came = None
            self._path.append(following)
            return following.frame
        return following

    def _following(self, path: list[Node], leaps: int | None = None) -> Node | Ended | Trouble:
        """Return what comes after `path`; asks the source when it is not known."""
        if not path:
            first = self.start()
            return self._path.pop() if self._path else first.trouble or Ended()
        node = path[-1]
        if node.following is None and node.end is None:
            history = self._frames.of(path)
            if leaps is not None and self._depth() >= leaps and isinstance(self.source, Guessing):
                outcome = self.source.leap(history)
            else:
                outcome = self.source.next(history)
            if isinstance(outcome, Frame):
                node.following = Node(outcome)
            elif isinstance(outcome, Ended):
                node.end = outcome
            else:
                node.trouble = outcome
                return outcome
        return node.following or node.end or Ended()

    def _halt(self, outcome: Outcome, before: Stack, passed: int) -> Stop:
        if isinstance(outcome, Trouble):
            return Stop(StopKind.TROUBLE, self.frame, before, outcome.message, passed, outcome)
        reason = outcome.reason if isinstance(outcome, Ended) else ""
        return Stop(StopKind.ENDED, self.frame, before, reason, passed)
