"""The requests that look at a stop and change its state: the stack, scopes, variables, expressions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.protocol import Arguments
from neuralpdb.frontends.dap.requests import console
from neuralpdb.frontends.dap.requests.table import Reply, request
from neuralpdb.frontends.dap.sources import source_of
from neuralpdb.frontends.dap.variables import Facts
from neuralpdb.output.printable import inert
from neuralpdb.rules.expressions import check
from neuralpdb.trace.frames import Event, Origin
from neuralpdb.trace.stack import Activation

if TYPE_CHECKING:
    from neuralpdb.frontends.dap.adapter import Adapter


_MARKS = {Origin.EDITED: " [edited]", Origin.GUESSED: " [guess]"}


@request("stackTrace")
def stack_trace(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """The active calls, newest first; `levels` of them from `startFrame` on."""
    frames = adapter.references.frames()
    start, levels = max(said.number("startFrame", 0), 0), said.number("levels", 0)
    wanted = frames[start : start + levels] if levels > 0 else frames[start:]
    return {"stackFrames": [_frame(adapter, *each) for each in wanted], "totalFrames": len(frames)}


def _frame(adapter: Adapter, number: int, activation: Activation) -> dict[str, Any]:
    at = activation.leaving or activation.raising or activation.last
    mark = _MARKS.get(at.origin) or _MARKS.get(activation.last.origin, "")
    found = {
        "id": number,
        "name": f"{inert(activation.function)}{mark}",
        "line": adapter.client.line(at.line),
        "column": adapter.client.first_column if at.line else 0,
    }
    if at.line is None:
        return {**found, "presentationHint": "subtle"}
    return {**found, "source": source_of(adapter, at.line)}


@request("scopes")
def scopes(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """The locals of a frame; what returned to it, or is being returned or raised; how its frame came about."""
    number = said.number("frameId")
    index = adapter.references.activation(number)
    activation = adapter.session.stack[index]
    found = [{"name": "Locals", "presentationHint": "locals", **_scope(adapter, number, None)}]
    if adapter.references.paging:
        found[0]["namedVariables"] = len(activation.last.locals)
    for facts in (_values(adapter, index, activation), _prediction(adapter, index, activation)):
        if facts.rows:
            found.append({"name": facts.title, "presentationHint": facts.hint, **_scope(adapter, number, facts)})
    return {"scopes": found}


def _scope(adapter: Adapter, number: int, facts: Facts | None) -> dict[str, Any]:
    return {"variablesReference": adapter.references.scope(number, facts), "expensive": False}


def _values(adapter: Adapter, index: int, activation: Activation) -> Facts:
    """What leaves a frame, or what came back to the newest one from the calls on the line before."""
    leaving = activation.leaving or activation.raising
    if leaving is not None:
        what = "Return value" if leaving.event is Event.RETURN else "Exception"
        return Facts(what, "returnValue", ((f"{leaving.function}()", leaving.value or ""),))
    if not adapter.references.newest(index):
        return Facts("Return value", "returnValue", ())
    returned = []
    for frame in reversed(adapter.session.history[:-1]):
        if frame.depth <= activation.depth:
            break
        if frame.event is Event.RETURN and frame.depth == activation.depth + 1:
            returned.append((f"{frame.function}()", frame.value or ""))
    return Facts("Return value", "returnValue", tuple(returned[::-1]))


def _prediction(adapter: Adapter, index: int, activation: Activation) -> Facts:
    """How the frame of an activation came about."""
    frame = activation.leaving or activation.raising or activation.last
    rows = [("event", frame.event.value), ("origin", frame.origin.value)]
    confidence = adapter.debuggee.confidence(frame)
    if confidence is not None:
        rows.append(("confidence", _percent(confidence)))
    rows += [(part or "(value)", f"{_percent(share)} sure") for part, share in adapter.debuggee.doubts(frame).items()]
    if adapter.references.newest(index):
        verdict = adapter.debuggee.verdict(adapter.stop) if adapter.stop is not None else ""
        rows += [("truth", verdict)] if verdict else []
        rows.append(("step", f"{adapter.session.index} of {adapter.session.known} known"))
    return Facts("Prediction", "prediction", tuple(rows), values=False)


def _percent(share: float) -> str:
    return f"{math.floor(1000 * share) / 10} %"


@request("variables")
def variables(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """What is behind a reference; a part of it where `start` and `count` say so."""
    number, start, count = said.number("variablesReference"), said.number("start", 0), said.number("count", 0)
    return {"variables": adapter.references.variables(number, start, max(count, 0), said.text("filter", ""))}


@request("setVariable")
def set_variable(adapter: Adapter, said: Arguments) -> Reply:
    """Give a variable, or a part of its value, another one; later frames are predicted anew."""
    number, name = said.number("variablesReference"), said.text("name")
    local, whole, part = adapter.references.changed(number, name, said.text("value"))
    adapter.session.put(local, whole)
    return _edited(adapter, part)


@request("setExpression")
def set_expression(adapter: Adapter, said: Arguments) -> Reply:
    """The same for an expression that can be assigned to: a name, an item of its value, a field."""
    index = adapter.references.activation(said.number("frameId", 0))
    if not adapter.references.newest(index):
        raise UsageError("cannot change a caller, only the newest frame")
    expression, value = said.text("expression").strip(), said.text("value").strip()
    check(expression)
    check(value)
    found = adapter.references.assigned(expression, value)
    if found is not None:
        adapter.session.put(*found[:2])
    else:
        adapter.session.edit(f"{expression} = ({value})")
    adapter.references.change(adapter.session.stack)
    return _edited(adapter, adapter.references.evaluated(expression, 0))


def _edited(adapter: Adapter, text: str) -> Reply:
    adapter.references.change(adapter.session.stack)
    shown = adapter.references.value(text)
    shown["value"] = shown.pop("result")
    return Reply(shown, lambda: adapter.changed("stacks", "variables"))


@request("evaluate")
def evaluate_(adapter: Adapter, said: Arguments) -> Reply:
    """The value of an expression over the predicted values. In the console: whatever the prompt understands."""
    expression, context = said.text("expression"), said.text("context", "")
    number = said.number("frameId", 0)
    if context == "repl":
        return console.carry_out(adapter, expression, number)
    text = adapter.references.evaluated(expression, number)
    found = adapter.references.value(text, expression.strip())
    return Reply({**found, "result": inert(text)} if context == "clipboard" else found)


@request("completions")
def completions(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """What can stand where the console's cursor is."""
    lines = said.text("text").split("\n")
    line = said.number("line", adapter.client.first_line) - adapter.client.first_line
    text = lines[line] if 0 <= line < len(lines) else ""
    column = said.number("column") - adapter.client.first_column
    state = adapter.references.locals(said.number("frameId", 0))
    return {"targets": console.targets(text, column, state, adapter.client.first_column)}
