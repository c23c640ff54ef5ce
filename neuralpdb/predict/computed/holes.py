"""Holes of a computed frame: the known text is given to the model, it writes only what is not known."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from neuralpdb.engines.base import Finish
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.interpreter.events import Computed
from neuralpdb.predict.codec import EVENT_TOKENS, UNCHANGED
from neuralpdb.predict.first_frame import COMMON_LITERALS
from neuralpdb.predict.line_choice import LineChoice
from neuralpdb.predict.query import Query, excerpted
from neuralpdb.program.transitions import Transition, Transitions
from neuralpdb.trace.frames import VALUE, Event, Frame, Known, Trouble, TroubleKind
from neuralpdb.trace.values import EvaluationError, literal

_QUOTE = '"'
OBJECT = "<object>"
"""Text of a value of which neither Python nor the model says anything."""
_ANY = frozenset(Token)
_LONGEST = 100
"""Most tokens of a value: what the world gives is seldom longer, and a model that goes on and on is at a loss."""
_OTHER = re.compile(r"<.+>|[\w.]+(\(.*\))?", re.DOTALL)
"""Texts of values that are no literals: of an object, of a call that makes it, or a dotted name."""
_MOST_PARTS = 20
"""Quotes inside a value."""
_MARKS = {"str": ("'", "'"), "list": ("[", "]"), "tuple": ("(", ")"), "dict": ("{", "}"), "bytes": ("b'", "'")}
"""What the text of a value of a type begins and ends with, mostly: given to the model with what is known."""
_BUILT_IN = frozenset({"bool", "bytes", "complex", "dict", "float", "int", "list", "set", "str", "tuple"})
_LEAVING = (Event.RETURN, Event.EXCEPTION)


@dataclass
class Writing:
    """A frame that is being written, with the price of each part.

    pieces:   its text so far.
    logprobs: of the tokens that the model wrote; 0.0 for a text that was given to it.
    widths:   characters of each.
    measured: whether the engine tells widths.
    """

    pieces: list[str | Token] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    measured: bool = True

    def give(self, text: str | Token) -> None:
        """Add what is known."""
        self._add(text)
        self.logprobs.append(0.0)
        self.widths.append(1 if isinstance(text, Token) else len(text))

    def take(self, text: str, logprobs: Sequence[float], widths: Sequence[int]) -> None:
        """Add what the model wrote."""
        self._add(text)
        self.logprobs += logprobs
        self.widths += widths
        self.measured = self.measured and sum(widths) == len(text)

    def _add(self, text: str | Token) -> None:
        last = self.pieces[-1] if self.pieces else None
        if isinstance(text, Token) or last is None or isinstance(last, Token):
            self.pieces.append(text)
        else:
            self.pieces[-1] = last + text

    @property
    def markup(self) -> Markup:
        return tuple(self.pieces)


def fill(query: Query, prompt: Markup, computed: Computed, base: Frame | None) -> tuple[Frame, Writing] | Trouble:
    """Return a computed frame with what the model writes for all that is not known, and how it was written.

    base: the frame that `..` refers to, see `codec.next_base`. Raises ModelError.
    """
    frame, writing = computed.frame, Writing()
    writing.give(EVENT_TOKENS[frame.event])
    texts: dict[str, str] = {}
    if frame.event not in _LEAVING:
        earlier = base.locals if base is not None and frame.event is Event.LINE and base.depth == frame.depth else {}
        lead = "{"
        for name, text in frame.locals.items():
            writing.give(lead + json.dumps(name) + ": ")
            lead = ", "
            if name not in computed.unknown:
                texts[name] = text
                writing.give(json.dumps(UNCHANGED if earlier.get(name) == text else text))
                continue
            if base is not None and name in earlier and _stays(base, name):
                texts[name] = earlier[name]
                writing.give(json.dumps(UNCHANGED))
                continue
            value = _written(query, prompt, writing, _kind(computed, name), name in earlier, _uses(prompt, name))
            if isinstance(value, Trouble):
                return value
            texts[name] = earlier.get(name, value) if value == UNCHANGED else value
        writing.give("}" if texts else "{}")
    else:
        texts = dict(frame.locals)
    writing.give(Token.ACTION)
    writing.give(frame.source + "\n")
    argument = frame.value
    if frame.event in _LEAVING:
        writing.give(Token.ARG)
        if VALUE in computed.unknown:
            answer = _written(query, prompt, writing, _kind(computed, VALUE), False)
            if isinstance(answer, Trouble):
                return answer
            argument = answer
        else:
            writing.give(json.dumps(argument or ""))
    writing.give(Token.FRAME)
    known = {**frame.known, **{name: Known.PREDICTED for name in computed.unknown if name in texts or name == VALUE}}
    if frame.event in _LEAVING:  # the locals are those of the frame before, and known as they are there
        known = {name: how for name, how in known.items() if name == VALUE or name in frame.known}
    return frame.replace(locals=texts, value=argument, known=known), writing


def _written(
    query: Query, prompt: Markup, writing: Writing, kind: str, was_there: bool, uses: frozenset[str] = frozenset()
) -> str | Trouble:
    """Return the text that the model writes behind what is written, up to its closing quote.

    Where that is no text of a value of its kind, the likeliest of common literals is taken if the model can weigh them;
    where nothing is known of its kind, it stays an object of which nothing is known.
    was_there: it may be unchanged. uses: attributes that the program asks it for.
    """
    start = (*prompt, *writing.markup)
    first, last = _MARKS.get(kind, ("", ""))
    text, logprobs, widths = first, [0.0] if first else [], [len(first)] if first else []
    whole = None
    for _ in range(_MOST_PARTS):
        done = query.at_most(_LONGEST).complete((*start, _QUOTE + text), stop=_ANY, until=_QUOTE)
        piece = "".join(each for each in done.text if not isinstance(each, Token))
        if not piece.endswith(_QUOTE) or done.finish is Finish.LENGTH:
            break
        text += piece
        logprobs += done.logprobs
        widths += done.widths
        if not _is_escaped(text):
            whole = _read(text)
            break
    is_unchanged = was_there and whole == UNCHANGED
    if whole is not None and (is_unchanged or (whole.endswith(last) and _is_of(whole, kind) and _has(whole, uses))):
        writing.give(_QUOTE)
        writing.take(text, logprobs, widths)
        return whole
    if not kind and (not was_there or not any(_has(each, uses) for each in COMMON_LITERALS)):
        writing.give(json.dumps(OBJECT))
        writing.measured = False  # the model gave it no probability
        return OBJECT
    if not query.engine.capabilities.scores:
        return Trouble(TroubleKind.MALFORMED, "the model writes no value", excerpted((text,)))
    literals = [each for each in COMMON_LITERALS if _is_of(each, kind) and _has(each, uses)] or list(COMMON_LITERALS)
    literals += [UNCHANGED] if was_there else []
    scores = query.scores(start, [(json.dumps(each),) for each in literals])
    best, score = max(zip(literals, scores, strict=True), key=lambda pair: pair[1].mean)
    writing.take(json.dumps(best), [score.total], [len(json.dumps(best))])
    return best


def _stays(base: Frame, name: str) -> bool:
    """Whether what the model wrote for a local is not worth another question: the line that ran does not mention it.

    Such a text is that of a known object, or it would be known by now; to ask at every line takes seconds each.
    """
    return base.how(name) is Known.PREDICTED and re.search(rf"\b{re.escape(name)}\b", base.source) is None


def _uses(prompt: Markup, name: str) -> frozenset[str]:
    """Return the attributes that the program, as far as the model sees it, asks a name for."""
    pattern = re.compile(rf"(?<![\w.]){re.escape(name)}\.(\w+)")
    return frozenset(each for piece in prompt if not isinstance(piece, Token) for each in pattern.findall(piece))


def _has(text: str, uses: frozenset[str]) -> bool:
    """Whether a value may have any of some attributes: a list in the place of a connection ends the program."""
    try:
        return not uses or any(hasattr(type(literal(text)), each) for each in uses)
    except EvaluationError:
        return True


def _kind(computed: Computed, name: str) -> str:
    return getattr(computed.unknown[name], "kind", "")


def _read(text: str) -> str | None:
    """Return the value of a JSON string without its first quote; None where it is none."""
    try:
        return str(json.loads(_QUOTE + text, strict=False)).encode("utf-8", "backslashreplace").decode()
    except ValueError:
        return None


def _is_of(text: str, kind: str) -> bool:
    """Whether a text may be that of a value of a type; empty: of any."""
    try:
        found = type(literal(text)).__name__
    except EvaluationError:
        return kind not in _BUILT_IN and _OTHER.fullmatch(text) is not None
    return not kind or found == kind


def _is_escaped(text: str) -> bool:
    """Whether the quote that a text ends with belongs to the text."""
    before = text[:-1]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def place(prompt: Markup, choice: LineChoice, options: Sequence[Transition], last: Frame) -> Transition:
    """Return the place that the model finds likeliest. last: the frame before. Raises ModelError."""
    event = choice.likeliest_event(prompt, Transitions(tuple(options), ends=False))
    options = [each for each in options if each.event is event]
    if event is not Event.LINE:
        return options[0]
    state = json.dumps(dict.fromkeys(last.locals, UNCHANGED))
    source = choice.likeliest_source((*prompt, EVENT_TOKENS[Event.LINE], state, Token.ACTION), options)
    return next(each for each in options if choice.program.line(each.line) == source)
