"""A look at a model server on this machine: whether it answers, whether it is ready, its model.

Short questions with the standard library, to this machine only and past any proxy. Knows nothing of prompts; the client
for predictions is `engines.vllm`.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from http.client import HTTPResponse

HERE = "http://127.0.0.1:8000/v1"
"""The address of a server that was not named: the default of `neuralpdb serve` and vLLM."""

MOST = 1 << 20
"""Bytes of an answer that are read: enough for any list of models, and an endless answer comes to an end."""

TRACE_TOKEN = "<|frame_sep|>"
"""One token of the vocabulary of a trace model, several of any other."""


@dataclass(frozen=True)
class Served:
    """The server at an address, if there is one.

    ready:   a vLLM answers.
    traces:  its model has the trace tokens.
    silent:  something listens and does not answer.
    model:   the first model that it lists.
    context: of that model, in tokens.
    """

    url: str
    ready: bool = False
    traces: bool = False
    silent: bool = False
    model: str = ""
    context: int = 0


def is_local(host: str | None) -> bool:
    """Whether `host` is this machine, by its name or a loopback address."""
    if host is None:
        return False
    try:
        return ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def look(url: str = HERE, *, key: str = "", patience: float = 0.2) -> Served:
    """Look for a vLLM at `url` (which ends in /v1); never raises. patience: seconds for each answer."""
    parts = urlsplit(url)
    try:
        connected = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=patience)
    except OSError:
        return Served(url)
    try:
        return _asked(connected, url, {"Authorization": f"Bearer {key}"} if key else {})
    except TimeoutError:
        return Served(url, silent=True)


def _asked(connected: socket.socket, url: str, headers: Mapping[str, str]) -> Served:
    """Ask the server at the other end for its model. Raises TimeoutError."""
    from http.client import HTTPConnection, HTTPException

    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc)
    connection.sock = connected
    try:
        connection.request("GET", f"{parts.path}/models", headers=headers)
        model = _first_model(_json(connection.getresponse()))
        if model is None:
            return Served(url)
        body = json.dumps({"model": model["id"], "prompt": TRACE_TOKEN, "add_special_tokens": False})
        connection.request("POST", "/tokenize", body, {**headers, "Content-Type": "application/json"})
        tokens = _json(connection.getresponse())
    except TimeoutError:
        raise
    except (OSError, HTTPException, ValueError, RecursionError):
        return Served(url)
    finally:
        connection.close()
    context = model.get("max_model_len")
    traces = isinstance(tokens, dict) and tokens.get("count") == 1
    return Served(url, True, traces, False, str(model["id"]), context if isinstance(context, int) else 0)


def _json(answer: HTTPResponse) -> Any:
    """Return the JSON of an answer; None for an error."""
    data = answer.read(MOST)
    return json.loads(data) if answer.status == 200 else None


def _first_model(data: Any) -> Mapping[str, Any] | None:
    """Return the first model of a vLLM's list; None for anything else."""
    listed = data.get("data") if isinstance(data, dict) else None
    first = listed[0] if isinstance(listed, list) and listed else None
    return first if isinstance(first, dict) and first.get("owned_by") == "vllm" and "id" in first else None
