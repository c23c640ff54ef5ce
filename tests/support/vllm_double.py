"""vLLM double: as much of a server's API as the client uses, with the real tokenizer, and faults on demand.

It "generates" texts that it was given: a prompt that one of them begins with continues as that text does. Like the real
server it reads special tokens in the plain text that it is to tokenize. Each fault answers one request.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tokenizers import Tokenizer

from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.local.tokenizer import Vocabulary
from neuralpdb.engines.tokens import Markup, Token

FILE = checkpoint.embedded() / "tokenizer.json"
Reply = tuple[list[int], list[int], bool]
SURE, UNSURE = -0.125, -4.0
"""Log-probabilities of the token that continues a known text, and of any other."""


class Double:
    """The server.

    texts:   the known texts, as token ids.
    asked:   path and body of every request.
    faults:  path -> what its next requests get instead of an answer.
    busiest: most completions at the same time.
    broken:  connections that the client closed in the middle of an answer.
    pause:   seconds before each token.
    """

    def __init__(self, *texts: Markup, model: str = "mini", context: int = 4096, port: int = 0) -> None:
        self.vocabulary = Vocabulary(FILE)
        self.tokenizer = Tokenizer.from_file(str(FILE))
        self.texts = [self.vocabulary.encode(text).ids for text in texts]
        self.listed: list[dict[str, Any]] = [{"id": model, "root": f"/models/{model}-1f", "max_model_len": context}]
        self.asked: list[tuple[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.faults: dict[str, list[Callable[[Handler], None]]] = {}
        self.key = ""
        self.pause = 0.0
        self.streams = True
        self.running = self.busiest = self.broken = self.connections = 0
        self.lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", port), Handler)
        self._server.double = self
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def fail(self, path: str, *faults: Callable[[Handler], None]) -> None:
        self.faults.setdefault(path, []).extend(faults)

    def bodies(self, path: str) -> list[Any]:
        return [body for asked, body in self.asked if asked == path]

    def stop(self) -> None:
        """Stop answering, close every connection, free the port."""
        self._server.shutdown()
        self._server.server_close()
        self.drop()

    def drop(self) -> None:
        """Close every connection, as an idle server does."""
        with self.lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def next(self, ids: Sequence[int]) -> list[int]:
        """Return how a known text continues; the end after all of them."""
        n = len(ids)
        known_text = next((text for text in self.texts if text[:n] == list(ids) and len(text) > n), None)
        return known_text[n:] if known_text else [self.vocabulary.special[Token.END]]

    def verdict(self, before: Sequence[int], token: int) -> dict[str, Any]:
        """Return an entry of prompt_logprobs: the token and the two best."""
        best = self.next(before)[0]
        second = (best + 512) % 1024
        entry = {best: (SURE, 1), second: (UNSURE, 2)}
        entry.setdefault(token, (UNSURE - 1, 3))
        return {str(i): {"logprob": p, "rank": rank, "decoded_token": "?"} for i, (p, rank) in entry.items()}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    double: Double

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that went away


class Handler(BaseHTTPRequestHandler):
    """One connection. `double` is the server that it belongs to."""

    protocol_version = "HTTP/1.1"
    server: _Server

    @property
    def double(self) -> Double:
        return self.server.double

    def setup(self) -> None:
        super().setup()
        with self.double.lock:
            self.double.connections += 1
            self.double._open.add(self.connection)

    def finish(self) -> None:
        with self.double.lock:
            self.double._open.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.handle_request(None)

    def do_POST(self) -> None:
        self.handle_request(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def handle_request(self, body: Any) -> None:
        double = self.double
        with double.lock:
            double.asked.append((self.path, body))
            double.headers.append(dict(self.headers))
            faults = double.faults.get(self.path)
            fault = faults.pop(0) if faults else none
        if fault is not none:
            fault(self)
        elif double.key and self.headers.get("Authorization") != f"Bearer {double.key}":
            self.answer({"error": "Unauthorized"}, 401)
        elif body is not None and body.get("model") not in {each["id"] for each in double.listed}:
            self.answer({"error": {"message": f"The model `{body.get('model')}` does not exist.", "code": 404}}, 404)
        else:
            handlers = {
                "/v1/models": self.models,
                "/version": lambda _: self.answer({"version": "0.0-double"}),
                "/tokenize": self.tokenize,
                "/detokenize": self.detokenize,
                "/v1/completions": self.complete,
            }
            handlers.get(self.path, lambda _: self.answer({"detail": "Not Found"}, 404))(body)

    def answer(self, data: Any, status: int = 200, **headers: str) -> None:
        content = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def models(self, _: Any) -> None:
        self.answer({"object": "list", "data": self.double.listed})

    def tokenize(self, body: Any) -> None:
        assert body["add_special_tokens"] is False, "the real server would put a second begin of text in front"
        ids = self.double.tokenizer.encode(body["prompt"], add_special_tokens=False).ids
        self.answer({"count": len(ids), "tokens": ids})

    def detokenize(self, body: Any) -> None:
        text = self.double.tokenizer.decode(body["tokens"], skip_special_tokens=False)
        self.answer({"prompt": text})

    # -- completions ------------------------------------------------------------------------------------------

    def complete(self, body: Any) -> None:
        with self.counted():
            prompts = body["prompt"] if isinstance(body["prompt"][0], list) else [body["prompt"]]
            replies = [self.reply(prompt, body) for prompt in prompts]
            if body.get("stream") and self.double.streams:
                self.stream(prompts, replies, body)
            else:
                self.answer({"choices": [self.choice(i, reply, body) for i, reply in enumerate(replies)]})

    @contextmanager
    def counted(self) -> Iterator[None]:
        double = self.double
        with double.lock:
            double.running += 1
            double.busiest = max(double.busiest, double.running)
        try:
            yield
        except OSError:
            with double.lock:
                double.broken += 1
            self.close_connection = True
        finally:
            with double.lock:
                double.running -= 1

    def reply(self, prompt: list[int], body: Any) -> Reply:
        """Return the prompt, the tokens that are written after it, and whether they end in a stop token."""
        stops = {*body.get("stop_token_ids", ()), *(() if body.get("ignore_eos") else (1,))}
        coming = body.get("allowed_token_ids") or self.double.next(prompt)
        written: list[int] = []
        while len(written) < body["max_tokens"] and not (written and written[-1] in stops):
            time.sleep(self.double.pause)
            self.check()
            following = coming[len(written) :] or self.double.next([*prompt, *written])
            written.append(following[0])
        return prompt, written, written[-1] in stops

    def check(self) -> None:
        """Raise OSError when the client is gone."""
        if self.double.pause:
            self.connection.setblocking(False)
            try:
                if self.connection.recv(1, socket.MSG_PEEK) == b"":
                    raise ConnectionResetError
            except BlockingIOError:
                pass
            finally:
                self.connection.setblocking(True)

    def choice(self, index: int, reply: Reply, body: Any) -> dict[str, Any]:
        prompt, written, stopped = reply
        text_ids = written[:-1] if stopped else written
        choice: dict[str, Any] = {
            "index": index,
            "text": self.double.tokenizer.decode(text_ids, skip_special_tokens=body.get("skip_special_tokens", True)),
            "token_ids": written if body.get("return_token_ids") else None,
            "finish_reason": "stop" if stopped else "length",
            "logprobs": None,
        }
        if body.get("logprobs") is not None:
            entries = [self.double.verdict(prompt + written[:i], token) for i, token in enumerate(written)]
            top = [{f"token_id:{i}": verdict["logprob"] for i, verdict in entry.items()} for entry in entries]
            own = [entry[str(token)]["logprob"] for entry, token in zip(entries, written, strict=True)]
            choice["logprobs"] = {"token_logprobs": own, "top_logprobs": top}
        if body.get("prompt_logprobs") is not None:
            later = (self.double.verdict(prompt[:i], prompt[i]) for i in range(1, len(prompt)))
            choice["prompt_logprobs"] = [None, *later]
        return choice

    def stream(self, prompts: list[list[int]], replies: Sequence[Reply], body: Any) -> None:
        self.begin_stream()
        for i, reply in enumerate(replies):
            choice = self.choice(i, reply, body)
            half = len(choice["token_ids"]) // 2
            parts = (slice(half), slice(half, None))
            for n, part in enumerate(parts):
                logprobs = {"token_logprobs": choice["logprobs"]["token_logprobs"][part]}
                last = n == len(parts) - 1
                self.event(
                    {
                        "index": i,
                        "text": choice["text"] if last else "",
                        "token_ids": choice["token_ids"][part],
                        "logprobs": logprobs,
                        "finish_reason": choice["finish_reason"] if last else None,
                    }
                )
        details = {"prompt_tokens_details": {"cached_tokens": len(prompts[-1]) // 4 * 4}}
        self.send({"choices": [], "usage": details})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()

    def event(self, choice: Any) -> None:
        self.send({"choices": [choice]})

    def send(self, data: Any) -> None:
        text = json.dumps(data, ensure_ascii=False)  # separators of lines other than \n stand as they are
        self.wfile.write(f"data: {text}\n\n".encode("utf-8", "surrogatepass"))
        self.wfile.flush()


# -- faults ---------------------------------------------------------------------------------------------------


def none(handler: Handler) -> None:
    """Cause no fault: the request is answered."""


def status(code: int, data: Any = None, **headers: str) -> Callable[[Handler], None]:
    return lambda handler: handler.answer(
        {"error": {"message": f"said {code}"}} if data is None else data, code, **headers
    )


def says(data: Any) -> Callable[[Handler], None]:
    return lambda handler: handler.answer(data)


def silent(seconds: float) -> Callable[[Handler], None]:
    """Send nothing at all for a while."""

    def fault(handler: Handler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return fault


def hang_up(handler: Handler) -> None:
    """End the connection before an answer."""
    handler.close_connection = True


def streamed(*events: Any, stall: float = 0.0) -> Callable[[Handler], None]:
    """Send events and then end the connection, after `stall` seconds; text as it is."""

    def fault(handler: Handler) -> None:
        handler.begin_stream()
        for event in events:
            if isinstance(event, str):
                handler.wfile.write(event.encode())
                handler.wfile.flush()
            else:
                handler.send(event)
        time.sleep(stall)
        handler.close_connection = True

    return fault


def a_token(i: int = 108, **fields: Any) -> dict[str, Any]:
    """Return an event with one token (108: the letter a)."""
    return {"choices": [{"index": 0, "text": "a", "token_ids": [i], "logprobs": {"token_logprobs": [-0.5]}, **fields}]}


def eventually(happens: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether it happens within `seconds`."""
    until = time.monotonic() + seconds
    while not happens() and time.monotonic() < until:
        time.sleep(0.01)
    return happens()
