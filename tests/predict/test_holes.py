"""Holes of computed frames: what the model is asked for, and what it is not asked for again."""

from __future__ import annotations

from collections.abc import Sequence

from parrot import Parrot

from neuralpdb.engines.base import Completion, Finish
from neuralpdb.engines.tokens import Markup
from neuralpdb.predict.model_source import forecast
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Frame, Known

_SET = """\
class Name:
    pass
names = {Name(), Name()}
a = 1
b = 2
c = len(names)
d = 3
"""


class Counted(Parrot):
    """A model that always writes the same, and counts how often."""

    def complete(self, prompts: Sequence[Markup], **options: object) -> list[Completion]:
        self.decoded += prompts
        return [Completion(('{1, 2}"',), Finish.STOP, (-0.5,) * 7) for _ in prompts]


def test_a_text_that_the_model_wrote_is_not_asked_for_again_at_lines_that_do_not_mention_it() -> None:
    entry, engine = enter(Program.parse(_SET, "p.py")), Counted()
    model = forecast(entry, engine, constrain=True, doubt_below=0, look_ahead=0)
    assert entry.first is not None
    history = [entry.first]
    asked = []
    try:
        for _ in range(4):
            frame = model.source.next(history)
            assert isinstance(frame, Frame)
            history.append(frame)
            asked.append(len(engine.decoded))
            assert frame.locals["names"] == "{1, 2}"
            assert frame.how("names") is Known.PREDICTED
    finally:
        model.close()
    assert asked == [1, 1, 1, 2]


def test_what_the_program_asks_for_attributes_is_no_value_without_them() -> None:
    text = "import radio\nreply = radio.get()\nscores = reply.json()\nn = 1\nprint(n)\n"
    entry, engine = enter(Program.parse(text, "p.py")), Counted()  # which writes {1, 2}
    model = forecast(entry, engine, constrain=True, doubt_below=0, look_ahead=0)
    assert entry.first is not None
    history = [entry.first]
    try:
        for _ in range(3):
            frame = model.source.next(history)
            assert isinstance(frame, Frame)
            history.append(frame)
    finally:
        model.close()
    assert history[1].locals == {"reply": "<object>"}
    assert history[-1].line == 5
    assert history[-1].locals == {"reply": "<object>", "scores": "{1, 2}", "n": "1"}
    assert history[-1].known == {"reply": Known.PREDICTED, "scores": Known.PREDICTED}
