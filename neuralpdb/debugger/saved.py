"""Saved sessions: a file of JSON lines, a header and then one line for every known frame of any timeline.

A file is written whole or not at all, and read with distrust. A line names the earlier line that it follows, so the
tree of the history, and what `back` undoes, come back as they were. It knows no prompt.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from neuralpdb import __version__
from neuralpdb.debugger.breakpoints import Breakpoint, lines_of
from neuralpdb.debugger.breakpoints import checked as checked_expression
from neuralpdb.debugger.displays import Display
from neuralpdb.debugger.saved_tree import Reading, Writing, Wrong, frame_of, text_of, texts, whole
from neuralpdb.debugger.session import Session
from neuralpdb.debugger.stop import Stop
from neuralpdb.debugger.timelines import Timeline, Timelines, checked
from neuralpdb.errors import NeuralPdbError, UsageError
from neuralpdb.output import files
from neuralpdb.program.entry import Entry
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import same_state

FORMAT = "neuralpdb.session/"
VERSION = 1
"""Version of the format; a file of a later one is refused. Frames of earlier files lack `known` and `statement`."""

LONGEST_HEADER = 64_000_000
"""Characters of a first line: it holds the program, so it may be long, but a foreign file must not fill the memory."""


@dataclass(frozen=True)
class Besides:
    """State of a prompt that is saved with its session.

    displays: displayed expressions.
    aliases:  name -> command.
    """

    displays: Sequence[Display] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Saved:
    """Contents of a file.

    entry:       the program and its start.
    timelines:   the kept timelines and checkpoints.
    present:     the timeline to continue.
    breakpoints: with their numbers and settings.
    besides:     state of the prompt.
    """

    entry: Entry
    timelines: Timelines
    present: Timeline
    breakpoints: Sequence[Breakpoint] = ()
    besides: Besides = field(default_factory=Besides)


# -- writing ------------------------------------------------------------------------------------------------------


def save(session: Session, file: Path, besides: Besides) -> int:
    """Write a session to `file`, and return the number of its frames. Raises UsageError; then nothing has changed.

    A file that is not a saved session is never overwritten.
    """
    if not session.history:
        raise UsageError("there is no frame yet", "type step")
    if file.exists() and not files.is_special(file) and not _is_session(file):
        raise UsageError(f"{file} exists and is not a saved session", "name another file")
    texts = list(lines(session, besides))
    try:
        files.put(file.resolve(), ("\n".join(texts) + "\n").encode("ascii"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write {file}: {_reason(error)}", "name another file") from None
    return len(texts) - 1


def lines(session: Session, besides: Besides) -> Iterator[str]:
    """Yield the lines of the file, in ASCII, without their newlines."""
    kept, present = session.timelines, session.present
    tree = Writing()
    for timeline in (present, *kept.kept.values(), *kept.checkpoints.values()):
        tree.add(timeline)
    header = {
        "format": f"{FORMAT}{VERSION}",
        "neuralpdb": __version__,
        "program": _program(session.entry.program),
        "entry": _entry(session.entry),
        "frames": len(tree.nodes),
        "present": tree.timeline(present),
        "timelines": [tree.timeline(each) for each in kept.kept.values()],
        "checkpoints": {name: tree.timeline(each) for name, each in kept.checkpoints.items()},
        "breakpoints": [asdict(point) for point in session.breakpoints],
        "displays": list(_displayed(session, besides.displays)),
        "aliases": dict(besides.aliases),
    }
    yield json.dumps(header)
    for node in tree.nodes:
        yield json.dumps(tree.line(node))


def digest(text: str) -> str:
    """Return the hash of a source text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _program(program: Program) -> dict[str, Any]:
    own = "\n".join(program.lines[: program.own])
    return {
        "name": program.name,
        "sha256": digest(own),
        "text": own,
        "added": list(program.lines[program.own :]),
        "marks": list(program.marks),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    first = entry.first.as_dict() if entry.first is not None else None
    return {"marked": entry.marked, "function": entry.function, "first": first, "given": dict(entry.given)}


_DISPLAY = ("expression", "depth", "function", "value")


def _displayed(session: Session, displays: Iterable[Display]) -> Iterator[dict[str, Any]]:
    """Yield the displays of the present timeline; `entry` is the step that entered their activation."""
    steps = {id(frame): step for step, frame in enumerate(session.history)}
    for display in displays:
        if display.entry is None or id(display.entry) in steps:
            entry = steps[id(display.entry)] if display.entry is not None else None
            yield {**{name: getattr(display, name) for name in _DISPLAY}, "entry": entry}


# -- reading ------------------------------------------------------------------------------------------------------


def load(file: Path) -> Saved:
    """Return the contents of `file`. Raises UsageError, which names the line that is wrong."""
    tree = Reading()
    try:
        if not file.is_file():
            raise UsageError(
                f"cannot read {file}", "it is not a regular file" if file.exists() else "there is no such file"
            )
        with file.open(encoding="utf-8") as stream:
            header = _header(stream.readline(LONGEST_HEADER))
            tree.count = whole(header["frames"])
            for line in stream:
                tree.take(_object(line))
        return _saved(header, tree)
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise UsageError(f"cannot read {file}, line {tree.line}: {_reason(error)}", "is it a saved session?") from None
    except (Wrong, LookupError, TypeError, AttributeError) as error:
        message = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise UsageError(
            f"cannot read {file}, line {tree.line}: {message}", "is it a saved session, and whole?"
        ) from None


def changed(program: Program) -> bool:
    """Whether the file of a saved program has changed; one that cannot be read has not."""
    try:
        return Path(program.name).is_file() and Program.read(Path(program.name)).lines != program.lines[: program.own]
    except (NeuralPdbError, ValueError):  # a name that no file can have
        return False


def restore(session: Session, saved: Saved) -> Stop:
    """Replace the session by a saved one, and return where it goes on.

    Raises UsageError when the program or its start is another one; then nothing has changed.
    """
    ours, theirs = session.entry, saved.entry
    hint = "start it by: neuralpdb --session FILE"
    same_text = ours.program.lines == theirs.program.lines
    if not same_text and ours.program.own == theirs.program.own == len(theirs.program.lines):
        raise UsageError(f"it was saved from a different version of {theirs.program.name}", hint)
    same_entry = (ours.marked, ours.function, dict(ours.given)) == (theirs.marked, theirs.function, dict(theirs.given))
    starts = ours.first, theirs.first
    same_start = starts[0] is starts[1] or (None not in starts and same_state(*starts))  # type: ignore[arg-type]
    if not (same_text and same_entry and same_start):
        raise UsageError("it was saved from another program, or another start", hint)
    session.breakpoints.restore(iter(saved.breakpoints))
    return session.take_up(saved.timelines, saved.present)


def _is_session(file: Path) -> bool:
    """Whether the first line of `file` is that of a saved session, of any version."""
    try:
        with file.open(encoding="utf-8") as stream:
            return str(_object(stream.readline(LONGEST_HEADER)).get("format", "")).startswith(FORMAT)
    except (OSError, ValueError, RecursionError, MemoryError, Wrong):
        return False


def _header(line: str) -> dict[str, Any]:
    header = _object(line)
    name = str(header.get("format", ""))
    version = name.removeprefix(FORMAT)
    if name == version:
        raise Wrong("it does not begin as a saved session does")
    if version != str(VERSION):
        raise Wrong(f"format {version[:20]} is unknown, only {VERSION}: saved by {header.get('neuralpdb')!s:.20}")
    return header


def _saved(header: Mapping[str, Any], tree: Reading) -> Saved:
    tree.finish()
    present = tree.timeline(header["present"])
    kept = [tree.timeline(each) for each in header["timelines"]]
    checkpoints = {checked(text_of(name)): tree.timeline(each) for name, each in header["checkpoints"].items()}
    timelines = Timelines(present.name, {each.name: each for each in kept}, checkpoints)
    if present.name in timelines.kept or len(timelines.kept) != len(kept):
        raise Wrong("two timelines of one name")
    entry = _read_entry(header)
    points = [_breakpoint(data, entry.program) for data in header["breakpoints"]]
    displays = [_display(data, present) for data in header["displays"]]
    return Saved(entry, timelines, present, points, Besides(displays, texts(header["aliases"])))


def _breakpoint(data: Mapping[str, Any], program: Program) -> Breakpoint:
    fields: dict[str, Any] = {name: text_of(data[name]) for name in ("function", "watched", "condition", "log")}
    for expression in (fields["watched"], fields["condition"]):
        checked_expression(expression)
    line = None if data["line"] is None else whole(data["line"])
    if (line is None) is not bool(fields["watched"]) or (line is not None and line not in lines_of(program)):
        raise Wrong(f"there can be no breakpoint on line {line}")
    fields |= {name: bool(data[name]) for name in ("temporary", "silent", "enabled")}
    fields |= {name: whole(data[name]) for name in ("number", "ignore", "hits")}
    return Breakpoint(line=line, commands=tuple(map(text_of, data["commands"])), **fields)


def _display(data: Mapping[str, Any], present: Timeline) -> Display:
    entry = None if data["entry"] is None else present.frames[whole(data["entry"])]
    expression = checked_expression(text_of(data["expression"]))
    return Display(expression, whole(data["depth"]), text_of(data["function"]), entry, text_of(data["value"]))


def _read_entry(header: Mapping[str, Any]) -> Entry:
    data, entry = header["program"], header["entry"]
    text, added = text_of(data["text"]), [text_of(line) for line in data["added"]]
    if digest(text) != data["sha256"]:
        raise Wrong("the source is not the one that was saved (its hash differs)")
    own = text.split("\n")
    marks = tuple(whole(mark) for mark in data["marks"])
    program = Program(text_of(data["name"]), (*own, *added), marks, len(own))
    _ = program.code  # refuse bad syntax now
    first = None if entry["first"] is None else frame_of(entry["first"])
    function = None if entry["function"] is None else text_of(entry["function"])
    return Entry(program, whole(entry["marked"]), first, function, texts(entry["given"]))


def _object(line: str) -> dict[str, Any]:
    data = json.loads(line)
    if not isinstance(data, dict):
        raise Wrong("it is not a JSON object")
    return data


def _reason(error: Exception) -> str:
    """Return the reason of an error in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
