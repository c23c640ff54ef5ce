"""Debugger state: where we are in which history, breakpoints, edits, movement. It knows no model and no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from neuralpdb.backwards import hit_before, line_before
from neuralpdb.breakpoints import Breakpoint, Breakpoints
from neuralpdb.errors import UsageError
from neuralpdb.evaluate import EvaluationError, assign, check, truth
from neuralpdb.frames import MAX_FRAMES, Ended, Event, Frame, FrameSource, Origin, Outcome, Trouble
from neuralpdb.program import Entry
from neuralpdb.stack import Activation, Stack, advance, stack_of
from neuralpdb.timelines import Node, Replaced, Timeline, Timelines, future, link, restored


class StopKind(StrEnum):
    """Why the debugger stopped."""

    START = "start"
    STEP = "step"
    BREAKPOINT = "breakpoint"
    ENDED = "ended"
    TROUBLE = "trouble"
    LIMIT = "limit"
    INTERRUPTED = "interrupted"
    BACK = "back"
    EDITED = "edited"
    FOUND = "found"


@dataclass(frozen=True)
class Stop:
    """One stop. `frame` is where we are now; `before` is where we were when the user last looked, None at the start.

    message: what there is to say besides, in one line.
    steps:   how many frames were passed to get here.
    point:   the breakpoint that is here, when that is why.
    """

    kind: StopKind
    frame: Frame | None
    before: Stack = ()
    message: str = ""
    steps: int = 0
    trouble: Trouble | None = None
    point: Breakpoint | None = None


@dataclass
class Session:
    """Moves through the frames of a source. All positions are indices into the current timeline, 0 at the start.

    watch: called with every frame that is passed or looked at, while the user waits.
    attention: told the frames behind which the next one is not known, where they changed (see `attend`).
    `depth` of a movement: that of the activation to move in; None: of the one that goes on from here.
    """

    entry: Entry
    source: FrameSource
    max_frames: int = MAX_FRAMES
    breakpoints: Breakpoints = field(init=False)
    proposal: list[Node] = field(default_factory=list)
    timelines: Timelines = field(default_factory=Timelines)
    watch: Callable[[Frame], object] = lambda frame: None
    attention: Callable[[Sequence[Frame]], object] = lambda frames: None
    _path: list[Node] = field(default_factory=list)
    _draw: int = 0

    def __post_init__(self) -> None:
        self.breakpoints = Breakpoints(self.entry.program)

    # -- where we are -----------------------------------------------------------------------------------------

    @property
    def history(self) -> list[Frame]:
        """The frames from the start to here."""
        return [node.frame for node in self._path]

    @property
    def index(self) -> int:
        """Position in the timeline: 0 is the first frame, -1 is before it."""
        return len(self._path) - 1

    @property
    def frame(self) -> Frame | None:
        return self._path[-1].frame if self._path else None

    @property
    def stack(self) -> Stack:
        return stack_of(self.history)

    @property
    def known(self) -> int:
        """Index of the last frame that is known on this timeline, predicted ahead or undone ones included."""
        return self.index + len(future(self._path))

    @property
    def timeline(self) -> list[Frame]:
        """The frames from the start to the last one that is known."""
        return [*self.history, *(node.frame for node in future(self._path))]

    @property
    def ended(self) -> Ended | None:
        """How the trace ended, when we stand at its end."""
        return self._path[-1].end if self._path and self._path[-1].following is None else None

    @property
    def halt(self) -> Ended | Trouble | None:
        """What the source said after the frame here instead of another one; None while it has not, or said one."""
        if not self._path or self._path[-1].following is not None:
            return None
        return self._path[-1].end or self._path[-1].trouble

    def attend(self) -> None:
        """Say where the unknown begins: behind the frames of this timeline, unless its end is known."""
        nodes = [*self._path, *future(self._path)]
        if nodes and nodes[-1].end is None:
            self.attention([node.frame for node in nodes])

    # -- moving -----------------------------------------------------------------------------------------------

    def start(self) -> Stop:
        """Go to the first frame; the model invents it when it was not given."""
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

    def next(self, count: int = 1, *, depth: int | None = None) -> Stop:
        """Go on to the next line of this function, or out of it; calls are predicted and passed over."""
        stop = self._pass_over(depth)
        for _ in range(count - 1):
            if stop.kind is not StopKind.STEP:
                break
            since, stop = stop, self._pass_over(None)
            stop = replace(stop, before=since.before, steps=since.steps + stop.steps)
        return stop

    def until(self, line: int | None = None, *, depth: int | None = None) -> Stop:
        """Go on to a line of this function beyond the present one (or not before `line`), or out of it."""
        least = line if line is not None else self._beyond(depth)
        depth = self._depth() if depth is None else depth

        def here(frame: Frame, _: int) -> bool:
            leaving = frame.event is Event.RETURN and frame.depth == depth
            return frame.depth < depth or leaving or (frame.depth == depth and (frame.line or 0) >= least)

        return self._run(lambda frame, passed: frame.event is not Event.CALL and here(frame, passed))

    def finish(self, *, depth: int | None = None) -> Stop:
        """Go on until this function returns; where it just has, to what its caller does next."""
        if depth is None and self.frame is not None and self.frame.event is Event.RETURN:
            return self._pass_over(None)
        depth = self._depth() if depth is None else depth
        return self._run(lambda frame, _: frame.depth < depth or (frame.event is Event.RETURN and frame.depth == depth))

    def proceed(self) -> Stop:
        """Go on to a breakpoint or the end."""
        return self._run(lambda *_: False)

    def seek(self, wanted: Callable[[], bool]) -> Stop:
        """Go on until `wanted()` holds of where we are; breakpoints are passed over."""
        return self._run(lambda *_: wanted(), breaks=False)

    def find(self, expression: str) -> Stop:
        """Go on until `expression` holds in the newest activation, or to the end. Raises UsageError when it is none.

        Where it cannot be evaluated it does not hold.
        """
        check(expression)
        never = ""

        def holds() -> bool:
            nonlocal never
            assert self.frame is not None
            try:
                found = truth(expression, self.frame.locals)
            except EvaluationError as error:
                never = never or f"never evaluated: {error.message}"
                return False
            never = "not found"
            return found

        stop = self.seek(holds)
        if stop.kind is StopKind.STEP:
            return replace(stop, kind=StopKind.FOUND, message=f"found at step {self.index:,}")
        if stop.kind is StopKind.ENDED:
            return replace(stop, message=f"{stop.message}; {never or 'not found'}")
        return stop

    def _pass_over(self, depth: int | None) -> Stop:
        most = self._depth() if depth is None else depth
        since = self.index
        stop = self._run(lambda frame, _: frame.depth <= most and frame.event is not Event.CALL)
        if self.index > since >= 0:
            self._path[-1].came = since
        return stop

    def _beyond(self, depth: int | None) -> int:
        """The first line beyond the present one; any line of the caller, when this activation is being left."""
        frame = self.frame
        if frame is None or (depth is None and frame.event is Event.RETURN):
            return 1
        stack = self.stack
        at = next((activation for activation in stack if activation.depth == depth), stack[-1])
        return (at.line or 0) + 1

    def _depth(self) -> int:
        """Depth of the activation that goes on from here: the caller's, when this one is being left."""
        frame = self.frame
        if frame is None:
            return 0
        return frame.depth - 1 if frame.event is Event.RETURN else frame.depth

    def _run(self, arrived: Callable[[Frame, int], bool], *, breaks: bool = True) -> Stop:
        """Advance until `arrived(frame, frames passed)`, a breakpoint, the end, trouble, the limit or Ctrl-C."""
        before = stack = self.stack
        passed = 0
        self.proposal = []
        try:
            while passed < self.max_frames:
                outcome = self._advance()
                if not isinstance(outcome, Frame):
                    return self._halt(outcome, before, passed)
                passed += 1
                self.watch(outcome)
                earlier, stack = stack, advance(stack, outcome)
                if arrived(outcome, passed):
                    return Stop(StopKind.STEP, outcome, before, steps=passed)
                hit = self.breakpoints.hit(earlier, stack, outcome) if breaks else None
                if hit is not None:
                    return Stop(StopKind.BREAKPOINT, outcome, before, hit.message, passed, point=hit.point)
        except KeyboardInterrupt:
            return Stop(StopKind.INTERRUPTED, self.frame, before, interrupted(passed), passed)
        message = f"stopped after {passed:,} frames, the limit of one command: repeat it to go on"
        return Stop(StopKind.LIMIT, self.frame, before, message, passed)

    def _advance(self) -> Outcome:
        """One frame on, from memory when this one was seen before."""
        following = self._following(self._path)
        if isinstance(following, Node):
            following.came = None
            self._path.append(following)
            return following.frame
        return following

    def _following(self, path: list[Node]) -> Node | Ended | Trouble:
        if not path:
            first = self.start()
            return self._path.pop() if self._path else first.trouble or Ended()
        node = path[-1]
        if node.following is None and node.end is None:
            outcome = self.source.next([each.frame for each in path])
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

    # -- looking ahead ----------------------------------------------------------------------------------------

    def predict(self, count: int = 1, line: int | None = None) -> tuple[list[Frame], Ended | Trouble | None]:
        """The next frames as a proposal: `count` of them, or as many as it takes to come to `line`. Nothing moves.

        What was predicted is kept: stepping into it is immediate, `accept` goes to its end. With them comes why
        there are no more, if so.
        """
        self.proposal = []
        path = list(self._path)
        end: Ended | Trouble | None = None
        most = self.max_frames if line is not None else count
        while len(self.proposal) < most and end is None:
            following = self._following(path)
            if isinstance(following, Node):
                path.append(following)
                self.proposal.append(following)
                self.watch(following.frame)
                if line is not None and following.frame.line == line and following.frame.event is Event.LINE:
                    break
            else:
                end = following
        return [node.frame for node in self.proposal], end

    def alternatives(self, count: int) -> Iterator[Outcome]:
        """What comes next as it is most likely, then `count` draws of it. Nothing moves, no draw is kept."""
        path = list(self._path)
        following = self._following(path) if path else self.source.next(())
        yield following.frame if isinstance(following, Node) else following
        history = [node.frame for node in path]
        for draw in range(1, count + 1):
            yield self.source.next(history, draw=draw)

    def accept(self) -> Stop:
        """Go to the end of the proposal. Raises UsageError when there is none."""
        if not self.proposal:
            raise UsageError("there is no proposal to accept", "make one with: predict 3")
        before, accepted = self.stack, self.proposal
        self._path += accepted
        self.proposal = []
        return Stop(StopKind.STEP, self.frame, before, steps=len(accepted))

    # -- time -------------------------------------------------------------------------------------------------

    def back(self, count: int = 1) -> Stop:
        """Undo `count` steps, jumps or edits. Raises UsageError at the start."""
        before = self.stack
        undone = 0
        for _ in range(count):
            node = self._path[-1] if self._path else None
            if node is not None and node.replaces is not None:
                self.timelines.undone(node.replaces)
                self._put(node.replaces.since, node.replaces.nodes, node.replaces.future)
            elif len(self._path) > 1:
                self._path.pop()
            else:
                break
            undone += 1
        self.proposal = []
        if not undone:
            raise UsageError("already at the start")
        message = "" if undone == count else f"at the start after {undone} of {count}"
        return Stop(StopKind.BACK, self.frame, before, message, undone)

    def previous(self, count: int = 1) -> Stop:
        """Undo `count` times `next`: back to where it began, or to the line before of this function, calls passed over.

        Raises UsageError at the start.
        """
        at, undone = self.index, 0
        while at > 0 and undone < count:
            came = self._path[at].came
            at = line_before(self.history[: at + 1]) if came is None else came
            undone += 1
        if not undone:
            raise UsageError("already at the start")
        message = "" if undone == count else f"at the start after {undone} of {count}"
        return replace(self.go(at), message=message)

    def rewind(self) -> Stop:
        """Back to the last place where a breakpoint could have stopped, or to the start; Raises UsageError there."""
        if self.index < 1:
            raise UsageError("already at the start")
        index, hit = hit_before(self.breakpoints, self.history)
        stop = self.go(index)
        if hit is None:
            return replace(stop, message="at the start")
        return replace(stop, message=hit.message, point=hit.point)

    def go(self, index: int) -> Stop:
        """Go to frame `index` of the timeline. Raises UsageError when it is not known (yet)."""
        if not 0 <= index <= self.known:
            raise UsageError(f"step {index} is not known: the trace is known from 0 to {self.known}")
        before, here = self.stack, self.index
        for node in self._path[index + 1 :]:
            node.replaces = None  # an edit that is left behind belongs to the trace: `back` is a step there again
        del self._path[index + 1 :]
        while self.index < index:
            following = self._path[-1].following
            assert following is not None
            following.came = None
            self._path.append(following)
        self.proposal = []
        return Stop(StopKind.BACK if index < here else StopKind.STEP, self.frame, before, steps=abs(index - here))

    def reset(self) -> Stop:
        """Back to the start, all predictions forgotten. A start that the model invented is drawn again."""
        self._path, self.proposal = [], []
        if self.entry.first is None:
            self._draw += 1
        return self.start()

    # -- changing the state -----------------------------------------------------------------------------------

    def edit(self, statement: str) -> Stop:
        """Change a local by `NAME = EXPR`; later frames are predicted anew. Raises UsageError."""
        frame = self._editable()
        changed = assign(statement, frame.locals)
        return self._replace(frame.replace(locals=changed, origin=Origin.EDITED))

    def put(self, name: str, text: str) -> Stop:
        """Make `text` the repr of the local `name`, be it a literal or not. Raises UsageError."""
        frame = self._editable()
        return self._replace(frame.replace(locals={**frame.locals, name: text}, origin=Origin.EDITED))

    @property
    def jumps(self) -> frozenset[int]:
        """The lines that `jump` can go to: those of the present function that can run."""
        frame = self.frame
        if frame is None:
            return frozenset()
        code = self.entry.program.code_at(frame.function, frame.line, self.stack[-1].entered)
        return code.lines if code is not None else frozenset()

    def jump(self, line: int) -> Stop:
        """Make `line` of this function the next to run, keep the locals. Raises UsageError when it cannot be."""
        frame = self._editable()
        program, lines = self.entry.program, self.jumps
        if line not in lines:
            near = min(lines, key=lambda number: (abs(number - line), number), default=None)
            hint = f"the nearest that can is {near}" if near is not None else ""
            raise UsageError(f"line {line} is not a line of {frame.function}() that can run", hint)
        jumped = frame.replace(event=Event.LINE, line=line, source=program.line(line), origin=Origin.EDITED)
        return self._replace(jumped)

    def _editable(self) -> Frame:
        frame = self.frame
        if frame is None:
            raise UsageError("there is no frame yet", "type step")
        if frame.event in (Event.RETURN, Event.EXCEPTION):
            raise UsageError(f"{frame.function}() is being left by {frame.event.value}", "go back, or step on first")
        return frame

    def adopt(self, frames: Sequence[Frame], since: int) -> Stop:
        """Put `frames` (at least one) in place of the history from index `since` on; `back` undoes all of it.

        since: from 0 to one behind where we are. What comes after them is predicted anew.
        """
        before, kept = self.stack, self.timelines.keep(self._path)
        nodes = [Node(frame) for frame in frames]
        nodes[-1].replaces = Replaced(since, tuple(self._path[since:]), future(self._path), kept)
        self._put(since, nodes)
        self.proposal = []
        return Stop(StopKind.EDITED, self.frame, before)

    def _replace(self, frame: Frame) -> Stop:
        return self.adopt([frame], self.index)

    def _put(self, since: int, nodes: Sequence[Node], behind: Sequence[Node] = ()) -> None:
        """Make `nodes` the path from index `since` on, each the known continuation of the one before it.

        behind: what is known to come after them.
        """
        self._path[since:] = nodes
        link((*self._path[max(since - 1, 0) :], *behind))
        self.attend()

    # -- timelines --------------------------------------------------------------------------------------------

    @property
    def present(self) -> Timeline:
        """The timeline that we are on, as far as it is known."""
        return self.timelines.present(self._path)

    def fork(self, name: str = "") -> Timeline:
        """Keep the present timeline under `name` and go on in a copy of it. Raises UsageError."""
        if not self._path:
            raise UsageError("there is no frame yet", "type step")
        return self.timelines.fork(name, self._path)

    def timeline_of(self, name: str) -> Timeline:
        """The timeline of that name. Raises UsageError."""
        return self.timelines.find(name, self._path)

    def switch(self, name: str) -> Stop:
        """Go to the timeline `name`, where it was left; the present one is kept. Raises UsageError."""
        before = self.stack
        return self._taken_up(self.timelines.switch(name, self._path), before)

    def checkpoint(self, name: str) -> Timeline:
        """Mark this place; `return_to` comes back here whatever was done since. Raises UsageError."""
        return self.timelines.mark(name, self._path)

    def return_to(self, name: str) -> Stop:
        """Go to a checkpoint: on the present timeline when it is on it, else on its own. Raises UsageError."""
        marked = self.timelines.marked(name)
        if marked.on((*self._path, *future(self._path))):
            return self.go(marked.index)
        before = self.stack
        return self._taken_up(self.timelines.revive(marked, self._path), before)

    def take_up(self, timelines: Timelines, present: Timeline) -> Stop:
        """Put all timelines in the place of those that are here (a session that was saved)."""
        before, self.timelines = self.stack, timelines
        return self._taken_up(restored(present), before)

    def _taken_up(self, path: list[Node], before: Stack) -> Stop:
        self._path, self.proposal = path, []
        self.attend()
        return Stop(StopKind.EDITED, self.frame, before, f"timeline {self.timelines.current}")


def interrupted(passed: int) -> str:
    """What to say of a movement that Ctrl-C ended."""
    return f"interrupted after {passed:,} frame{'s' * (passed != 1)}"


Changes = dict[str, tuple[str | None, str | None]]
"""name -> (old, new) repr text; None: was or is not there."""


def changes(before: Stack, now: Activation | None, *, here: bool = False) -> Changes:
    """What differs in `now`'s locals since `before`.

    here: `now` may be another version of an activation of `before`, after an edit or a way back.
    """
    if now is None:
        return {}
    old: Mapping[str, str] = {}
    for activation in before:
        same = activation.entry is now.entry or (here and activation.function == now.function)
        if activation.depth == now.depth and same:
            old = activation.last.locals
    new = now.last.locals
    found: Changes = {name: (old.get(name), value) for name, value in new.items() if old.get(name) != value}
    found.update({name: (value, None) for name, value in old.items() if name not in new})
    return found
