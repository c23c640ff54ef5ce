"""Frames whose values are known in different ways, and a source of them that tells what the model and Python say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from prompts import Says

from neuralpdb.predict.model_source import ModelSource
from neuralpdb.trace.frames import LINE, VALUE, Event, Frame, Known, Origin

MIXED = """\
def shout(text):
    return text.upper()

n = 1
name = input()
loud = shout(name)
if loud:
    n = 2
print(n)
"""
"""A program that depends on the world in line 5."""

_NAMED = {"n": "1", "name": "'Ada'"}
_LOUD = {**_NAMED, "loud": "'ADA'"}
FRAMES = (
    Frame(Event.LINE, "<module>", 5, "name = input()", {"n": "1"}, origin=Origin.COMPUTED),
    Frame(
        Event.LINE, "<module>", 6, "loud = shout(name)", _NAMED, origin=Origin.COMPUTED, known={"name": Known.PREDICTED}
    ),
    Frame(
        Event.CALL, "shout", 1, "def shout(text):", {"text": "'Ada'"}, None, 1, Origin.COMPUTED,
        {"text": Known.PREDICTED},
    ),
    Frame(
        Event.LINE, "shout", 2, "    return text.upper()", {"text": "'Ada'"}, None, 1, Origin.COMPUTED,
        {"text": Known.PREDICTED},
    ),
    Frame(
        Event.RETURN, "shout", 2, "    return text.upper()", {"text": "'Ada'"}, "'ADA'", 1, Origin.COMPUTED,
        {VALUE: Known.DERIVED},
    ),
    Frame(
        Event.LINE, "<module>", 7, "if loud:", _LOUD, origin=Origin.COMPUTED,
        known={"name": Known.PREDICTED, "loud": Known.DERIVED},
    ),
    Frame(
        Event.LINE, "<module>", 8, "    n = 2", _LOUD, origin=Origin.PREDICTED,
        known={"n": Known.COMPUTED, "name": Known.PREDICTED, "loud": Known.DERIVED},
    ),
)  # fmt: skip
"""What comes after line 4: `name` is predicted, what follows from it derived; the last line was chosen by the model."""

SHARES = {"name": 0.834}
"""What the model gave to its own values."""


def computing(
    *,
    marks: bool = True,
    opinion: Mapping[str, str] | None = None,
    refuted: Mapping[str, str] | None = None,
    looked: Callable[[Sequence[Frame]], object] = lambda frames: None,
) -> ModelSource:
    """Return a source of FRAMES.

    opinion, refuted: what is said otherwise of every frame.
    looked:           takes the history at every stop.
    """
    return ModelSource(
        Says(*FRAMES),
        confidence_of=lambda frame: {name: SHARES[name] for name in frame.locals if name in SHARES},
        doubt_below=0.5,
        marks=marks,
        counts=lambda: {"forward passes": 12, "tokens": 1_340},
        opinion=lambda frame: opinion or {},
        refuted=lambda frame: refuted or {},
        looked=looked,
    )


__all__ = ["FRAMES", "LINE", "MIXED", "SHARES", "computing"]
