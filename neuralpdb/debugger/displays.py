"""Expressions that are shown again at every stop in the activation where that was asked for. It knows no prompt."""

from __future__ import annotations

from dataclasses import dataclass, field

from neuralpdb.errors import UsageError
from neuralpdb.interpreter.rules.expressions import evaluate
from neuralpdb.trace.frames import Frame
from neuralpdb.trace.stack import Activation
from neuralpdb.trace.values import EvaluationError


@dataclass
class Display:
    """One expression, the activation that it is about, and its value when it was last shown; not inert."""

    expression: str
    depth: int
    function: str
    entry: Frame | None
    value: str

    def is_about(self, at: Activation) -> bool:
        """True for the very activation, not for another call of the same function."""
        return (self.depth, self.function) == (at.depth, at.function) and self.entry is at.entry


@dataclass
class Displays:
    """All that is displayed, in the order in which it was asked for."""

    shown: list[Display] = field(default_factory=list)

    def of(self, at: Activation) -> list[Display]:
        """What is displayed in this activation."""
        return [each for each in self.shown if each.is_about(at)]

    def add(self, expression: str, at: Activation) -> str:
        """Display `expression` in this activation from now on; its value here."""
        value = shown_value(expression, at)
        self.shown = [each for each in self.shown if each.expression != expression or not each.is_about(at)]
        self.shown.append(Display(expression, at.depth, at.function, at.entry, value))
        return value

    def remove(self, expression: str, at: Activation) -> None:
        """Display it no more in this activation; empty: nothing at all. Raises UsageError."""
        going = [each for each in self.of(at) if expression in ("", each.expression)]
        if expression and not going:
            raise UsageError(f"not displaying {expression}", "see: display")
        self.shown = [each for each in self.shown if each not in going]

    def changed(self, at: Activation) -> list[tuple[str, str, str]]:
        """(expression, old, new) of what has another value than when it was last shown."""
        found = []
        for each in self.of(at):
            old, each.value = each.value, shown_value(each.expression, at)
            if each.value != old:
                found.append((each.expression, old, each.value))
        return found


def shown_value(expression: str, at: Activation) -> str:
    """Its value, or why it has none."""
    try:
        return evaluate(expression, at.last.locals)
    except EvaluationError as error:
        return f"** {error.message} **"
