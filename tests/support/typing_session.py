"""Typing: standard input of a session in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator


class Typing:
    """Standard input in a pipe: lines, and what happens before the next one."""

    def __init__(self, *typed: str | Callable[[], object]) -> None:
        self.typed = typed

    def isatty(self) -> bool:
        return False

    def __iter__(self) -> Iterator[str]:
        for item in self.typed:
            if isinstance(item, str):
                yield item + "\n"
            else:
                item()
