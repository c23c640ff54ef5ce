"""Timelines: the tree of frames that a session went through, and the ways through it that have a name.

It knows no source of frames and never asks for a new one: `Session` moves, this keeps what it leaves behind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count, pairwise

from neuralpdb.errors import UsageError
from neuralpdb.trace.frames import Ended, Frame, Trouble

MAIN = "main"
"""Name of the timeline that a session begins with."""

MOST_KEPT = 20
"""Timelines that edits and jumps keep by themselves; beyond it the oldest of them is forgotten."""

_NAME = re.compile(r"[^\W\d][\w.-]{0,39}")
_RESERVED = frozenset({"all", "diverge"})
"""Words that commands which take a name understand in another way."""


@dataclass(frozen=True)
class Replaced:
    """What an edit, a jump or an adoption put its nodes in place of: the path from index `since` on.

    future: what was known behind it.
    """

    since: int
    nodes: tuple[Node, ...]
    future: tuple[Node, ...] = ()


@dataclass(eq=False)
class Node:
    """A frame in the history tree.

    following, end, trouble: what comes after it, and what the source said the last time when it was no frame.
    replaces: what `back` puts in its place again.
    came: index of where the `next` that led here began, when it was one.
    """

    frame: Frame
    following: Node | None = None
    end: Ended | None = None
    trouble: Trouble | None = None
    replaces: Replaced | None = None
    came: int | None = None


@dataclass(frozen=True)
class Timeline:
    """A way through the tree, from its start as far as it is known.

    index: where in it we were; undo: index and replacement of the nodes that `back` undoes.
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
        """Whether the place where we were is one of the timeline `nodes`."""
        return self.index < len(nodes) and nodes[self.index] is self.nodes[self.index]

    @property
    def end(self) -> Ended | Trouble | None:
        """Why there is no frame behind the last one, as far as it was asked for."""
        last = self.nodes[-1] if self.nodes else None
        return (last.end or last.trouble) if last is not None else None


def future(path: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes that are known to follow `path`."""
    found: list[Node] = []
    node = path[-1].following if path else None
    while node is not None:
        found.append(node)
        node = node.following
    return tuple(found)


def link(nodes: Sequence[Node]) -> None:
    """Make each of `nodes` the continuation of the one before it; nothing follows the last."""
    for node, following in pairwise(nodes):
        node.following = following
    if nodes:
        nodes[-1].following = None


def fork_of(a: Sequence[Frame], b: Sequence[Frame]) -> int:
    """How many frames two timelines share, from their start."""
    shared = 0
    for ours, theirs in zip(a, b, strict=False):
        if ours is not theirs:
            break
        shared += 1
    return shared


@dataclass
class Timelines:
    """Those that were kept, by name, beside the present one, whose name is `current`; and the checkpoints."""

    current: str = MAIN
    kept: dict[str, Timeline] = field(default_factory=dict)
    checkpoints: dict[str, Timeline] = field(default_factory=dict)

    def present(self, path: Sequence[Node]) -> Timeline:
        """The timeline that `path` is on, as it is now."""
        return _taken(self.current, path)

    def fork(self, name: str, path: Sequence[Node]) -> Timeline:
        """Keep the present one under `name` (empty: one is made up). Raises UsageError."""
        name = name or self._free("fork")
        if name == self.current or name in self.kept:
            raise UsageError(f"there is a timeline {name} already", "see: timelines")
        self.kept[checked(name)] = found = _taken(name, path)
        return found

    def keep(self, path: Sequence[Node]) -> None:
        """Keep the present one, of which the future is about to be left, if it has one and no other has all of it."""
        present = (*path, *future(path))
        if len(present) > len(path) and not any(each.nodes[: len(present)] == present for each in self.kept.values()):
            self._keep(path)

    def _keep(self, path: Sequence[Node]) -> None:
        found = _taken(self._free("before"), path, automatic=True)
        self.kept[found.name] = found
        automatic = [each.name for each in self.kept.values() if each.automatic]
        for name in automatic[:-MOST_KEPT]:
            del self.kept[name]

    def undone(self, replaced: Replaced) -> None:
        """An edit is undone: what was kept of the time before it is the present again, unless it was visited."""
        present = (*replaced.nodes, *replaced.future)
        same = [each.name for each in self.kept.values() if each.automatic and each.nodes[replaced.since :] == present]
        for name in same:
            del self.kept[name]

    def switch(self, name: str, path: Sequence[Node]) -> list[Node]:
        """Keep the present one and take up the one called `name`: its path. Raises UsageError."""
        if name == self.current:
            raise UsageError(f"{name} is the present timeline already", "see: timelines")
        wanted = self.find(name, path)
        if path:
            self.kept[self.current] = _taken(self.current, path)
        del self.kept[name]
        self.current = name
        return restored(wanted)

    def revive(self, marked: Timeline, path: Sequence[Node]) -> list[Node]:
        """The path to a checkpoint that is not on the present timeline, which is kept."""
        home = next((each for each in self.kept.values() if marked.on(each.nodes)), None)
        if home is not None:
            self.switch(home.name, path)
            return restored(replace(home, index=marked.index, undo=marked.undo))
        if path:
            self._keep(path)
        return restored(marked)

    def find(self, name: str, path: Sequence[Node]) -> Timeline:
        """The timeline of that name, the present one included. Raises UsageError."""
        if name == self.current:
            return self.present(path)
        if name not in self.kept:
            raise UsageError(f"there is no timeline {name!r}", "see: timelines")
        return self.kept[name]

    def mark(self, name: str, path: Sequence[Node]) -> Timeline:
        """Set the checkpoint `name` here. Raises UsageError."""
        if not path:
            raise UsageError("there is no frame yet", "type step")
        self.checkpoints[checked(name)] = found = _taken(name, path)
        return found

    def marked(self, name: str) -> Timeline:
        """The checkpoint of that name. Raises UsageError."""
        if name not in self.checkpoints:
            hint = ", ".join(self.checkpoints) or "set one with: checkpoint NAME"
            raise UsageError(f"there is no checkpoint {name!r}", hint)
        return self.checkpoints[name]

    def _free(self, stem: str) -> str:
        names = (f"{stem}{number}" for number in count(1))
        return next(name for name in names if name != self.current and name not in self.kept)


def checked(name: str) -> str:
    """`name`, when a timeline or a checkpoint can be called so. Raises UsageError."""
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise UsageError(f"{name}: not a name", "write a letter, then letters, digits, _ . or -, at most 40 in all")
    return name


def restored(timeline: Timeline) -> list[Node]:
    """The path to where `timeline` was, its nodes joined again as they were."""
    link(timeline.nodes)
    undo = dict(timeline.undo)
    for i, node in enumerate(timeline.nodes):
        node.replaces = undo.get(i)
    return list(timeline.nodes[: timeline.index + 1])


def _taken(name: str, path: Sequence[Node], automatic: bool = False) -> Timeline:
    undo = tuple((i, node.replaces) for i, node in enumerate(path) if node.replaces is not None)
    return Timeline(name, (*path, *future(path)), len(path) - 1, undo, automatic)
