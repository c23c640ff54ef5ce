"""Examples: how far the embedded model's rollout of each example follows the real run.

python -m bench.examples > bench/examples.md
"""

from __future__ import annotations

import sys
from pathlib import Path

from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.errors import TargetError
from neuralpdb.fidelity.as_used import interpreter_alongside
from neuralpdb.fidelity.scoring import rollout
from neuralpdb.predict.predictor import Predictor
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.realrun import truth
from neuralpdb.trace.frames import Frame, Trace, same_state

EXAMPLES = Path(__file__).parent.parent / "examples"


def main() -> None:
    engine = LocalEngine.load()
    capabilities = engine.capabilities
    print(f"# The examples, predicted by {capabilities.name} ({capabilities.revision})\n")
    version = ".".join(map(str, sys.version_info[:2]))
    print("Made by `python -m bench.examples`: free-running, greedy, control flow constrained.")
    print(f"The truth is Python {version}'s.\n")
    print("| example | frames | followed | first difference |\n|---|---|---|---|")
    for path in sorted(EXAMPLES.glob("*.py")):
        entry = enter(Program.read(path))
        try:
            with truth.start(entry, filename=str(path)) as running:
                real = running.result()
        except TargetError:
            frames = predicted(entry, engine, 200)
            print(f"| {path.name} | {len(frames)} predicted | - | cannot run here, as intended |")
            continue
        frames = predicted(entry, engine, len(real.frames))
        followed = matched(real, frames)
        miss = "none" if followed == len(real.frames) else difference(real, frames, followed)
        print(f"| {path.name} | {len(real.frames)} | {followed} | {miss} |")


def predicted(entry: Entry, engine: LocalEngine, most: int) -> list[Frame]:
    """Return at most `most` frames, the given first one included."""
    assert entry.first is not None
    with interpreter_alongside(entry) as histories:
        return list(rollout(Predictor(entry, engine, histories=histories), [entry.first], most).frames)


def matched(real: Trace, frames: list[Frame]) -> int:
    """Return the length of the common prefix."""
    pairs = zip(real.frames, frames, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if not same_state(a, b)), min(len(real.frames), len(frames)))


def difference(real: Trace, frames: list[Frame], at: int) -> str:
    if at >= len(frames):
        return f"frame {at}: no prediction"
    a, b = real.frames[at], frames[at]
    where = f"frame {at}, `{a.source.strip()}`: "
    if (a.event, a.line) != (b.event, b.line):
        return f"{where}predicted {b.event.value} of line {b.line}"
    if a.value != b.value:
        return f"{where}`{b.value}` for `{a.value}`"
    names = [name for name in {**a.locals, **b.locals} if a.locals.get(name) != b.locals.get(name)]
    return where + ", ".join(f"{name} `{b.locals.get(name)}` for `{a.locals.get(name)}`" for name in names)


if __name__ == "__main__":
    main()
