"""What an editor wants to stop at: its breakpoints of every kind, and how a stop is described to it.

The session's own breakpoints do the work; this keeps what the editor asked for, under the numbers that it knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.breakpoints import RAISED, EditorBreakpoint
from neuralpdb.frontends.dap.protocol import Arguments, Phase, event
from neuralpdb.frontends.dap.requests.sources import is_program
from neuralpdb.frontends.dap.requests.table import DuringMovement, request
from neuralpdb.frontends.dap.sources import source_of
from neuralpdb.rules.expressions import evaluate

if TYPE_CHECKING:
    from neuralpdb.frontends.dap.adapter import Adapter

# -- requests ---------------------------------------------------------------------------------------------------------


@request("setBreakpoints", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def set_breakpoints(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """Breakpoints of a file, in place of those that it had."""
    source = said.table("source")
    if not is_program(adapter, source):
        message = f"only {adapter.debuggee.path.name} is predicted, nothing stops in another file"
        elsewhere = zip(adapter.stops.numbers, said.items("breakpoints"), strict=False)
        return {"breakpoints": [{"id": number, "verified": False, "message": message} for number, _ in elsewhere]}
    wanted = [(each, adapter.client.own_line(each.number("line"))) for each in said.items("breakpoints")]
    if said.flag("sourceModified"):
        adapter.say("the file was changed: restart predicts it as it is now")
    return _answer(adapter, "source", wanted)


@request("setFunctionBreakpoints", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def set_function_breakpoints(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """Stop at the first line of functions, by name."""
    return _answer(adapter, "function", [(each, 0) for each in said.items("breakpoints")])


@request("setDataBreakpoints", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def set_data_breakpoints(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """Stop where the value of an expression has changed."""
    return _answer(adapter, "data", [(each, 0) for each in said.items("breakpoints")])


@request("setExceptionBreakpoints", Phase.LAUNCHED, moving=DuringMovement.ANSWERED)
def set_exception_breakpoints(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """Stop at predicted exceptions, or not."""
    chosen = [*said.texts("filters"), *(each.text("filterId") for each in said.items("filterOptions"))]
    adapter.stops.raised = RAISED["filter"] in chosen
    return {"breakpoints": [{"verified": each == RAISED["filter"]} for each in chosen]}


@request("dataBreakpointInfo", Phase.STARTED)
def data_breakpoint_info(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """Whether a variable can be watched, and under which name."""
    name, number = said.text("name"), said.number("variablesReference", 0)
    try:
        index, expression = (
            adapter.references.expression(number, name)
            if number
            else (adapter.references.activation(said.number("frameId", 0)), name)
        )
        stack = adapter.session.stack
        evaluate(expression, stack[index].last.locals)
    except (UsageError, IndexError) as error:
        return {"dataId": None, "description": f"{name[:60]} cannot be watched: {error}"}
    function = stack[index].function
    return {
        "dataId": f"{function}:{expression}",
        "description": f"{expression} in {function}()",
        "accessTypes": ["write"],
        "canPersist": True,
    }


def _answer(adapter: Adapter, kind: str, wanted: list[tuple[Arguments, int]]) -> Mapping[str, Any]:
    found = adapter.stops.set(kind, wanted, adapter.session)
    return {"breakpoints": [shown(adapter, wish) for wish in found]}


def shown(adapter: Adapter, wish: EditorBreakpoint) -> dict[str, Any]:
    """A breakpoint as the protocol has it."""
    found: dict[str, Any] = {"id": wish.number, "verified": wish.point is not None}
    if wish.message:
        found["message"] = wish.message
    if wish.point is not None and wish.point.line is not None:
        found["line"] = adapter.client.line(wish.point.line)
        found["source"] = source_of(adapter, wish.point.line)
    return found


def again(adapter: Adapter) -> None:
    """Set all breakpoints anew in a session that was just launched, and say of each what became of it."""
    for wish in adapter.stops.wishes:
        wish.place(adapter.session)
        adapter.send(event("breakpoint", {"reason": "changed", "breakpoint": shown(adapter, wish)}))


def missing(adapter: Adapter) -> None:
    """Say of which breakpoints somebody else disposed."""
    points = [*adapter.session.breakpoints]
    for wish in adapter.stops.wishes:
        if wish.point is not None and not any(point is wish.point for point in points):
            wish.point, wish.message = None, "it was removed in the console"
            adapter.send(event("breakpoint", {"reason": "removed", "breakpoint": shown(adapter, wish)}))
