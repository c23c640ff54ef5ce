"""The session: a stepper that also looks ahead, goes back, edits the state and keeps timelines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from neuralpdb.debugger.breakpoints import Breakpoints, Hit
from neuralpdb.debugger.stepping import Stepper
from neuralpdb.debugger.stop import Changes, Stop, StopKind, changes, interrupted
from neuralpdb.debugger.timelines import Node, Replaced, Timeline, Timelines, future, link, restored
from neuralpdb.errors import UsageError
from neuralpdb.trace.frames import Ended, Event, Frame, Origin, Outcome, Trouble
from neuralpdb.trace.stack import Stack, advance

__all__ = ["Changes", "Session", "Stop", "StopKind", "changes", "interrupted"]


@dataclass
class Session(Stepper):
    """The debugger that the prompt, editors and agents share: movement in the program and in time, and edits.

    timelines: the histories beside the present one.
    """

    timelines: Timelines = field(default_factory=Timelines)

    # -- looking ahead ----------------------------------------------------------------------------------------

    def predict(self, count: int = 1, line: int | None = None) -> tuple[list[Frame], Ended | Trouble | None]:
        """Return the next frames as a proposal, `count` or as many as it takes to reach `line`, and why they end early.

        Nothing moves. Stepping into the proposal is immediate, `accept` goes to its end.
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
        """Yield the likeliest next outcome, then `count` draws of it. Nothing moves, no draw is kept."""
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
        """Undo `next` `count` times: go back to where it began, or to the previous line of this function.

        Calls are passed over. Raises UsageError at the start.
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
        """Go back to the last place where a breakpoint could have stopped, or to the start. Raises UsageError there."""
        if self.index < 1:
            raise UsageError("already at the start")
        index, hit = hit_before(self.breakpoints, self.history)
        stop = self.go(index)
        if hit is None:
            return replace(stop, message="at the start")
        return replace(stop, message=hit.message, point=hit.point)

    def go(self, index: int) -> Stop:
        """Go to frame `index` of the timeline. Raises UsageError when it is unknown."""
        if not 0 <= index <= self.known:
            raise UsageError(f"step {index} is not known: the trace is known from 0 to {self.known}")
        before, start = self.stack, self.index
        for node in self._path[index + 1 :]:
            node.replaces = None  # an edit that is left behind belongs to the trace: `back` is a step there again
        del self._path[index + 1 :]
        while self.index < index:
            following = self._path[-1].following
            assert following is not None
            following.came = None
            self._path.append(following)
        self.proposal = []
        return Stop(StopKind.BACK if index < start else StopKind.STEP, self.frame, before, steps=abs(index - start))

    def reset(self) -> Stop:
        """Go back to the start and forget all predictions; a start that the model invented is drawn again."""
        self._path, self.proposal = [], []
        if self.entry.first is None:
            self._draw += 1
        return self.start()

    # -- changing the state -----------------------------------------------------------------------------------

    def edit(self, statements: str) -> Stop:
        """Run statements at the present frame, as one edit; later frames are predicted anew. Raises UsageError."""
        self._editable()
        change = self.evaluator.change(statements, self.history)
        return replace(self._replace(change.frame), output=change.output, value=change.text)

    def put(self, name: str, text: str) -> Stop:
        """Set the repr of the local `name` to `text`, a literal or not. Raises UsageError."""
        frame = self._editable()
        return self._replace(edited(frame, {**frame.locals, name: text}, {name}))

    @property
    def jumps(self) -> frozenset[int]:
        """Return the lines that `jump` can go to: those of the present function that can run."""
        frame = self.frame
        if frame is None:
            return frozenset()
        code = self.entry.program.code_at(frame.function, frame.line, self.stack[-1].entered)
        return code.lines if code is not None else frozenset()

    def jump(self, line: int) -> Stop:
        """Make `line` of this function the next to run, keep the locals. Raises UsageError when it never runs."""
        frame = self._editable()
        program, lines = self.entry.program, self.jumps
        if line not in lines:
            near = min(lines, key=lambda number: (abs(number - line), number), default=None)
            hint = f"the nearest that can is {near}" if near is not None else ""
            raise UsageError(f"line {line} is not a line of {frame.function}() that can run", hint)
        jumped = edited(frame, frame.locals).replace(event=Event.LINE, line=line, source=program.line(line))
        return self._replace(jumped)

    def _editable(self) -> Frame:
        """Return the present frame. Raises UsageError when it cannot be changed."""
        frame = self.frame
        if frame is None:
            raise UsageError("there is no frame yet", "type step")
        if frame.event in (Event.RETURN, Event.EXCEPTION):
            raise UsageError(f"{frame.function}() is being left by {frame.event.value}", "go back, or step on first")
        return frame

    def adopt(self, frames: Sequence[Frame], since: int) -> Stop:
        """Replace the history from index `since` on by `frames`, at least one; `back` undoes all of it.

        since: from 0 to one after the present frame. Later frames are predicted anew.
        """
        before = self.stack
        self.timelines.keep(self._path)
        nodes = [Node(frame) for frame in frames]
        nodes[-1].replaces = Replaced(since, tuple(self._path[since:]), future(self._path))
        self._put(since, nodes)
        self.proposal = []
        return Stop(StopKind.EDITED, self.frame, before)

    def _replace(self, frame: Frame) -> Stop:
        return self.adopt([frame], self.index)

    def _put(self, since: int, nodes: Sequence[Node], behind: Sequence[Node] = ()) -> None:
        """Make `nodes` the path from index `since` on, each linked to the previous one.

        behind: nodes that are known to follow them.
        """
        self._path[since:] = nodes
        link((*self._path[max(since - 1, 0) :], *behind))
        self.report_frontier()

    # -- timelines --------------------------------------------------------------------------------------------

    @property
    def present(self) -> Timeline:
        """Return the present timeline, as far as it is known."""
        return self.timelines.present(self._path)

    def fork(self, name: str = "") -> Timeline:
        """Keep the present timeline under `name` and go on in a copy of it. Raises UsageError."""
        if not self._path:
            raise UsageError("there is no frame yet", "type step")
        return self.timelines.fork(name, self._path)

    def timeline_of(self, name: str) -> Timeline:
        """Return the timeline of that name. Raises UsageError."""
        return self.timelines.find(name, self._path)

    def switch(self, name: str) -> Stop:
        """Go to the timeline `name`, where it was left; the present one is kept. Raises UsageError."""
        before = self.stack
        return self._enter(self.timelines.switch(name, self._path), before)

    def checkpoint(self, name: str) -> Timeline:
        """Mark the present place; `return_to` comes back to it, whatever happened since. Raises UsageError."""
        return self.timelines.mark(name, self._path)

    def return_to(self, name: str) -> Stop:
        """Go to a checkpoint, on the present timeline if it holds it, else on its own. Raises UsageError."""
        marked = self.timelines.marked(name)
        if marked.on((*self._path, *future(self._path))):
            return self.go(marked.index)
        before = self.stack
        return self._enter(self.timelines.revive(marked, self._path), before)

    def take_up(self, timelines: Timelines, present: Timeline) -> Stop:
        """Replace all timelines by those of a saved session."""
        before, self.timelines = self.stack, timelines
        return self._enter(restored(present), before)

    def _enter(self, path: list[Node], before: Stack) -> Stop:
        self._path, self.proposal = path, []
        self.report_frontier()
        return Stop(StopKind.EDITED, self.frame, before, f"timeline {self.timelines.current}")


def edited(frame: Frame, state: Mapping[str, str], names: Collection[str] = ()) -> Frame:
    """Return a frame with other locals, of which the changed ones, and `names`, are known because the user set them."""
    kept = [name for name in state if name not in names and frame.locals.get(name) == state[name]]
    return frame.replace(locals=state, origin=Origin.EDITED, known={name: frame.how(name) for name in kept})


def line_before(history: Sequence[Frame]) -> int:
    """Return the index of the frame where a `next` to the last one would have started, calls passed over.

    It is the previous frame of the same activation or of its caller; the first frame when there is none.
    """
    most = history[-1].depth
    for index in range(len(history) - 2, 0, -1):
        frame = history[index]
        if frame.depth > most:
            continue
        if frame.event is not Event.CALL:
            return index
        most = frame.depth - 1  # the activation was entered here, so its caller comes before
    return 0


def _until(history: Sequence[Frame], index: int) -> Sequence[Frame]:
    return history[: index + 1]


def hit_before(breakpoints: Breakpoints, history: Sequence[Frame]) -> tuple[int, Hit | None]:
    """Return the last index, before the last frame, where a breakpoint could have stopped, and its hit; else 0."""
    latest: tuple[int, Hit | None] = (0, None)
    stack: Stack = advance((), history[0])
    for index, frame in enumerate(history[1:-1], 1):
        before, stack = stack, advance(stack, frame)
        hit = breakpoints.would_hit(before, stack, partial(_until, history, index))
        if hit is not None:
            latest = (index, hit)
    return latest
