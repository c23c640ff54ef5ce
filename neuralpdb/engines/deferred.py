"""An engine that loads on another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future

from neuralpdb.engines.base import GREEDY, Capabilities, Completion, Drafter, Engine, Sampling, Score
from neuralpdb.engines.tokens import Markup, Token


class DeferredEngine(Engine):
    """An engine that is created on another thread, from `begin` or its first use on; calls wait for it."""

    def __init__(self, make: Callable[[], Engine]) -> None:
        self._make = make
        self._future: Future[Engine] = Future()
        self._thread: threading.Thread | None = None

    @property
    def ready(self) -> bool:
        """Whether it was created, or could not be."""
        return self._future.done()

    @property
    def loading(self) -> bool:
        return self._thread is not None and not self._future.done()

    def begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._fill, name="make the engine", daemon=True)
            self._thread.start()

    def _fill(self) -> None:
        try:
            self._future.set_result(self._make())
        except BaseException as error:  # raised again where the engine is used
            self._future.set_exception(error)

    def _engine(self) -> Engine:
        self.begin()
        while True:
            try:
                return self._future.result(timeout=0.1)  # short, so that Ctrl-C is heard
            except TimeoutError:
                if self._future.done():
                    raise

    @property
    def capabilities(self) -> Capabilities:
        return self._engine().capabilities

    def count(self, markup: Markup) -> int:
        return self._engine().count(markup)

    def complete(
        self,
        prompts: Sequence[Markup],
        *,
        stop: Collection[Token],
        max_tokens: int,
        sampling: Sampling = GREEDY,
        draft: Drafter | None = None,
        until: str = "",
    ) -> list[Completion]:
        return self._engine().complete(
            prompts, stop=stop, max_tokens=max_tokens, sampling=sampling, draft=draft, until=until
        )

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Score]:
        return self._engine().score(prompt, continuations)

    def head(self, prompt: Markup, continuation: Markup, tokens: int) -> Markup:
        return self._engine().head(prompt, continuation, tokens)

    def close(self) -> None:
        if self._future.done() and not self._future.exception():
            self._future.result().close()
