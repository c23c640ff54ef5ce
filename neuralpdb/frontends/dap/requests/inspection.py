"""The requests that look at a stop and change its state: the stack, scopes, variables, expressions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.protocol import Arguments
from neuralpdb.frontends.dap.requests import console
from neuralpdb.frontends.dap.requests.table import Reply, request
from neuralpdb.frontends.dap.session import DapSession
from neuralpdb.frontends.dap.variables import Facts
from neuralpdb.output.printable import inert
from neuralpdb.rules.expressions import check
from neuralpdb.trace.frames import Event, Origin
from neuralpdb.trace.stack import Activation

_MARKS = {Origin.EDITED: " [edited]", Origin.GUESSED: " [guess]"}


@request("stackTrace")
def stack_trace(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """The active calls, newest first; `levels` of them from `startFrame` on."""
    frames = session.references.frames()
    start, levels = max(arguments.number("startFrame", 0), 0), arguments.number("levels", 0)
    wanted = frames[start : start + levels] if levels > 0 else frames[start:]
    return {"stackFrames": [_frame(session, *each) for each in wanted], "totalFrames": len(frames)}


def _frame(session: DapSession, number: int, activation: Activation) -> dict[str, Any]:
    at = activation.leaving or activation.raising or activation.last
    mark = _MARKS.get(at.origin) or _MARKS.get(activation.last.origin, "")
    found = {
        "id": number,
        "name": f"{inert(activation.function)}{mark}",
        "line": session.client.line(at.line),
        "column": session.client.first_column if at.line else 0,
    }
    if at.line is None:
        return {**found, "presentationHint": "subtle"}
    return {**found, "source": session.source(at.line)}


@request("scopes")
def scopes(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """The locals of a frame; what returned to it, or is being returned or raised; how its frame came about."""
    number = arguments.number("frameId")
    index = session.references.activation(number)
    activation = session.debugger.stack[index]
    found = [{"name": "Locals", "presentationHint": "locals", **_scope(session, number, None)}]
    if session.references.paging:
        found[0]["namedVariables"] = len(activation.last.locals)
    for facts in (_values(session, index, activation), _prediction(session, index, activation)):
        if facts.rows:
            found.append({"name": facts.title, "presentationHint": facts.hint, **_scope(session, number, facts)})
    return {"scopes": found}


def _scope(session: DapSession, number: int, facts: Facts | None) -> dict[str, Any]:
    return {"variablesReference": session.references.scope(number, facts), "expensive": False}


def _values(session: DapSession, index: int, activation: Activation) -> Facts:
    """What leaves a frame, or what came back to the newest one from the calls on the line before."""
    leaving = activation.leaving or activation.raising
    if leaving is not None:
        what = "Return value" if leaving.event is Event.RETURN else "Exception"
        return Facts(what, "returnValue", ((f"{leaving.function}()", leaving.value or ""),))
    if not session.references.newest(index):
        return Facts("Return value", "returnValue", ())
    returned = []
    for frame in reversed(session.debugger.history[:-1]):
        if frame.depth <= activation.depth:
            break
        if frame.event is Event.RETURN and frame.depth == activation.depth + 1:
            returned.append((f"{frame.function}()", frame.value or ""))
    return Facts("Return value", "returnValue", tuple(returned[::-1]))


def _prediction(session: DapSession, index: int, activation: Activation) -> Facts:
    """How the frame of an activation came about."""
    frame = activation.leaving or activation.raising or activation.last
    rows = [("event", frame.event.value), ("origin", frame.origin.value)]
    confidence = session.debuggee.confidence(frame)
    if confidence is not None:
        rows.append(("confidence", _percent(confidence)))
    rows += [(part or "(value)", f"{_percent(share)} sure") for part, share in session.debuggee.doubts(frame).items()]
    if session.references.newest(index):
        verdict = session.debuggee.verdict(session.stop) if session.stop is not None else ""
        rows += [("truth", verdict)] if verdict else []
        rows.append(("step", f"{session.debugger.index} of {session.debugger.known} known"))
    return Facts("Prediction", "prediction", tuple(rows), values=False)


def _percent(share: float) -> str:
    return f"{math.floor(1000 * share) / 10} %"


@request("variables")
def variables(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """What is behind a reference; a part of it where `start` and `count` say so."""
    number, start, count = (
        arguments.number("variablesReference"),
        arguments.number("start", 0),
        arguments.number("count", 0),
    )
    return {"variables": session.references.variables(number, start, max(count, 0), arguments.text("filter", ""))}


@request("setVariable")
def set_variable(session: DapSession, arguments: Arguments) -> Reply:
    """Give a variable, or a part of its value, another one; later frames are predicted anew."""
    number, name = arguments.number("variablesReference"), arguments.text("name")
    local, whole, part = session.references.changed(number, name, arguments.text("value"))
    session.debugger.put(local, whole)
    return _edited(session, part)


@request("setExpression")
def set_expression(session: DapSession, arguments: Arguments) -> Reply:
    """The same for an expression that can be assigned to: a name, an item of its value, a field."""
    index = session.references.activation(arguments.number("frameId", 0))
    if not session.references.newest(index):
        raise UsageError("cannot change a caller, only the newest frame")
    expression, value = arguments.text("expression").strip(), arguments.text("value").strip()
    check(expression)
    check(value)
    found = session.references.assigned(expression, value)
    if found is not None:
        session.debugger.put(*found[:2])
    else:
        session.debugger.edit(f"{expression} = ({value})")
    session.references.change(session.debugger.stack)
    return _edited(session, session.references.evaluated(expression, 0))


def _edited(session: DapSession, text: str) -> Reply:
    session.references.change(session.debugger.stack)
    shown = session.references.value(text)
    shown["value"] = shown.pop("result")
    return Reply(shown, lambda: session.changed("stacks", "variables"))


@request("evaluate")
def evaluate_(session: DapSession, arguments: Arguments) -> Reply:
    """The value of an expression over the predicted values. In the console: whatever the prompt understands."""
    expression, context = arguments.text("expression"), arguments.text("context", "")
    number = arguments.number("frameId", 0)
    if context == "repl":
        return console.carry_out(session, expression, number)
    text = session.references.evaluated(expression, number)
    found = session.references.value(text, expression.strip())
    return Reply({**found, "result": inert(text)} if context == "clipboard" else found)


@request("completions")
def completions(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """What can stand where the console's cursor is."""
    lines = arguments.text("text").split("\n")
    line = arguments.number("line", session.client.first_line) - session.client.first_line
    text = lines[line] if 0 <= line < len(lines) else ""
    column = arguments.number("column") - session.client.first_column
    state = session.references.locals(arguments.number("frameId", 0))
    return {"targets": console.targets(text, column, state, session.client.first_column)}
