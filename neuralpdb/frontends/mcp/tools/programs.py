"""The tools that open, list and close programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from neuralpdb.frontends.mcp.answers import Answer, Stopped, data, lines_of
from neuralpdb.frontends.mcp.sessions import SOURCE, OpenProgram, OpenPrograms
from neuralpdb.frontends.mcp.tools.table import tool
from neuralpdb.output.printable import short

_NAME = 60
"""Characters of a name in the list of sessions."""

Source = Annotated[str | None, Field(description="The text of the program; or give path.", max_length=SOURCE)]
Path = Annotated[
    str | None,
    Field(description="A Python file below the server's working directory or its --root folders.", max_length=1000),
]
Call = Annotated[
    str,
    Field(
        description="Start in this call of a function of the program, for example f('abc', 2). Empty: at the first "
        "statement of the script that is no definition, or at the line that ends in `# << START_OF_TRACE`.",
        max_length=10_000,
    ),
]
Line = Annotated[
    int, Field(description="Start before this line instead, inside a function too; 0: not.", ge=0, le=SOURCE)
]
Values = Annotated[
    dict[str, str] | None,
    Field(
        description='Locals of the first frame: name to Python literal, for example {"total": "0", "word": "\'abc\'"}. '
        "With line, or for the parameters of a marked function; what is not given there, the model invents.",
        max_length=200,
    ),
]


@tool()
def open_program(
    programs: OpenPrograms,
    source: Source = None,
    path: Path = None,
    call: Call = "",
    line: Line = 0,
    state: Values = None,
) -> Stopped:
    """Open a Python program in the neural debugger and stop at its first frame; the answer names the session.
    A model predicts what the program would do: nothing is executed, so missing modules, hardware and side effects do
    not matter, any code fragment and any starting state will do, and every value is a guess that can be wrong.
    Give source or path. Close the session with close_program when done.
    """
    opened, stop = programs.open(text=source, path=path, call=call, line=line, state=state or {})
    return opened.answer(stop)


class Open(Answer):
    """One opened program."""

    session: str
    program: str
    step: int
    """Number of the frame where it stands."""
    known: int
    """Number of the last frame that is known."""
    function: str
    """The function it is in; empty before the first frame."""
    line: int | None

    def lines(self) -> Iterator[str]:
        yield f"{self.session}: step {self.step} (known to {self.known})"
        yield data(f"{self.program}({self.line}){self.function}()")


class Opened(Answer):
    """All opened programs."""

    sessions: list[Open]

    def lines(self) -> Iterator[str]:
        if not self.sessions:
            yield "no session is open"
        yield from lines_of(self.sessions)


@tool(reads=True)
def list_sessions(programs: OpenPrograms) -> Opened:
    """List the open sessions: which program, where each stands."""
    return Opened(sessions=[_listed(each) for each in list(programs.opened.values())])


def _listed(opened: OpenProgram) -> Open:
    frame = opened.session.frame
    return Open(
        session=opened.id,
        program=short(opened.session.entry.program.name, _NAME),
        step=opened.session.index,
        known=opened.session.known,
        function=short(frame.function, _NAME) if frame is not None else "",
        line=frame.line if frame is not None else None,
    )


class Closed(Answer):
    """The session that was closed."""

    session: str

    def lines(self) -> Iterator[str]:
        yield f"{self.session} is closed"


@tool()
def close_program(
    programs: OpenPrograms, session: Annotated[str, Field(description="Session id.", max_length=40)]
) -> Closed:
    """Close a session and forget its trace."""
    programs.close(session)
    return Closed(session=session)
