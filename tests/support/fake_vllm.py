"""Fake vLLM: as much of vLLM as `neuralpdb serve` and `doctor` meet, its command line, log and HTTP interface.

A token is a trace token or one character. `FakeServer` answers in this process; as a program (see `install`) it does
what the variable FAKE_VLLM says: `ready` (default), `oom`, `never`, `stubborn` or `dies`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from places import ROOT, TESTS

from neuralpdb.engines.tokens import Markup, Token, parsed, spelled

IDS = {token: i for i, token in enumerate(Token)}
LETTERS = 1000
"""Added to the code point of a letter to make its token id."""

OUT_OF_MEMORY = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 258.00 MiB. GPU 0 has a total capacity of 23.99 GiB"
)


def encoded(text: str) -> list[int]:
    """Return the token ids of a text in which trace tokens are spelled out."""
    pieces = ([piece] if isinstance(piece, Token) else piece for piece in parsed(text))
    return [IDS[each] if isinstance(each, Token) else ord(each) + LETTERS for piece in pieces for each in piece]


def decoded(ids: Iterable[int]) -> str:
    """Return the text of token ids: the inverse of `encoded`."""
    tokens = list(Token)
    return spelled(tokens[i] if i < LETTERS else chr(i - LETTERS) for i in ids)


class FakeServer:
    """Answers on loopback.

    replies: what the model writes, in order; then END.
    changes: other answers to certain paths, each a JSON value or a status.
    cached:  tokens of each prompt that it reports as cached.
    key:     what a client has to send; empty for nothing.
    asked:   the paths that were requested.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        names: Sequence[str] = ("mini",),
        context: int = 8192,
        replies: Iterable[Markup] = (),
        ids: Mapping[Token, int] | None = None,
        cached: int = 5,
        changes: Mapping[str, Any] | None = None,
        key: str = "",
    ) -> None:
        self.key = key
        self.names, self.context, self.cached = names, context, cached
        self.replies = [spelled(reply) for reply in replies]
        self.ids = dict(IDS if ids is None else ids)
        self.changes = dict(changes or {})
        self.asked: list[str] = []
        self._http = ThreadingHTTPServer((host, port), type("Handler", (_Handler,), {"fake": self}))
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self) -> FakeServer:
        threading.Thread(target=self.run, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def run(self) -> None:
        self._http.serve_forever(poll_interval=0.01)

    def answer(self, path: str, body: Any) -> Any:
        """Return a JSON value, a status, or a list of events as a tuple."""
        self.asked.append(path)
        if path in self.changes:
            return self.changes[path]
        if path == "/version":
            return {"version": "0.0.fake"}
        if path == "/v1/models":
            facts = {"owned_by": "vllm", "root": "/models/fake", "max_model_len": self.context}
            return {"data": [{"id": name, **facts} for name in self.names]}
        if path == "/tokenize":
            ids = [self._out(i) for i in encoded(body["prompt"])]
            return {"count": len(ids), "tokens": ids}
        if path == "/v1/completions" and "prompt_logprobs" in body:
            return self._scored(body["prompt"])
        return tuple(self._written(body)) if path == "/v1/completions" else 404

    def _out(self, i: int) -> int:
        return self.ids[list(Token)[i]] if i < LETTERS else i

    def _scored(self, prompt: Sequence[int]) -> Any:
        """Score every token as the one that the model would have written."""
        entries: list[Any] = [{str(i): {"logprob": -0.1, "rank": 1}, "1": {"logprob": -3.0, "rank": 2}} for i in prompt]
        return {"choices": [{"prompt_logprobs": [None, *entries[1:]]}]}

    def _written(self, body: Mapping[str, Any]) -> Iterable[Any]:
        text = self.replies.pop(0) if self.replies else Token.END.value
        ids = [self._out(i) for i in encoded(text)]
        choice = {"index": 0, "token_ids": ids, "text": text, "finish_reason": "stop"}
        prompt = len(body["prompt"][0])
        usage = {"prompt_tokens": prompt, "prompt_tokens_details": {"cached_tokens": self.cached}}
        yield {"choices": [choice | {"logprobs": {"token_logprobs": [-0.1] * len(ids)}}]}
        yield {"choices": [], "usage": usage}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: FakeServer

    def _answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        welcome = not self.fake.key or self.headers.get("Authorization") == f"Bearer {self.fake.key}"
        answer = self.fake.answer(self.path, json.loads(sent) if sent else None) if welcome else 401
        if isinstance(answer, tuple):
            events = [*map(json.dumps, answer), "[DONE]"]
            self._send(200, "".join(f"data: {event}\n\n" for event in events).encode(), "text/event-stream")
        elif isinstance(answer, int):
            self._send(answer, json.dumps({"error": {"message": "as the test wants it"}}).encode())
        else:
            self._send(200, json.dumps(answer).encode())

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815 - the library's names

    def log_message(self, *args: object) -> None:
        pass


# -- the program ------------------------------------------------------------------------------------------------------


def install(folder: Path) -> Path:
    """Put a `vllm` into `folder`, for a PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "vllm"
    paths = [str(TESTS / "support"), str(ROOT)]
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.path[:0] = {paths}\nfrom fake_vllm import main\nmain()\n")
    program.chmod(0o755)
    return program


def main() -> None:
    """Run as a program, which writes its arguments and variables to the file FAKE_VLLM_SEEN."""
    mode = os.environ.get("FAKE_VLLM", "ready")
    helper = subprocess.Popen(["sleep", "600"])  # as vLLM has processes of its own
    facts = {"argv": sys.argv[1:], "environment": dict(os.environ), "pids": [os.getpid(), helper.pid]}
    Path(os.environ["FAKE_VLLM_SEEN"]).write_text(json.dumps(facts))
    print("INFO loading \x1b]0;title\x07weights", flush=True)
    print("shards:  50%\rshards: 100%", file=sys.stderr, flush=True)
    if mode == "oom":
        print(f"ERROR 01-01 [core.py] {OUT_OF_MEMORY}", flush=True)
        print("RuntimeError: Engine core initialization failed. See root cause above.", flush=True)
        sys.exit(1)
    if mode == "stubborn":
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    while mode == "never":
        time.sleep(1)
    time.sleep(0.3)
    line = " ".join(sys.argv)
    name, port = (re.search(pattern, line) for pattern in (r"--served-model-name (\S+)", r"--port (\d+)"))
    assert name and port
    server = FakeServer(port=int(port[1]), names=[name[1]], key=os.environ.get("VLLM_API_KEY", ""))
    if mode == "dies":
        threading.Timer(1.0, lambda: os._exit(7)).start()
    server.run()
