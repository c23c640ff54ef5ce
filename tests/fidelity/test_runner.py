from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from parrot import Parrot
from taught import BAD, DOUBLE, SETUP, WRONG, Broken, program, taught

from neuralpdb.engines.base import Capabilities, Engine
from neuralpdb.engines.tokens import Markup
from neuralpdb.errors import ModelError
from neuralpdb.fidelity.comparison import Blame, Comparison
from neuralpdb.fidelity.runner import MODEL_FAILURES, Job, compared
from neuralpdb.fidelity.targets import Target
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.realrun.limits import Limits
from neuralpdb.trace.frames import Trouble, TroubleKind


def job(engine: Engine, **changes: Any) -> Job:
    return Job(engine, replace(SETUP, **changes), Limits(frames=60, seconds=20))


def test_a_program_has_its_truth_its_verdicts_and_its_cost() -> None:
    target = program("one")
    (found,) = compared([target], job(taught(target, wrong={4: WRONG})))
    assert (found.error, found.blame) == ("", None)
    assert (found.subject.id, found.subject.text, found.subject.call) == ("one", DOUBLE, "f(3)")
    assert found.subject.lines == (*DOUBLE.rstrip().split("\n"), "def main():", "    return f(3)")
    assert found.subject.own == 3
    assert len(found.truth.frames) == found.comparable == 7
    assert found.steps is not None
    assert [step.verdict.fidelity for step in found.steps] == [
        Fidelity.STATE if i == 4 else Fidelity.EXACT for i in range(1, 7)
    ]
    assert found.rollout is not None
    assert (found.rollout.divergence, found.rollout.matched, found.rollout.equal) == (4, 3, False)
    assert found.cost.scored > 100
    assert found.cost.redone == 1
    assert found.cost.decoded > 0


def test_only_what_was_asked_for_is_there() -> None:
    target = program("one")
    (forced,) = compared([target], job(taught(target), rollout=False))
    assert forced.steps
    assert forced.rollout is None
    (free,) = compared([target], job(taught(target), teacher_forced=False))
    assert free.steps is None
    assert free.rollout is not None
    assert free.rollout.exact


def test_a_program_that_fails_is_recorded_and_the_rest_goes_on(tmp_path: Path) -> None:
    targets = [
        program("syntax", "def f(:\n"),
        program("import", "import no_such_module_at_all\n" + DOUBLE),
        program("call", call="g(1)"),
        program("no call", call=""),
        Target(str(tmp_path / "gone.py"), str(tmp_path / "gone.py")),
        program("good"),
    ]
    found = list(compared(targets, job(taught(targets[-1]))))
    assert [each.subject.id for each in found] == [target.id for target in targets]
    for each, said in zip(found, ("line 1", "no_such_module_at_all", "'g'", "only defines", "gone.py"), strict=False):
        assert each.blame is Blame.TARGET
        assert said in each.error
        assert "\n" not in each.error
        assert (each.steps, each.rollout, each.truth.frames) == (None, None, ())
    assert found[-1].blame is None
    assert found[-1].steps


def test_a_program_that_raises_exits_or_never_ends_is_compared_as_far_as_it_went() -> None:
    raising = program("raising", "def f(n):\n    return n / 0\n")
    exiting = program("exiting", "import os\ndef f(n):\n    os._exit(3)\n")
    endless = program("endless", "def f(n):\n    while True:\n        n += 1\n")
    found = list(compared([raising, exiting, endless], job(taught(raising))))
    assert all(each.blame is None and each.steps for each in found)
    assert found[0].rollout is not None
    assert found[0].rollout.equal is True
    assert "division by zero" in found[0].rollout.expected
    assert isinstance(found[2].truth.end, Trouble)
    assert found[2].truth.end.kind is TroubleKind.TRUNCATED
    assert len(found[2].truth.frames) == 60


def test_a_record_runs_in_an_empty_folder_and_a_script_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "import os\nbefore = os.listdir('.')\nopen('left.txt', 'w').close()\nafter = before\n"
    (tmp_path / "script.py").write_text(text)
    (inside,) = compared([program("writes", text, "")], job(Parrot()))
    assert inside.truth.frames[-1].locals["before"] == "[]"
    assert not (tmp_path / "left.txt").exists()
    (here,) = compared([Target("script.py", "script.py")], job(Parrot()))
    assert here.truth.frames[-1].locals["before"] == "['script.py']"
    assert (tmp_path / "left.txt").exists()


def test_what_chance_says_is_excluded() -> None:
    target = program("dice", "import random\ndef f(n):\n    x = random.random()\n    y = n + 1\n    return y\n")
    (found,) = compared([target], job(Parrot()))
    assert any("x" in names for names in found.unstable.values())
    assert all("y" not in names for names in found.unstable.values())


def test_a_model_that_fails_for_one_program_is_recorded_and_goes_on() -> None:
    targets = [program("bad", BAD), program("good")]
    bad, good = compared(targets, job(Broken()))
    assert (bad.blame, bad.error, bad.steps) == (Blame.MODEL, "the server is gone", None)
    assert good.blame is None


def test_a_model_that_fails_for_many_programs_in_a_row_ends_the_run() -> None:
    targets = [program(f"bad {i}", BAD) for i in range(MODEL_FAILURES + 3)]
    found: list[Comparison] = []
    with pytest.raises(ModelError, match="in a row: the server is gone"):
        found.extend(compared(targets, job(Broken())))
    rest: list[Comparison] = []
    with pytest.raises(ModelError):
        for each in compared(targets, job(Broken())):
            rest.append(each)
    assert len(rest) == MODEL_FAILURES


class Slow(Parrot):
    """Counts how many ask at once."""

    now = most = 0
    lock = threading.Lock()

    def score(self, prompt: Markup, continuations: Sequence[Markup]) -> list[Any]:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.05)
        try:
            return super().score(prompt, continuations)
        finally:
            with self.lock:
                self.now -= 1


def test_an_engine_that_serves_many_is_asked_for_many_and_the_order_stays() -> None:
    targets = [program(f"p{i}", DOUBLE + f"# {i}\n") for i in range(12)]
    engine = Slow(capabilities=Capabilities("slow", "0", 1 << 20, tolerance=1.0, parallel=4))
    found = list(compared(targets, job(engine, rollout=False)))
    assert [each.subject.id for each in found] == [target.id for target in targets]
    assert 1 < engine.most <= 4


def test_a_run_that_is_left_early_starts_nothing_more() -> None:
    targets = [program(f"p{i}") for i in range(30)]
    parrot = taught(targets[0])
    with closing(compared(targets, job(parrot))) as results:
        next(results)
        asked = len(parrot.scored)
    time.sleep(0.2)
    assert len(parrot.scored) == asked == 1
