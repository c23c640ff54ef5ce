"""HTTP to a model server: one event loop on a thread of its own, JSON both ways, every failure one ModelError.

Owns connections, time limits, retries and cancelling. Knows nothing of tokens or models: paths, JSON and event streams.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2

from neuralpdb.errors import ModelError, NotReady

T = TypeVar("T")
S = TypeVar("S")

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
IDLE = 3.0
"""Seconds after which an idle connection is not used again: less than the five after which servers close it."""

PATIENCE = (0.5, 1.0, 2.0)
"""Seconds between attempts while a server is busy or still loading and does not say how long: 3.5 in all."""

LONGEST_PAUSE = 10.0
"""Seconds. A longer pause that a server asks for is an error at once: the user would see nothing meanwhile."""

LONGEST_EXCERPT = 300
"""Characters of a server's error message that are shown: some send whole pages."""


@dataclass(frozen=True)
class Timeouts:
    """Time limits, in seconds.

    connect: for the connection.
    first:   for the first part of an answer, and between its parts.
    whole:   for a request.
    """

    connect: float = 3.0
    first: float = 30.0
    whole: float = 120.0


class Wire:
    """A server's HTTP interface. `run` carries out coroutines made of the other methods, from any thread.

    base_url:    with or without `/v1` at its end.
    concurrency: most requests at once.
    lost:        how often a connection could not be made or was cut; facts about the server may be old then.
    """

    def __init__(
        self, base_url: str, api_key: str = "", timeouts: Timeouts | None = None, concurrency: int = 32
    ) -> None:
        self.url = _root(base_url)
        self.address = str(self.url.copy_with(username=None, password=None)).rstrip("/")
        self.timeouts = timeouts or Timeouts()
        self.concurrency = max(concurrency, 1)
        self.lost = 0
        if not (api_key.isascii() and api_key.isprintable()):  # and never shown
            raise ModelError("the API key holds characters that cannot be sent", "look for a line break in it")
        self._api_key = api_key
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: httpx2.AsyncClient | None = None
        self._slots = asyncio.Semaphore(self.concurrency)

    # -- from outside: any thread ---------------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of `work`. KeyboardInterrupt cancels it, which closes its connections at once.

        Raises ModelError when `close` was called meanwhile.
        """
        try:
            loop = self._running()
        except ModelError:
            work.close()
            raise
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result()
        except CancelledError:
            raise ModelError(f"the connection to {self.address} was closed") from None
        finally:
            future.cancel()

    def close(self) -> None:
        """End the thread and its connections; a later `run` begins anew."""
        with self._lock:
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._client = self._new_client()
                self._loop = asyncio.new_event_loop()
                self._slots = asyncio.Semaphore(self.concurrency)
                turn = (self._loop, self._client)
                threading.Thread(target=_turn, args=turn, name="talk to the server", daemon=True).start()
            return self._loop

    def _new_client(self) -> httpx2.AsyncClient:
        """Return a client; proxies of the environment are for servers elsewhere only. Raises ModelError."""
        local = self.url.host in LOOPBACK or self.url.host.startswith("127.")
        try:
            return httpx2.AsyncClient(
                headers={"Authorization": f"Bearer {self._api_key}"} if self._api_key else None,
                limits=httpx2.Limits(max_connections=self.concurrency, keepalive_expiry=IDLE),
                trust_env=not local,
            )
        except (ImportError, OSError, ValueError, httpx2.InvalidURL) as error:
            hint = "look at HTTP_PROXY, ALL_PROXY and SSL_CERT_FILE"
            raise ModelError(f"proxy or certificates of the environment cannot be used: {error}", hint) from None

    # -- coroutines -----------------------------------------------------------------------------------------------

    async def get(self, path: str) -> Any:
        """Return the JSON at `path`. Raises ModelError."""
        async with self._response("GET", path, None, self.timeouts.first) as response:
            return self._json(await response.aread())

    async def post(self, path: str, body: Any, *, slow: bool = False) -> Any:
        """Return the JSON that answers `body`. slow: the answer comes whole, after the work. Raises ModelError."""
        silence = self.timeouts.whole if slow else self.timeouts.first
        async with self._response("POST", path, body, silence) as response:
            return self._json(await response.aread())

    async def events(self, path: str, body: Any) -> AsyncGenerator[Any, None]:
        """Yield the JSON objects of the event stream that answers `body`. Raises ModelError, also for one cut short.

        An answer that is no stream is its only object.
        """
        async with self._response("POST", path, body, self.timeouts.first) as response:
            if "event-stream" not in response.headers.get("Content-Type", ""):
                yield self._json(await response.aread())
                return
            async for line in _lines(response.aiter_bytes()):
                data = line.removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
                if data == b"[DONE]":
                    return
                if data:
                    yield self._json(data)
        raise self._cut()

    async def together(self, work: Callable[[S], Awaitable[T]], items: Iterable[S]) -> list[T]:
        """Do `work` for every item at once; return the results in order. When one fails the others are cancelled."""
        tasks = [asyncio.ensure_future(work(item)) for item in items]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    @asynccontextmanager
    async def _response(self, method: str, path: str, body: Any, silence: float) -> AsyncIterator[httpx2.Response]:
        """Open a response that is no error, its body still to be read."""
        t = self.timeouts
        content = None if body is None else json.dumps(body).encode()
        assert self._client is not None
        request = self._client.build_request(
            method,
            self.url.copy_with(path=self.url.path.rstrip("/") + path),
            content=content,
            headers={"Content-Type": "application/json"} if content else None,
            timeout=httpx2.Timeout(silence, connect=t.connect, pool=None),
        )
        async with self._slots:
            try:
                async with asyncio.timeout(t.whole):
                    response = await self._sent(request)
                    try:
                        with self._failures(silence, begun=True):
                            if response.status_code != httpx2.codes.OK:
                                raise self._refusal(response, _excerpt(await response.aread()))
                            yield response
                    finally:
                        await response.aclose()
            except TimeoutError:
                raise self._slow(f"did not finish within {t.whole:g} s") from None

    async def _sent(self, request: httpx2.Request) -> httpx2.Response:
        """Return the head of the response; ask again where that is safe: no answer came, or the server wants it."""
        silence = request.extensions["timeout"]["read"]
        pauses = iter(PATIENCE)
        again = True
        while True:
            try:
                with self._failures(silence, begun=False):
                    response = await self._client.send(request, stream=True)  # type: ignore[union-attr]
            except _Unanswered:
                if not again:
                    raise self._cut() from None
                again = False  # an idle connection that the server closed meanwhile; another one is made
                continue
            pause = _pause(response, pauses)
            if pause is None:
                return response
            await response.aclose()
            await asyncio.sleep(pause)

    # -- failures -------------------------------------------------------------------------------------------------

    @contextmanager
    def _failures(self, silence: float, *, begun: bool) -> Iterator[None]:
        """Raise failures of a connection as ModelError. begun: the answer has begun to come."""
        try:
            yield
        except httpx2.ConnectTimeout:
            self.lost += 1
            raise self._unreachable(f"no connection within {self.timeouts.connect:g} s") from None
        except httpx2.TimeoutException:
            what = "stopped in the middle of its answer: nothing more for" if begun else "did not answer within"
            raise self._slow(f"{what} {silence:g} s") from None
        except (httpx2.ConnectError, httpx2.ProxyError) as error:
            self.lost += 1
            raise self._unreachable(_reason(error)) from None
        except (httpx2.NetworkError, httpx2.RemoteProtocolError):
            self.lost += 1
            raise (self._cut() if begun else _Unanswered()) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._unreachable(str(error) or type(error).__name__) from None

    def _unreachable(self, why: str) -> ModelError:
        hint = "start it with: neuralpdb serve; check with: neuralpdb doctor"
        return NotReady(f"no model server at {self.address}: {why}", hint)

    def _slow(self, what: str) -> ModelError:
        return ModelError(f"the server {self.address} {what}", "it may be busy; try again, or allow more time")

    def _cut(self) -> ModelError:
        hint = "it may have been stopped or restarted; try again when it is up"
        return ModelError(f"the server {self.address} closed the connection before its answer was complete", hint)

    def _json(self, data: str | bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError:
            excerpt = _excerpt(data) or "nothing"
            raise ModelError(
                f"the server {self.address} answered with something other than JSON: {excerpt}", _OTHER
            ) from None

    def _refusal(self, response: httpx2.Response, message: str) -> ModelError:
        """Return the error that an answer other than 200 means."""
        status = response.status_code
        what, hint = _MEANINGS.get(status, (f"answered with status {status}", _OTHER if status < 500 else _LOG))
        if status == 404 and "model" not in message.lower():
            what, hint = f"has no {response.url.path}", _OTHER
        if status == 400 and any(word in message.lower() for word in _OVERFLOW):
            what, hint = "was sent more tokens than its context holds", "start closer to the lines of interest"
        kind = NotReady if status in (502, 503, 504) else ModelError
        return kind(f"the server {self.address} {what}" + (f": {message}" if message else ""), hint)


class _Unanswered(Exception):
    """An end of the connection before anything came back."""


_OTHER = "it has to be a vLLM server; check the base URL"
_LOG = "the server's log says more"
_OVERFLOW = ("maximum context length", "max_model_len", "maximum model length", "context length")
_KEY = "set NEURALPDB_API_KEY to the key that the server was started with"
_MEANINGS = {
    400: ("does not understand the request", _OTHER),
    401: ("refuses the API key", _KEY),
    403: ("refuses access", _KEY),
    404: ("does not serve that model", "neuralpdb doctor shows what it serves"),
    413: ("says that the prompt is too large", "start closer to the lines of interest"),
    429: ("has too much to do", "try again in a while"),
    500: ("failed", _LOG),
    502: ("is not ready", "wait for it with: neuralpdb doctor --wait"),
    503: ("is not ready", "wait for it with: neuralpdb doctor --wait"),
    504: ("is not ready", "wait for it with: neuralpdb doctor --wait"),
}


def _turn(loop: asyncio.AbstractEventLoop, client: httpx2.AsyncClient) -> None:
    """Run the loop until it is stopped, then give everything back."""
    loop.run_forever()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks))
    loop.run_until_complete(client.aclose())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield lines that end in a newline and in nothing else: JSON may hold other separators of lines."""
    unfinished = b""
    async for chunk in chunks:
        *lines, unfinished = (unfinished + chunk).split(b"\n")
        for line in lines:
            yield line


def _root(base_url: str) -> httpx2.URL:
    """Return the server's address without `/v1`. Raises ModelError."""
    try:
        url = httpx2.URL(base_url.strip())
    except httpx2.InvalidURL as error:
        raise ModelError(f"{base_url!r} is no base URL: {error}", "for example http://127.0.0.1:8000/v1") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ModelError(f"{base_url!r} is no base URL", "for example http://127.0.0.1:8000/v1")
    return url.copy_with(path=url.path.rstrip("/").removesuffix("/v1") or "/", query=None, fragment=None)


def _pause(response: httpx2.Response, pauses: Iterator[float]) -> float | None:
    """Return the seconds after which a busy or loading server is asked again; None when its answer stands."""
    if response.status_code not in (429, 503):
        return None
    usual = next(pauses, None)
    asked = response.headers.get("Retry-After", "")
    if usual is None or not asked.isdecimal():
        return usual
    return float(asked) if float(asked) <= LONGEST_PAUSE else None


def _reason(error: BaseException | None) -> str:
    """Return why no connection came about, by the causes of the error."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        if isinstance(error, socket.gaierror):
            return "its name is unknown (DNS)"
        if isinstance(error, ConnectionRefusedError):
            return "connection refused"
        if isinstance(error, ssl.SSLError):
            return f"TLS failed: {error.reason or error}"
        error = error.__cause__ or error.__context__
    return str(seen[0]) or type(seen[0]).__name__


def _excerpt(data: str | bytes) -> str:
    """Return the message in the body of an error, on one line."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    try:
        error = json.loads(text)
        error = error.get("error", error)
        text = str(error.get("message") or error.get("detail") or text if isinstance(error, dict) else error)
    except (ValueError, AttributeError):
        pass
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_EXCERPT else text[:LONGEST_EXCERPT] + " ..."
