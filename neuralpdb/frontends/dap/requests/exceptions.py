"""Why we stopped, in the words of the protocol and in one line for the user; exceptions that were predicted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuralpdb.debugger.stop import StopKind
from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.protocol import Arguments
from neuralpdb.frontends.dap.requests.table import request
from neuralpdb.frontends.dap.stopped import NOTHING
from neuralpdb.output.printable import inert, short
from neuralpdb.trace.frames import Event

if TYPE_CHECKING:
    from neuralpdb.frontends.dap.adapter import Adapter

_RAISED = re.compile(r"[A-Za-z_][\w.]*")


@request("exceptionInfo")
def exception_info(adapter: Adapter, said: Arguments) -> Mapping[str, Any]:
    """The predicted exception here; or why there is no prediction, and what the model wrote instead."""
    stop, frame = adapter.stop, adapter.session.frame
    if stop is not None and stop.kind is StopKind.TROUBLE:
        wrote = stop.trouble.text if stop.trouble is not None else ""
        details = f"{stop.message}\n\nthe model wrote: {short(wrote, 2_000)}" if wrote else stop.message
        return _information(NOTHING, details, stop.message)
    if frame is None or frame.event is not Event.EXCEPTION:
        raise UsageError("no exception is predicted here")
    name = _RAISED.match(frame.value or "")
    return _information(name[0] if name else "exception", frame.value or "", frame.value or "")


def _information(name: str, description: str, message: str) -> dict[str, Any]:
    text = "\n".join(inert(line) for line in description.split("\n"))
    details = {"message": inert(message), "typeName": inert(name)}
    return {"exceptionId": inert(name), "description": text, "breakMode": "always", "details": details}
