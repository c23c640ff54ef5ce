"""The evaluator: expressions and statements of the user, over the state after a history. Only our machine runs them.

They run in a copy of the process, so that they change nothing; what only looks at plain data needs none. Where no run
comes by the history, the last frame's texts are what is known.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neuralpdb.interpreter.activation import Activation
from neuralpdb.interpreter.events import HOLE, Computed
from neuralpdb.interpreter.interpretation import Bounds, Interpretation
from neuralpdb.interpreter.library import contents
from neuralpdb.interpreter.machine import Machine
from neuralpdb.interpreter.objects.values import Unknown
from neuralpdb.interpreter.replay import values
from neuralpdb.interpreter.replay.copying import Allowance, NoCopy, in_copy
from neuralpdb.interpreter.replay.evaluating import (
    Answer,
    aside,
    at_depth,
    evaluated,
    executed,
    expression_of,
    has_import,
    in_words,
    outcome,
    run_in,
    statements_of,
    variables,
)
from neuralpdb.interpreter.replay.following import Failing
from neuralpdb.interpreter.replay.looking import Look, LookAtFrame, LookAtHistory, Prepare, Question
from neuralpdb.interpreter.replay.parts import parts
from neuralpdb.interpreter.replay.peeking import Unclear, peeked
from neuralpdb.interpreter.replay.printing import Printed
from neuralpdb.interpreter.replay.stating import joined
from neuralpdb.interpreter.signals import Stop
from neuralpdb.trace.frames import VALUE, Frame, Known, Origin

_BOUNDS = Bounds(frames=1_000_000, operations=10**9)
"""Of the module's statements where a frame's texts are all that is known; time bounds them."""


@dataclass(frozen=True)
class Evaluated:
    """What an expression is.

    text:       of its value, as frames have it; None where that is not told.
    truth:      whether the value is true; None where that is not told.
    error:      the exception that evaluating raises, as pdb prints it; empty when there is none. Beside a text, that
                of making the text (`UNREPRESENTABLE`) or of asking for the truth.
    why:        why the text, or the truth, is not told; empty when both are.
    output:     what evaluating prints, as far as that is known.
    from_texts: whether no more was known of the variables than the last frame's texts.
    """

    text: str | None = None
    truth: bool | None = None
    error: str = ""
    why: str = ""
    output: str = ""
    from_texts: bool = False


@dataclass(frozen=True)
class Executed:
    """What came of statements.

    frame:      the last frame as they leave it, with all statements that were run there; None where they failed.
    text:       of the value of the last statement, where that is an expression with a value other than None.
    error:      the exception that they raise, as pdb prints it; then nothing has changed.
    why:        why it is not told what they do; then nothing has changed.
    output:     what they print, as far as that is known.
    from_texts: whether no more was known of the variables than the last frame's texts.
    """

    frame: Frame | None = None
    text: str | None = None
    error: str = ""
    why: str = ""
    output: str = ""
    from_texts: bool = False


@dataclass(frozen=True)
class Child:
    """A part of a value.

    label:        name of the attribute or the field, text of the key, or number of the item.
    text:         of its value; `HOLE` where it is not known.
    has_children: whether it has parts itself.
    expression:   that evaluates to it; empty where there is none.
    """

    label: str
    text: str
    has_children: bool
    expression: str = ""


@dataclass(frozen=True)
class Children:
    """The parts of a value.

    items: the first of them. left: how many others there are. The rest is as in `Evaluated`.
    """

    items: tuple[Child, ...] = ()
    left: int = 0
    error: str = ""
    why: str = ""
    from_texts: bool = False


class Views:
    """The state at the end of one history, for everything that is asked of it."""

    def __init__(
        self,
        interpretation: Callable[[Prepare], Interpretation],
        text: str,
        filename: str,
        seconds: float,
        allowance: Allowance | None = None,
    ) -> None:
        """interpretation: makes one of the program. seconds: the longest time until a run stands at a history's end."""
        self._make = interpretation
        self._text, self._filename = text, filename
        self._seconds = seconds
        self._allowance = allowance or Allowance()
        self._history: list[Frame] = []
        self._following: LookAtHistory | None = None
        self._opened: LookAtFrame | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no run is kept."""
        return self._following is None and self._opened is None

    def close(self) -> None:
        """End all runs."""
        for look in (self._following, self._opened):
            if look is not None:
                look.leave()
        self._following = self._opened = None

    def stand_at(
        self,
        history: list[Frame],
        made_before: Callable[[list[Frame]], tuple[Sequence[Computed], Mapping[int, Failing]]],
    ) -> None:
        """Be at the end of a history.

        made_before: the frames that a run has made of it already, and what operations have raised (see `Follower`).
        """
        look = self._following
        begun = len(look.said) if look is not None else 0
        is_known = look is not None and look.said == history[:begun]
        if any(type(frame) is not Frame for frame in history[begun if is_known else 0 :]):
            history, is_known = [], False
        self._history = history
        if is_known:
            return
        if look is not None:
            look.leave()
        self._following = LookAtHistory(self._make, *made_before(history))

    # --- what is asked ------------------------------------------------------------------------------------------------

    def evaluate(self, expression: str, depth: int | None) -> Evaluated:
        """Evaluate an expression in the call of a depth; None: in that of the last frame."""
        tree, failed = _parsed(expression_of, expression)
        if tree is None:
            return Evaluated(**failed)

        def question(machine: Machine, f: Activation, at: int | None) -> Answer:
            try:
                return peeked(machine, at_depth(f, at), tree, self._shown() if depth is None else {})
            except Unclear:
                return self._in_copy(machine, lambda: evaluated(machine, at_depth(f, at), tree))

        answer = self._asked(question, depth)
        return Evaluated(**{key: value for key, value in answer.items() if key in Evaluated.__dataclass_fields__})

    def execute(self, statements: str, depth: int | None) -> Executed:
        """Run statements in the call of a depth; None: in that of the last frame."""
        tree, failed = _parsed(statements_of, statements)
        if tree is None:
            return Executed(**failed)

        def question(machine: Machine, f: Activation, at: int | None) -> Answer:
            return self._in_copy(machine, lambda: _execution(machine, f, at, tree))

        answer = self._asked(question, depth)
        common = {key: answer[key] for key in ("error", "why", "output", "from_texts") if key in answer}
        if common.get("error") or common.get("why"):
            return Executed(**common)
        frame, why = self._edited(answer, statements, depth)
        return Executed(frame, answer["text"], **{**common, "why": why})

    def children(self, expression: str, depth: int | None) -> Children:
        """Return the parts of the value of an expression."""
        tree, failed = _parsed(expression_of, expression)
        if tree is None:
            return Children(**failed)

        def listed(machine: Machine, f: Activation) -> Answer:
            value = run_in(machine, f, tree)
            return {"why": in_words(machine.assumed)} if machine.assumed else parts(machine, value, tree)

        def question(machine: Machine, f: Activation, at: int | None) -> Answer:
            return self._in_copy(machine, lambda: listed(machine, at_depth(f, at)))

        answer = self._asked(question, depth)
        items = tuple(Child(*each) for each in answer.get("parts", ()))
        common = {key: answer[key] for key in ("left", "error", "why", "from_texts") if key in answer}
        return Children(items, **common)

    def _shown(self) -> dict[str, str]:
        """Return the texts of the last frame's variables, where they are those that it has now."""
        last = self._history[-1]
        return {name: text for name, text in last.locals.items() if text != HOLE} if last.value is None else {}

    # --- answers ------------------------------------------------------------------------------------------------------

    def _in_copy(self, machine: Machine, work: Callable[[], Answer]) -> Answer:
        """Return what some work of the machine comes to, in a copy of this process."""

        def all_of_it() -> Answer:
            output = Printed()
            with aside(machine):
                answer = outcome(machine, work)
            return {**answer, "output": output.text}

        try:
            return in_copy(all_of_it, self._allowance)
        except NoCopy as error:
            return {"why": f"the system lets this process not be copied: {error}"}

    def _asked(self, question: Callable[[Machine, Activation, int | None], Answer], depth: int | None) -> Answer:
        """Return the answer to a question at the end of the history."""
        if not self._history:
            return {"why": "there is no frame"}
        look = self._following
        assert look is not None
        answer = self._at(look, lambda machine, f: question(machine, f, depth))
        while look.follower.retry is not None:
            number, failing = look.follower.retry
            changed = look.failing if failing is None else {**look.failing, number: failing}
            look.leave()
            look = self._following = LookAtHistory(self._make, (), changed)
            answer = self._at(look, lambda machine, f: question(machine, f, depth))
        if "lost" not in answer:
            return answer
        wanted = self._history[-1].depth if depth is None else depth
        frame = next((each for each in reversed(self._history) if each.depth == wanted), None)
        if frame is None:
            return {"why": f"there is no call at depth {wanted}"}
        module = next((each for each in reversed(self._history) if each.function == "<module>"), None)
        if self._opened is None or self._opened.frame != frame or self._opened.module != module:
            if self._opened is not None:
                self._opened.leave()
            self._opened = LookAtFrame(self._text, self._filename, _BOUNDS, frame, module)
        opened = self._at(self._opened, lambda machine, f: question(machine, f, None))
        return {**opened, "from_texts": True} if "lost" not in opened else {"why": answer["why"]}

    def _at(self, look: Look, question: Question) -> Answer:
        if isinstance(look, LookAtHistory):
            look.said += self._history[len(look.said) :]

        def answered(machine: Machine, f: Activation) -> Answer:
            return outcome(machine, lambda: question(machine, f))

        return look.ask(answered, self._seconds + self._allowance.seconds)

    def _edited(self, answer: Answer, statements: str, depth: int | None) -> tuple[Frame | None, str]:
        """Return the last frame as statements leave it, or why it is not told."""
        last = self._history[-1]
        if answer.get("from_texts") and depth is not None and depth != last.depth:
            return None, "only the texts of that call's variables are known"
        names, changed, gone, holes = (answer[key] for key in ("names", "changed", "gone", "holes"))
        texts: dict[str, str] = {}
        known = {VALUE: last.how(VALUE)} if last.value is not None else {}
        for name in [*names, *(each for each in last.locals if each not in names and each not in gone)]:
            if name in holes or (name not in last.locals and name not in changed):
                return None, in_words(holes.get(name, f"the history has no {name}"))
            texts[name] = changed[name] if name in changed else last.locals[name]
            if name not in changed:
                known[name] = last.how(name)
        statement = joined(last.statement or self._set_before(last), statements, depth, last.depth)
        return last.replace(locals=texts, known=known, origin=Origin.EDITED, statement=statement), ""

    def _set_before(self, last: Frame) -> str:
        """Return what was edited at a frame, without a statement, as statements: they come before the next one."""
        look = self._following
        made = look.follower.answers[-1] if look is not None and look.follower.answers else None
        if not isinstance(made, Computed) or made.frame.place != last.place:
            return ""
        computed = made.frame.locals
        lines = [f"del {name}" for name in computed if name not in last.locals]
        for name, text in last.locals.items():
            is_edited = last.how(name) is Known.EDITED if name in made.unknown else computed.get(name) != text
            if is_edited and type(values.read(text)) is not Unknown:
                lines.append(f"{name} = {text}")
        return "\n".join(lines)


def _parsed(parse: Callable[[str], Any], text: str) -> tuple[Any, dict[str, Any]]:
    """Return the tree of some code; None, and `error` or `why`, where there is none."""
    try:
        tree: ast.AST = parse(text)
    except SyntaxError as error:
        return None, {"error": f"SyntaxError: {error.msg}"}
    except Stop as stop:
        return None, {"why": stop.reason}
    if has_import(tree):
        contents.load_all()  # here, so that not every copy has to
    return tree, {}


def _execution(machine: Machine, f: Activation, depth: int | None, tree: ast.Module) -> Answer:
    """Run statements; return the names of the last frame, new texts, names that are gone, and why texts are unknown."""
    before, _ = machine.events.renew(f)
    held = variables(f)
    answer = executed(machine, at_depth(f, depth), tree)
    if "why" in answer:
        return answer
    after, holes = machine.events.renew(f)
    now = variables(f)
    same = {name for name in holes if name in before and name in now and held.get(name) is now[name]}
    changed = {name: text for name, text in after.items() if name not in holes and before.get(name) != text}
    return {
        **answer,
        "names": [*after],
        "changed": changed,
        "gone": [name for name in before if name not in after],
        "holes": {name: why for name, why in holes.items() if name not in same},
    }


__all__ = ["HOLE", "Child", "Children", "Evaluated", "Executed", "Views"]
