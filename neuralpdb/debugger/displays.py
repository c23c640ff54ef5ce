"""Displays: expressions that are shown again at every stop of their activation. It knows no prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from neuralpdb.debugger.evaluation import Evaluator
from neuralpdb.errors import UsageError
from neuralpdb.trace.frames import Frame
from neuralpdb.trace.stack import Activation
from neuralpdb.trace.values import EvaluationError


@dataclass
class Display:
    """One displayed expression; its texts are not inert.

    expression: what is evaluated.
    depth:      of its activation.
    function:   of its activation.
    entry:      the frame that entered its activation.
    value:      as it was shown last.
    """

    expression: str
    depth: int
    function: str
    entry: Frame | None
    value: str

    def is_about(self, at: Activation) -> bool:
        """Whether it belongs to this activation, not to another call of the same function."""
        return (self.depth, self.function) == (at.depth, at.function) and self.entry is at.entry


@dataclass
class Displays:
    """Displays of a session.

    evaluator: evaluates them.
    entries:   in the order in which they were added.
    """

    evaluator: Evaluator
    entries: list[Display] = field(default_factory=list)

    def of(self, at: Activation) -> list[Display]:
        """Return the displays of this activation."""
        return [each for each in self.entries if each.is_about(at)]

    def add(self, expression: str, history: Sequence[Frame], at: Activation) -> str:
        """Display `expression` in this activation of a history from now on, and return its value."""
        value = self._value(expression, history, at)
        self.entries = [each for each in self.entries if each.expression != expression or not each.is_about(at)]
        self.entries.append(Display(expression, at.depth, at.function, at.entry, value))
        return value

    def remove(self, expression: str, at: Activation) -> None:
        """Stop displaying `expression` in this activation; empty: all of them. Raises UsageError."""
        removed = [each for each in self.of(at) if expression in ("", each.expression)]
        if expression and not removed:
            raise UsageError(f"not displaying {expression}", "see: display")
        self.entries = [each for each in self.entries if each not in removed]

    def changed(self, history: Sequence[Frame], at: Activation) -> list[tuple[str, str, str]]:
        """Return (expression, old value, new value) where the value has changed since it was shown."""
        changed = []
        for display in self.of(at):
            old, display.value = display.value, self._value(display.expression, history, at)
            if display.value != old:
                changed.append((display.expression, old, display.value))
        return changed

    def _value(self, expression: str, history: Sequence[Frame], at: Activation) -> str:
        """Return the value of an expression, or why it has none."""
        try:
            return self.evaluator.value(expression, history, at)
        except EvaluationError as error:
            return f"** {error.message} **"
