"""Lines of a saved history: the tree of its frames, numbered, each after the one that it follows; and back.

Lines are read with distrust: `Wrong` names what is impossible. It knows no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neuralpdb.debugger.timelines import Node, Replaced, Timeline, checked
from neuralpdb.trace.frames import Ended, Frame, Trouble, TroubleKind


class Wrong(Exception):
    """A line that is impossible."""


class Writing:
    """A tree that is written: all nodes of its timelines, each after the one that it follows."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._numbers: dict[int, int] = {}
        self._after: dict[int, int | None] = {}

    def add(self, timeline: Timeline) -> None:
        """Add a timeline, and every node that undoing its edits leads to."""
        self._chain(None, timeline.nodes)
        todo = [(timeline.nodes[i], replaced) for i, replaced in timeline.undo]
        todo += [(node, node.replaces) for node in timeline.nodes if node.replaces is not None]
        while todo:
            node, replaced = todo.pop()
            fresh = self._chain(self._before(node, replaced.since), (*replaced.nodes, *replaced.future))
            todo += [(each, each.replaces) for each in fresh if each.replaces is not None]

    def _before(self, node: Node, since: int) -> int | None:
        """Return the number of the node at index `since` - 1 of the path to `node`."""
        path: list[int] = []
        number: int | None = self._numbers[id(node)]
        while number is not None:
            path.append(number)
            number = self._after[number]
        return path[-since] if since else None

    def _chain(self, after: int | None, nodes: Sequence[Node]) -> list[Node]:
        """Number `nodes`, the first after node `after`, and return those that are new."""
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
    """A tree that is read: `count` nodes, a line each; then its edits and timelines.

    count: nodes that the header announces; -1 before it is read.
    nodes: read so far.
    """

    def __init__(self) -> None:
        self.count = -1
        self.nodes: list[Node] = []
        self._after: list[int | None] = []
        self._replaces: list[tuple[Node, Any, int]] = []

    @property
    def line(self) -> int:
        """Return the number of the line that is read; the header is the first."""
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
        """Link what `back` undoes, once all lines are read."""
        if len(self.nodes) != self.count:
            raise Wrong(f"{self.count:,} frames were saved, {len(self.nodes):,} are there")
        for node, data, number in self._replaces:
            node.replaces = self._replaced(data, number)

    def timeline(self, data: Mapping[str, Any]) -> Timeline:
        last, index = whole(data["last"]), whole(data["index"])
        path = self._path(last)
        nodes = tuple(self.nodes[number] for number in path)
        undo = tuple((whole(i), self._replaced(replaced, path[i])) for i, replaced in data["undo"])
        if not index < len(nodes) or any(i > index for i, _ in undo):
            raise Wrong(f"step {index} is not on its timeline")
        return Timeline(checked(text_of(data["name"])), nodes, index, undo, bool(data["automatic"]))

    def _replaced(self, data: Any, number: int) -> Replaced:
        """Return what node `number` replaces."""
        since, last, future = data
        own = self._path(number)
        if not whole(since) < len(own):
            raise Wrong("an edit replaces what comes after it")
        start = own[:since]
        path = self._path(whole(last)) if last is not None else start
        longest = self._path(whole(future)) if future is not None else path
        if path[:since] != start or longest[: len(path)] != path or number in longest:
            raise Wrong("an edit replaces what was never there")
        nodes = tuple(self.nodes[each] for each in longest)
        return Replaced(since, nodes[since : len(path)], nodes[len(path) :])

    def _path(self, number: int) -> list[int]:
        """Return the numbers of the nodes from the start to that one."""
        if number >= len(self.nodes):
            raise Wrong(f"there is no frame {number}")
        path = []
        at: int | None = number
        while at is not None:
            path.append(at)
            at = self._after[at]
        return path[::-1]


def frame_of(data: Mapping[str, Any]) -> Frame:
    """Return a frame, every field of the right type. Raises Wrong."""
    texts(data["locals"])
    for name in ("function", "source", *(("value",) if data["value"] is not None else ())):
        text_of(data[name])
    for name in ("depth", *(("line",) if data["line"] is not None else ())):
        whole(data[name])
    texts(data.get("known", {}))
    text_of(data.get("statement", ""))
    return Frame.from_dict(data)


def texts(data: Any) -> dict[str, str]:
    """Return `data`, a mapping of texts to texts. Raises Wrong."""
    return {text_of(name): text_of(value) for name, value in data.items()}


def text_of(value: Any) -> str:
    """Return `value`, a text. Raises Wrong."""
    if not isinstance(value, str):
        raise Wrong(f"{value!r:.40} stands where text belongs")
    return value


def whole(value: Any) -> int:
    """Return `value`, a number from 0 on. Raises Wrong."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Wrong(f"{value!r:.40} stands where a number belongs")
    return value
