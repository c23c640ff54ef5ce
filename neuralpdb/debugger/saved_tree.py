"""The tree of a history as numbered lines, and back: every frame behind the one that it comes after.

Lines are read with distrust: of what cannot be, `Wrong` says what. It knows no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.debugger.timelines import Node, Replaced, Timeline, checked
from neuralpdb.trace.frames import Ended, Frame, Trouble, TroubleKind


class Wrong(Exception):
    """What a file says cannot be."""


class Writing:
    """All nodes that timelines lead to, each behind the one that it comes after."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._numbers: dict[int, int] = {}
        self._after: dict[int, int | None] = {}

    def add(self, timeline: Timeline) -> None:
        """Take in a timeline, and everything that the undoing of its edits leads to."""
        self._chain(None, timeline.nodes)
        todo = [(timeline.nodes[i], replaced) for i, replaced in timeline.undo]
        todo += [(node, node.replaces) for node in timeline.nodes if node.replaces is not None]
        while todo:
            node, replaced = todo.pop()
            fresh = self._chain(self._before(node, replaced.since), (*replaced.nodes, *replaced.future))
            todo += [(each, each.replaces) for each in fresh if each.replaces is not None]

    def _before(self, node: Node, since: int) -> int | None:
        """Number of the node of index `since` - 1 on the way to `node`."""
        way: list[int] = []
        number: int | None = self._numbers[id(node)]
        while number is not None:
            way.append(number)
            number = self._after[number]
        return way[-since] if since else None

    def _chain(self, after: int | None, nodes: Sequence[Node]) -> list[Node]:
        """Number `nodes`, the first of them behind `after`; those that are new."""
        fresh = []
        for node in nodes:
            number = self._numbers.get(id(node))
            if number is None:
                number = self._numbers[id(node)] = len(self.nodes)
                self._after[number] = after
                self.nodes.append(node)
                fresh.append(node)
            after = number
        return fresh

    def line(self, node: Node) -> dict[str, Any]:
        number = self._numbers[id(node)]
        data: dict[str, Any] = {"n": number, "after": self._after[number], **node.frame.as_dict()}
        if node.end is not None:
            data["end"] = node.end.reason
        if node.trouble is not None:
            data["trouble"] = [node.trouble.kind.value, node.trouble.message, node.trouble.text]
        if node.came is not None:
            data["came"] = node.came
        if node.replaces is not None:
            data["replaces"] = self._replaced(node.replaces)
        return data

    def timeline(self, timeline: Timeline) -> dict[str, Any]:
        return {
            "name": timeline.name,
            "last": self._last(timeline.nodes),
            "index": timeline.index,
            "undo": [[i, self._replaced(replaced)] for i, replaced in timeline.undo],
            "automatic": timeline.automatic,
        }

    def _replaced(self, replaced: Replaced) -> list[Any]:
        return [replaced.since, self._last(replaced.nodes), self._last(replaced.future)]

    def _last(self, nodes: Sequence[Node]) -> int | None:
        return self._numbers[id(nodes[-1])] if nodes else None


class Reading:
    """The tree again: `count` nodes, each taken from its line; edits and timelines when all are there."""

    def __init__(self) -> None:
        self.count = -1
        self.nodes: list[Node] = []
        self._after: list[int | None] = []
        self._replaces: list[tuple[Node, Any, int]] = []

    @property
    def line(self) -> int:
        """Number of the line that is read: the first is the header's."""
        return 1 if self.count < 0 else len(self.nodes) + 2

    def take(self, data: Mapping[str, Any]) -> None:
        number, after = len(self.nodes), data["after"]
        if data["n"] != number or number >= self.count:
            raise Wrong(f"frame {data['n']!s:.20} is out of order")
        if after is not None and not whole(after) < number:
            raise Wrong("it comes after a later frame")
        node = Node(frame_of(data), end=Ended(text_of(data["end"])) if "end" in data else None)
        if "came" in data:
            node.came = whole(data["came"])
        if "trouble" in data:
            kind, message, text = data["trouble"]
            node.trouble = Trouble(TroubleKind(kind), text_of(message), text_of(text))
        self.nodes.append(node)
        self._after.append(after)
        if "replaces" in data:
            self._replaces.append((node, data["replaces"], number))

    def finish(self) -> None:
        """All lines were taken: what `back` undoes is found."""
        if len(self.nodes) != self.count:
            raise Wrong(f"{self.count:,} frames were saved, {len(self.nodes):,} are there")
        for node, data, number in self._replaces:
            node.replaces = self._replaced(data, number)

    def timeline(self, data: Mapping[str, Any]) -> Timeline:
        last, index = whole(data["last"]), whole(data["index"])
        way = self._way(last)
        nodes = tuple(self.nodes[number] for number in way)
        undo = tuple((whole(i), self._replaced(replaced, way[i])) for i, replaced in data["undo"])
        if not index < len(nodes) or any(i > index for i, _ in undo):
            raise Wrong(f"step {index} is not on its timeline")
        return Timeline(checked(text_of(data["name"])), nodes, index, undo, bool(data["automatic"]))

    def _replaced(self, data: Any, number: int) -> Replaced:
        """What node `number` stands in place of."""
        since, last, future = data
        own = self._way(number)
        if not whole(since) < len(own):
            raise Wrong("an edit replaces what comes after it")
        start = own[:since]
        nodes = self._way(whole(last)) if last is not None else start
        known = self._way(whole(future)) if future is not None else nodes
        if nodes[:since] != start or known[: len(nodes)] != nodes or number in known:
            raise Wrong("an edit replaces what was never there")
        found = tuple(self.nodes[each] for each in known)
        return Replaced(since, found[since : len(nodes)], found[len(nodes) :])

    def _way(self, number: int) -> list[int]:
        """Numbers of the nodes from the start to that one."""
        if number >= len(self.nodes):
            raise Wrong(f"there is no frame {number}")
        way = []
        at: int | None = number
        while at is not None:
            way.append(at)
            at = self._after[at]
        return way[::-1]


def frame_of(data: Mapping[str, Any]) -> Frame:
    """A frame of which every field has its type."""
    texts(data["locals"])
    for name in ("function", "source", *(("value",) if data["value"] is not None else ())):
        text_of(data[name])
    for name in ("depth", *(("line",) if data["line"] is not None else ())):
        whole(data[name])
    return Frame.from_dict(data)


def texts(data: Any) -> dict[str, str]:
    """`data`, a mapping of texts to texts. Raises Wrong, as the two below do."""
    return {text_of(name): text_of(value) for name, value in data.items()}


def text_of(value: Any) -> str:
    """`value`, a text."""
    if not isinstance(value, str):
        raise Wrong(f"{value!r:.40} stands where text belongs")
    return value


def whole(value: Any) -> int:
    """`value`, a number from 0 on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Wrong(f"{value!r:.40} stands where a number belongs")
    return value
