"""The tools about breakpoints: of lines, functions and watched expressions, with their conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from neuralpdb.debugger.breakpoints import Breakpoint
from neuralpdb.errors import UsageError
from neuralpdb.frontends.mcp.answers import VALUE, Answer, data, lines_of
from neuralpdb.frontends.mcp.sessions import OpenProgram
from neuralpdb.frontends.mcp.tools.table import tool
from neuralpdb.output.printable import short

MOST = 100
"""Most breakpoints of a session: each costs a look at every frame, and all are listed in one answer."""

Expression = Annotated[str, Field(max_length=2_000)]


class Point(Answer):
    """One breakpoint."""

    number: int
    where: str
    """file:line, or the expression that is watched."""
    line: int | None
    condition: str
    ignore: int
    """How many times more it does not stop."""
    temporary: bool
    """It is deleted when it stops."""
    hits: int
    """How often it was reached."""

    def lines(self) -> Iterator[str]:
        condition = f" if {self.condition}" if self.condition else ""
        yield data(f"{self.number} {self.where}{condition} (reached {self.hits} times)")


class Points(Answer):
    """All breakpoints of a session."""

    session: str
    breakpoints: list[Point]

    def lines(self) -> Iterator[str]:
        yield f"{self.session}: {len(self.breakpoints)} breakpoints"
        yield from lines_of(self.breakpoints)


def _points(opened: OpenProgram) -> Points:
    return Points(session=opened.id, breakpoints=[_point(opened, each) for each in opened.session.breakpoints])


def _point(opened: OpenProgram, point: Breakpoint) -> Point:
    return Point(
        number=point.number,
        where=short(opened.session.breakpoints.place(point), VALUE),
        line=point.line,
        condition=short(point.condition, VALUE),
        ignore=point.ignore,
        temporary=point.temporary,
        hits=point.hits,
    )


@tool()
def set_breakpoint(
    opened: OpenProgram,
    line: Annotated[int, Field(description="Stop whenever this line is about to run.", ge=0)] = 0,
    function: Annotated[str, Field(description="Or: at the start of this function (f, C.m).", max_length=200)] = "",
    watch: Annotated[Expression, Field(description="Or: when the value of this expression changes.")] = "",
    condition: Annotated[Expression, Field(description="Stop only where this expression holds.")] = "",
    ignore: Annotated[int, Field(description="Do not stop the first so many times.", ge=0, le=10**6)] = 0,
    temporary: Annotated[bool, Field(description="Only once.")] = False,
) -> Points:
    """Set a breakpoint for the movements: give one of line, function and watch. The answer lists all of them."""
    points = opened.session.breakpoints
    if sum(map(bool, (line, function, watch))) != 1:
        raise UsageError("set_breakpoint: give one of line, function and watch")
    if len(points) >= MOST:
        raise UsageError(f"there are {MOST} breakpoints, the most", "clear_breakpoint removes one")
    if watch:
        frame = opened.session.frame
        point = points.watch(watch, function=frame.function if frame is not None else "", condition=condition)
        point.temporary = temporary
    elif function:
        point = points.set_at_function(function, condition=condition, temporary=temporary)
    else:
        point = points.set(line, condition=condition, temporary=temporary)
    point.ignore = ignore
    return _points(opened)


@tool(reads=True)
def list_breakpoints(opened: OpenProgram) -> Points:
    """List the breakpoints and how often each was reached."""
    return _points(opened)


@tool()
def clear_breakpoint(opened: OpenProgram, number: Annotated[int, Field(description="Its number.", ge=1)]) -> Points:
    """Remove a breakpoint. The answer lists those that are left."""
    opened.session.breakpoints.clear(opened.session.breakpoints.find(number))
    return _points(opened)
