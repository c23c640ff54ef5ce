"""The number of torch's threads for a forward pass: all, or one while other programs use the cores.

Threads of one operator wait for each other by spinning. On an idle machine of two cores, two threads make a token 1.4
times faster than one; on a busy one, where one of them always waits for a core, 30 times slower (400 ms a token
against 13). Threads that sleep instead are slower than one alone. So both ways are timed, and the faster one is used.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

SOON, LATE = 16, 1024
"""Passes until the other number of threads is tried again; the larger one, losing again and again, is tried late.

A trial of many threads on a busy machine takes 30 passes' time: every 1,024th costs 3 %."""


class Crew:
    """A choice between `most` threads and one, by the time that passes of known weight take."""

    def __init__(self, most: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self.most = most
        self.size = most
        self._clock = clock
        self._times: dict[int, float] = {}
        self._pause = SOON
        self._left = 2  # the first pass is slow whoever makes it

    @contextmanager
    def at_work(self, weight: float) -> Iterator[None]:
        """Give torch the chosen number of threads; `weight` is how much work the pass is, in any unit."""
        size = self.size
        if self._left <= 0 and self.most > 1:
            size = 1 if self.size == self.most else self.most
        if torch.get_num_threads() != size:
            torch.set_num_threads(size)
        start = self._clock()
        yield
        self._note(size, (self._clock() - start) / weight)

    def _note(self, size: int, seconds: float) -> None:
        trial = size != self.size
        self._times[size] = seconds if trial else (self._times.get(size, seconds) + seconds) / 2
        self._left -= 1
        best = min(self._times, key=self._times.__getitem__)
        if trial or best != self.size:
            self._pause = SOON if best > 1 else min(2 * self._pause, LATE)
            self._left = self._pause
        self.size = best


def default_threads() -> int:
    """Return OMP_NUM_THREADS if set, else torch's own choice (physical cores), at most 4 and the usable ones."""
    if os.environ.get("OMP_NUM_THREADS", "").isdigit():
        return max(1, int(os.environ["OMP_NUM_THREADS"]))
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(4, torch.get_num_threads(), usable))
