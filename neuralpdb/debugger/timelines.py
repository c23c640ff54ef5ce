"""Timelines: the tree of frames that a session went through, and the named ways through it.

It knows no source of frames: `Session` moves, this module keeps what a movement leaves behind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count, pairwise

from neuralpdb.errors import UsageError
from neuralpdb.trace.frames import Ended, Frame, Trouble
from neuralpdb.trace.stack import Stack, advance

MAIN = "main"
"""Name of the timeline that a session begins with."""

MOST_KEPT = 20
"""Timelines that edits and jumps keep automatically, as many as a list shows at a glance; the oldest goes first."""

_NAME = re.compile(r"[^\W\d][\w.-]{0,39}")
_RESERVED = frozenset({"all", "diverge"})
"""Words with another meaning in commands that take a name."""


@dataclass(frozen=True)
class Replaced:
    """A part of a path that an edit, a jump or `adopt` replaced.

    since:  index where it begins.
    nodes:  the path from there to its end.
    future: nodes that were known to follow.
    """

    since: int
    nodes: tuple[Node, ...]
    future: tuple[Node, ...] = ()


@dataclass(eq=False)
class Node:
    """A frame in the history tree.

    frame:     the frame.
    following: the node after it.
    end:       the end of the trace, when it comes after it.
    trouble:   why the source gave no frame the last time it was asked.
    replaces:  the nodes that `back` restores.
    came:      index where the `next` that led here began.
    stack:     after its frame, once it was asked for: all paths through a node have the same nodes before it.
    """

    frame: Frame
    following: Node | None = None
    end: Ended | None = None
    trouble: Trouble | None = None
    replaces: Replaced | None = None
    came: int | None = None
    stack: Stack | None = None


@dataclass(frozen=True)
class Timeline:
    """A way through the tree, from the start as far as it is known.

    name:      as the user calls it.
    nodes:     its nodes.
    index:     the position that was left.
    undo:      index and replacement of the nodes that `back` undoes.
    automatic: kept by an edit or a jump, not named by the user.
    """

    name: str
    nodes: tuple[Node, ...]
    index: int
    undo: tuple[tuple[int, Replaced], ...] = ()
    automatic: bool = False

    @property
    def frames(self) -> tuple[Frame, ...]:
        return tuple(node.frame for node in self.nodes)

    def on(self, nodes: Sequence[Node]) -> bool:
        """Whether its position is on the timeline `nodes`."""
        return self.index < len(nodes) and nodes[self.index] is self.nodes[self.index]

    @property
    def end(self) -> Ended | Trouble | None:
        """Return why no frame follows the last one; None when the source was not asked."""
        last = self.nodes[-1] if self.nodes else None
        return (last.end or last.trouble) if last is not None else None


def future(path: Sequence[Node]) -> tuple[Node, ...]:
    """Return the nodes that are known to follow `path`."""
    nodes: list[Node] = []
    node = path[-1].following if path else None
    while node is not None:
        nodes.append(node)
        node = node.following
    return tuple(nodes)


def link(nodes: Sequence[Node]) -> None:
    """Let each of `nodes` follow the previous one; nothing follows the last."""
    for node, following in pairwise(nodes):
        node.following = following
    if nodes:
        nodes[-1].following = None


def fork_of(a: Sequence[Frame], b: Sequence[Frame]) -> int:
    """Return how many frames two timelines share from their start."""
    shared = 0
    for ours, theirs in zip(a, b, strict=False):
        if ours is not theirs:
            break
        shared += 1
    return shared


@dataclass
class Timelines:
    """Timelines of a session.

    current:     name of the present one.
    kept:        the others, by name.
    checkpoints: marked places, by name.
    """

    current: str = MAIN
    kept: dict[str, Timeline] = field(default_factory=dict)
    checkpoints: dict[str, Timeline] = field(default_factory=dict)

    def present(self, path: Sequence[Node]) -> Timeline:
        """Return the timeline that `path` is on."""
        return _snapshot(self.current, path)

    def fork(self, name: str, path: Sequence[Node]) -> Timeline:
        """Keep the present timeline under `name`, or a free one. Raises UsageError."""
        name = name or self._free("fork")
        if name == self.current or name in self.kept:
            raise UsageError(f"there is a timeline {name} already", "see: timelines")
        self.kept[checked(name)] = timeline = _snapshot(name, path)
        return timeline

    def keep(self, path: Sequence[Node]) -> None:
        """Keep the present timeline before its future is left, if it has one that no other timeline holds."""
        present = (*path, *future(path))
        if len(present) > len(path) and not any(each.nodes[: len(present)] == present for each in self.kept.values()):
            self._keep(path)

    def _keep(self, path: Sequence[Node]) -> None:
        timeline = _snapshot(self._free("before"), path, automatic=True)
        self.kept[timeline.name] = timeline
        automatic = [each.name for each in self.kept.values() if each.automatic]
        for name in automatic[:-MOST_KEPT]:
            del self.kept[name]

    def undone(self, replaced: Replaced) -> None:
        """Forget what an edit kept, once it is undone: that is the present timeline again."""
        present = (*replaced.nodes, *replaced.future)
        same = [each.name for each in self.kept.values() if each.automatic and each.nodes[replaced.since :] == present]
        for name in same:
            del self.kept[name]

    def switch(self, name: str, path: Sequence[Node]) -> list[Node]:
        """Keep the present timeline, and return the path of the one called `name`. Raises UsageError."""
        if name == self.current:
            raise UsageError(f"{name} is the present timeline already", "see: timelines")
        timeline = self.find(name, path)
        if path:
            self.kept[self.current] = _snapshot(self.current, path)
        del self.kept[name]
        self.current = name
        return restored(timeline)

    def revive(self, marked: Timeline, path: Sequence[Node]) -> list[Node]:
        """Keep the present timeline, and return the path to a checkpoint that is not on it."""
        home = next((each for each in self.kept.values() if marked.on(each.nodes)), None)
        if home is not None:
            self.switch(home.name, path)
            return restored(replace(home, index=marked.index, undo=marked.undo))
        if path:
            self._keep(path)
        return restored(marked)

    def find(self, name: str, path: Sequence[Node]) -> Timeline:
        """Return the timeline of that name, the present one included. Raises UsageError."""
        if name == self.current:
            return self.present(path)
        if name not in self.kept:
            raise UsageError(f"there is no timeline {name!r}", "see: timelines")
        return self.kept[name]

    def mark(self, name: str, path: Sequence[Node]) -> Timeline:
        """Set the checkpoint `name` here. Raises UsageError."""
        if not path:
            raise UsageError("there is no frame yet", "type step")
        self.checkpoints[checked(name)] = timeline = _snapshot(name, path)
        return timeline

    def marked(self, name: str) -> Timeline:
        """Return the checkpoint of that name. Raises UsageError."""
        if name not in self.checkpoints:
            hint = ", ".join(self.checkpoints) or "set one with: checkpoint NAME"
            raise UsageError(f"there is no checkpoint {name!r}", hint)
        return self.checkpoints[name]

    def _free(self, stem: str) -> str:
        names = (f"{stem}{number}" for number in count(1))
        return next(name for name in names if name != self.current and name not in self.kept)


def checked(name: str) -> str:
    """Return `name`, the name of a timeline or a checkpoint. Raises UsageError when it cannot be one."""
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise UsageError(f"{name}: not a name", "write a letter, then letters, digits, _ . or -, at most 40 in all")
    return name


def restored(timeline: Timeline) -> list[Node]:
    """Link the nodes of `timeline` as they were, and return the path to its position."""
    link(timeline.nodes)
    undo = dict(timeline.undo)
    for i, node in enumerate(timeline.nodes):
        node.replaces = undo.get(i)
    return list(timeline.nodes[: timeline.index + 1])


def _snapshot(name: str, path: Sequence[Node], automatic: bool = False) -> Timeline:
    undo = tuple((i, node.replaces) for i, node in enumerate(path) if node.replaces is not None)
    return Timeline(name, (*path, *future(path)), len(path) - 1, undo, automatic)


def stack_at(path: Sequence[Node]) -> Stack:
    """Return the stack after the frames of a path; only the nodes that were not asked for are gone through."""
    first = len(path)
    while first and path[first - 1].stack is None:
        first -= 1
    stack: Stack = (path[first - 1].stack or ()) if first else ()
    for node in path[first:]:
        stack = node.stack = advance(stack, node.frame)
    return stack


class Frames:
    """The frames of a path, made anew only where it changed since they were asked for."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._frames: list[Frame] = []

    def of(self, path: Sequence[Node]) -> list[Frame]:
        """Return the frames of a path; not to be changed, and valid until the next call."""
        nodes = self._nodes
        while nodes and (len(nodes) > len(path) or nodes[-1] is not path[len(nodes) - 1]):
            nodes.pop()
        del self._frames[len(nodes) :]
        for node in path[len(nodes) :]:
            nodes.append(node)
            self._frames.append(node.frame)
        return self._frames
