"""A session in a process of its own that is typed at."""

from __future__ import annotations

from collections.abc import Callable, Iterator


class Typing:
    """Standard input in a pipe: lines, and what happens before the next one."""

    def __init__(self, *typed: str | Callable[[], object]) -> None:
        self.typed = typed

    def isatty(self) -> bool:
        return False

    def __iter__(self) -> Iterator[str]:
        for each in self.typed:
            if isinstance(each, str):
                yield each + "\n"
            else:
                each()
