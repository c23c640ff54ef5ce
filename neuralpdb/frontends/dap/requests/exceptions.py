"""The request about exceptions: the predicted one at this stop, or why there is no prediction."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from neuralpdb.debugger.stop import StopKind
from neuralpdb.errors import UsageError
from neuralpdb.frontends.dap.protocol import Arguments
from neuralpdb.frontends.dap.requests.table import request
from neuralpdb.frontends.dap.session import DapSession
from neuralpdb.frontends.dap.stopped import NOTHING
from neuralpdb.output.printable import inert, short
from neuralpdb.trace.frames import Event

_RAISED = re.compile(r"[A-Za-z_][\w.]*")


@request("exceptionInfo")
def exception_info(session: DapSession, arguments: Arguments) -> Mapping[str, Any]:
    """Describe the predicted exception here; or why there is no prediction, and what the model wrote instead."""
    stop, frame = session.stop, session.debugger.frame
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
