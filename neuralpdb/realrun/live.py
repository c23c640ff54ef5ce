"""Live run: a real run that is read while it goes on, and its comparable values as soon as they are known.

When the run is over it is repeated on another thread where its values can be accidents (see `truth`). It knows no
session and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from threading import Lock, Thread

from neuralpdb.errors import TargetError
from neuralpdb.program.entry import Entry
from neuralpdb.realrun.limits import Limits
from neuralpdb.realrun.process import RealRun
from neuralpdb.realrun.truth import Truth, of_run, repeated, start
from neuralpdb.trace.frames import Frame, Trace


class LiveRun:
    """The real run from an entry. Made by `watch`; every process that it started is dead after `close`.

    settled: it is known for good which parts are comparable.
    """

    def __init__(self, begin: Callable[[float], RealRun], entry: Entry, limits: Limits) -> None:
        """begin: starts the program with its clock ahead by the given seconds. Raises the errors of `begin`."""
        self.settled = False
        self._begin = begin
        self._lock = Lock()
        self._closed = False
        self._run = self._running = begin(0.0)
        self._truth: Truth | None = None
        self._thread = Thread(target=self._settle, args=(entry, limits), name="repeats of the real run", daemon=True)
        self._thread.start()

    @property
    def frames(self) -> Sequence[Frame]:
        return self._run.frames

    @property
    def finished(self) -> bool:
        return self._run.finished

    def wait_for(self, count: int, timeout: float | None = None) -> bool:
        return self._run.wait_for(count, timeout)

    def result(self) -> Trace:
        return self._run.result()

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until it is known what can be compared, or `timeout` seconds passed. Return whether it is known."""
        self._thread.join(timeout)
        return self.settled

    def accidents(self, index: int) -> Collection[str] | None:
        """Return the names in frame `index` that are not comparable, as far as known.

        None: nothing is comparable from this frame on.
        """
        truth = self._truth
        if truth is None:
            return ()
        return truth.unstable.get(index, ()) if index < truth.comparable or not truth.why else None

    def close(self) -> None:
        """End the program, and its repetitions."""
        with self._lock:
            self._closed = True
            running = self._running
        running.close()
        self._thread.join()

    def _settle(self, entry: Entry, limits: Limits) -> None:
        try:
            self._truth = of_run(self._run, limits)
            for truth in repeated(self._truth, entry, self._again):
                self._truth = truth
        except TargetError:
            pass  # `result` raises it
        finally:
            self.settled = True

    def _again(self, clock_shift: float) -> RealRun:
        """Start a repetition. Raises TargetError when the run was closed meanwhile."""
        with self._lock:
            if self._closed:
                raise TargetError("the run was stopped")
            self._running = self._begin(clock_shift)
            return self._running


def watch(entry: Entry, *, filename: str, argv: Sequence[str] = (), limits: Limits | None = None) -> LiveRun:
    """Start the real run from `entry` without waiting for it. Arguments and errors are those of `truth.start`."""
    limits = limits or Limits()

    def begin(clock_shift: float) -> RealRun:
        return start(entry, filename=filename, argv=argv, limits=limits, clock_shift=clock_shift)

    return LiveRun(begin, entry, limits)
