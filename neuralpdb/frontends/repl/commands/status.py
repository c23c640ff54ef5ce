"""The command `status`: how the frames of the session are known, and what the model was asked for."""

from __future__ import annotations

from collections import Counter

from rich.text import Text

from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import command
from neuralpdb.frontends.text.marks import predicted_values, rests_on_predictions
from neuralpdb.output.printable import inert
from neuralpdb.trace.frames import Frame, Origin

_KINDS = {
    Origin.GIVEN: "given",
    Origin.COMPUTED: "computed",
    Origin.PREDICTED: "predicted",
    Origin.GUESSED: "guessed",
    Origin.EDITED: "edited",
    Origin.OBSERVED: "actual",
}
_WITH_PREDICTED, _FROM_PREDICTIONS = "computed but for predicted values", "computed from predictions"
_ORDER = ("given", "computed", _FROM_PREDICTIONS, _WITH_PREDICTED, "predicted", "guessed", "edited", "actual")


@command("status", group="trust", allowed_in_project_rc=True)
def do_status(prompt: Prompt, argument: str) -> None:
    """Count the frames that are computed and those that are predicted, and what the model was asked for."""
    counts = Counter(_kind(frame) for frame in prompt.session.timeline)
    total = counts.total()
    texts = [f"{counts[kind]:,} {kind}" for kind in _ORDER if counts[kind]]
    prompt.say(Text(f"{total:,} frame{'s' * (total != 1)} known" + (f": {', '.join(texts)}" if texts else "")))
    asked = ", ".join(f"{number:,} {inert(name)}" for name, number in prompt.counts().items())
    if asked or prompt.model():
        prompt.say(Text(f"the model: {', '.join(filter(None, (inert(prompt.model()), asked)))}"))


def _kind(frame: Frame) -> str:
    """Return how a frame is known, as `status` counts it."""
    if frame.origin is Origin.COMPUTED and predicted_values(frame):
        return _WITH_PREDICTED
    if frame.origin is Origin.COMPUTED and rests_on_predictions(frame):
        return _FROM_PREDICTIONS
    return _KINDS[frame.origin]
