"""The requests that read a stop and change its values: stack, scopes, variables, expressions, completions."""

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
from neuralpdb.frontends.text.marks import unmarked
from neuralpdb.output.printable import inert
from neuralpdb.program.typed import check
from neuralpdb.trace.frames import LINE, VALUE, Event, Known, Origin
from neuralpdb.trace.stack import Activation

_MARKS = {Origin.EDITED: " [edited]", Origin.GUESSED: " [guess]"}


@request("stackTrace")
def stack_trace(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """List the active calls, newest first; `levels` of them from `startFrame` on."""
    frames = session.references.frames()
    start, levels = max(arguments.number("startFrame", 0), 0), arguments.number("levels", 0)
    page = frames[start : start + levels] if levels > 0 else frames[start:]
    return {"stackFrames": [_frame(session, *each) for each in page], "totalFrames": len(frames)}


def _frame(session: DapSession, number: int, activation: Activation) -> dict[str, Any]:
    newest = activation.ending or activation.last
    remarks = session.debuggee.remarks(activation)
    chosen = " [predicted]" if remarks.how.get(LINE) is Known.PREDICTED else ""
    mark = _MARKS.get(newest.origin) or _MARKS.get(activation.last.origin, chosen)
    body = {
        "id": number,
        "name": f"{inert(activation.function)}{mark}",
        "line": session.client.line(newest.line),
        "column": session.client.first_column if newest.line else 0,
    }
    if newest.line is None:
        return {**body, "presentationHint": "subtle"}
    return {**body, "source": session.source(newest.line)}


@request("scopes")
def scopes(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """List the scopes of a frame: its locals, values returned or raised there, and how it was predicted."""
    number = arguments.number("frameId")
    index = session.references.activation(number)
    activation = session.debugger.stack[index]
    bodies = [_scope(session, number, "Locals", "locals", None)]
    if session.references.paging:
        bodies[0]["namedVariables"] = len(activation.last.locals)
    for facts in (_values(session, index, activation), _prediction(session, index, activation)):
        if facts.rows:
            bodies.append(_scope(session, number, facts.title, facts.hint, facts))
    return {"scopes": bodies}


def _scope(session: DapSession, number: int, name: str, hint: str, facts: Facts | None) -> dict[str, Any]:
    reference = session.references.scope(number, facts)
    return {"name": name, "presentationHint": hint, "variablesReference": reference, "expensive": False}


def _values(session: DapSession, index: int, activation: Activation) -> Facts:
    """Return the value that a frame returns or raises, or those that came back to the newest from its last line."""
    ending = activation.ending
    if ending is not None:
        title = "Return value" if ending.event is Event.RETURN else "Exception"
        how = session.debuggee.remarks(activation).how.get(VALUE)
        row = f"{ending.function}()", ending.value or ""
        return Facts(title, "returnValue", (row,), how=(how,) if how is not None else ())
    if not session.references.is_newest(index):
        return Facts("Return value", "returnValue", ())
    returned = []
    for frame in reversed(session.debugger.history[:-1]):
        if frame.depth <= activation.depth:
            break
        if frame.event is Event.RETURN and frame.depth == activation.depth + 1:
            returned.append((f"{frame.function}()", frame.value or ""))
    return Facts("Return value", "returnValue", tuple(returned[::-1]))


def _prediction(session: DapSession, index: int, activation: Activation) -> Facts:
    """Return how the newest frame of an activation was predicted."""
    frame = activation.ending or activation.last
    rows = [("event", frame.event.value), ("origin", frame.origin.value)]
    confidence = session.debuggee.confidence(frame)
    if confidence is not None:
        rows.append(("confidence", _percent(confidence)))
    rows += [(part or "(value)", f"{_percent(share)} sure") for part, share in session.debuggee.doubts(frame).items()]
    remarks = session.debuggee.remarks(activation)
    for who, otherwise in (("the model", remarks.model), ("Python", remarks.python)):
        rows += [(part or "(value)", f"{who} says {text}") for part, text in otherwise.items()]
    if session.references.is_newest(index):
        verdict = session.debuggee.verdict(session.stop) if session.stop is not None else ""
        rows += [("truth", verdict)] if verdict else []
        rows.append(("step", f"{session.debugger.index} of {session.debugger.known} known"))
    return Facts("Prediction", "prediction", tuple(rows), values=False)


def _percent(share: float) -> str:
    return f"{math.floor(1000 * share) / 10} %"


@request("variables")
def variables(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """List the variables behind a reference; a page of them where `start` and `count` ask for one."""
    number, start, count = (
        arguments.number("variablesReference"),
        arguments.number("start", 0),
        arguments.number("count", 0),
    )
    return {"variables": session.references.variables(number, start, max(count, 0), arguments.text("filter", ""))}


@request("setVariable")
def set_variable(session: DapSession, arguments: Arguments) -> Reply:
    """Change a variable, or a part of its value; later frames are predicted anew."""
    number, name = arguments.number("variablesReference"), arguments.text("name")
    return _edited(session, session.references.change_to(number, name, arguments.text("value")))


@request("setExpression")
def set_expression(session: DapSession, arguments: Arguments) -> Reply:
    """Assign to an expression: a name, an item of its value, a field; later frames are predicted anew."""
    index = session.references.activation(arguments.number("frameId", 0))
    if not session.references.is_newest(index):
        raise UsageError("cannot change a caller, only the newest frame")
    expression, value = arguments.text("expression").strip(), unmarked(arguments.text("value").strip())
    check(expression)
    return _edited(session, session.references.assign(expression, value))


def _edited(session: DapSession, text: str) -> Reply:
    session.references.change(session.debugger.stack)
    body = session.references.value(text)
    body["value"] = body.pop("result")
    return Reply(body, lambda: session.changed("stacks", "variables"))


@request("evaluate")
def evaluate_(session: DapSession, arguments: Arguments) -> Reply:
    """Evaluate an expression, with no effect on anything; in the console, whatever the prompt understands."""
    expression, context = arguments.text("expression"), arguments.text("context", "")
    number = arguments.number("frameId", 0)
    if context == "repl":
        return console.carry_out(session, expression, number)
    text = session.references.evaluated(expression, number).text
    body = session.references.value(text, expression.strip(), number)
    if context in ("hover", "watch"):
        remarks, name = session.references.remarks_on(expression, number)
        body["result"] += remarks.brief(name).plain
    return Reply({**body, "result": inert(text)} if context == "clipboard" else body)


@request("completions")
def completions(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """List locals and commands that complete the word at the console's cursor."""
    lines = arguments.text("text").split("\n")
    line = arguments.number("line", session.client.first_line) - session.client.first_line
    text = lines[line] if 0 <= line < len(lines) else ""
    column = arguments.number("column") - session.client.first_column
    state = session.references.locals(arguments.number("frameId", 0))
    return {"targets": console.targets(text, column, state, session.client.first_column)}
