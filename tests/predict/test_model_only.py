"""The embedded model alone, frame by frame: whatever is drafted, or told beside it, it comes to the same frames."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from places import ROOT, TESTS
from replies import alongside

from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.fidelity.scoring import rollout
from neuralpdb.predict.predictor import Predictor
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import to_jsonl

PROGRAMS = {
    **{name: f"examples/{name}.py" for name in ("account", "caught", "generator", "nested", "recursion", "strawberry")},
    "exceptions": "tests/programs/exceptions.py",
    "matching": "tests/programs/matching.py",
}
GOLDEN = TESTS / "golden_model"
MOST = 30


def written(name: str, engine: LocalEngine, *, helped: bool) -> str:
    """The frames that the model comes to, at most MOST of them, and how it ends, as the text of a golden file."""
    predictor = Predictor(enter(Program.read(ROOT / PROGRAMS[name])), engine)
    assert predictor.entry.first is not None
    first = [predictor.entry.first]
    if helped:
        with alongside(predictor):
            trace = rollout(predictor, first, MOST)
    else:
        predictor.speculate = False
        trace = rollout(predictor, first, MOST)
    return "".join(f"{each}\n" for each in (*to_jsonl(trace.frames), type(trace.end).__name__))


@pytest.mark.slow
@pytest.mark.parametrize("helped", [False, True], ids=["plain", "drafts"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_model_alone_comes_to_the_frames_that_it_came_to_before(name: str, helped: bool) -> None:
    golden = (GOLDEN / f"{name}.jsonl").read_text("utf-8")
    assert written(name, LocalEngine.load(), helped=helped) == golden


def rewrite() -> None:
    """Write the golden files anew: after a change of the weights, or of what the model is asked."""
    GOLDEN.mkdir(exist_ok=True)
    engine = LocalEngine.load()
    for name in PROGRAMS:
        Path(GOLDEN / f"{name}.jsonl").write_text(written(name, engine, helped=False), "utf-8")


if __name__ == "__main__" and "--rewrite" in sys.argv:
    rewrite()
