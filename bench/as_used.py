"""As used: how true the debugger is that computes what Python determines, on its own from the first frame on.

    python -m bench.as_used [CORPUS] [--programs N] [--step N] [--frames N] > bench/as_used.md

CORPUS: lines of {"src" or "source", "calls" or "call"}, perhaps compressed; the first call of each is traced. The
examples are always compared. Programs run for real, in a child process with limits. Ends with exit code 1 when
anything was computed wrong.
"""

from __future__ import annotations

import argparse
import gzip
import json
import platform
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from neuralpdb.engines.base import Engine
from neuralpdb.engines.local.engine import LocalEngine
from neuralpdb.fidelity.comparison import Blame, Comparison, ComparisonSetup, Result
from neuralpdb.fidelity.figures.debugging import defects, how_known, how_placed
from neuralpdb.fidelity.figures.divergence import debugger_divergence
from neuralpdb.fidelity.figures.rollouts import could_match
from neuralpdb.fidelity.figures.shares import Share, percent
from neuralpdb.fidelity.figures.summary import summarise
from neuralpdb.fidelity.report import side_by_side
from neuralpdb.fidelity.runner import Job, compared
from neuralpdb.fidelity.targets import Target
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.realrun.limits import Limits
from neuralpdb.trace.frames import Ended, Frame

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
SHOWN = 20
"""Most reasons and programs that are named."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path)
    parser.add_argument("--programs", type=int, default=0, help="only the first N; 0: all")
    parser.add_argument("--step", type=int, default=1, help="only every Nth program")
    parser.add_argument("--frames", type=int, default=200, help="most frames of a program")
    arguments = parser.parse_args()
    engine = LocalEngine.load()
    model = engine.capabilities
    print(f"# The debugger as it is used: {model.name} ({model.revision}), Python {platform.python_version()}\n")
    print(
        "Made by `python -m bench.as_used`. The debugger goes on its own from the first frame: what Python determines"
    )
    print(
        f"is computed, the model predicts the rest. The first {arguments.frames} frames of each program are compared.\n"
    )
    wrong = 0
    if arguments.corpus:
        targets = list(corpus_targets(arguments.corpus))[:: arguments.step]
        targets = targets[: arguments.programs or None]
        wrong += report(f"{len(targets):,} programs of {arguments.corpus.name}", engine, targets, arguments.frames)
    wrong += report("the examples", engine, [Target(path.name, str(path)) for path in EXAMPLES], arguments.frames)
    engine.close()
    sys.exit(1 if wrong else 0)


def corpus_targets(path: Path) -> Iterator[Target]:
    """Yield the programs of a corpus with the first call of each."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, row in enumerate(map(json.loads, lines)):
            calls = row.get("calls") or ([row["call"]] if row.get("call") else [])
            if calls:
                yield Target(str(number), str(number), calls[0], text=row.get("src") or row["source"])


def report(title: str, engine: Engine, targets: Sequence[Target], frames: int) -> int:
    """Compare programs, print what came of it, and return how many texts were computed wrong."""
    model = engine.capabilities
    limits = Limits(frames=frames)
    setup = ComparisonSetup(
        "local",
        model.name,
        model.revision,
        model.context,
        teacher_forced=False,
        rollout=False,
        debugger=True,
        max_frames=frames,
    )
    comparisons = []
    for comparison in compared(targets, Job(engine, setup, limits)):
        comparisons.append(comparison)
        if sys.stderr.isatty():
            print(f"{len(comparisons)} of {len(targets)}", end="\r", file=sys.stderr, flush=True)
    summary = summarise(Result(setup, tuple(comparisons), True, ""))
    used = summary.debugger
    print(f"## {title}\n")
    failed = Counter(str(each.blame) for each in comparisons if each.error)
    if failed:
        words = {Blame.TARGET: "cannot run here", Blame.MODEL: "the model failed"}
        print(f"Not compared: {', '.join(f'{n:,} ({words[Blame(kind)]})' for kind, n in failed.items())}.\n")
    if used is None:
        return 0
    judged = [each for each in comparisons if each.debugger is not None and could_match(each.debugger.rollout)]
    exact = Share(sum(map(is_exact, judged)), len(judged))
    free = used.rollouts
    print("| what | measured | wanted |\n|---|---:|---:|")
    print(f"| frames followed | {shown(free.matched)} | 99.5 % |")
    print(f"| of these, equal but written otherwise | {free.outcomes[Fidelity.EQUIVALENT]:,} | - |")
    print(f"| programs exact, as far as they are compared | {shown(exact)} | 98 % |")
    print(f"| results equal | {shown(free.result_equal)} | - |")
    print(f"| texts computed wrong | {len(used.defects)} | 0 |")
    print(f"| forward passes a frame, of {used.frames:,} | {side_by_side.passes(used)} | - |")
    print(f"| milliseconds a frame | {1000 * used.seconds / max(used.frames, 1):.1f} | - |\n")
    print("| known | all | right | share | 95 % |\n|---|---:|---:|---:|---:|")
    for row in side_by_side.known_rows(used):
        print(f"| {' | '.join(row)} |")
    print()
    named("Predicted by the model alone, since nothing was told:", used.alone)
    named("Left the real run by:", Counter(why(each) for each in judged if not is_exact(each)))
    left = [each for each in judged if not is_exact(each)]
    for each in left[:SHOWN]:
        print(f"- {each.subject.id}{' ' + each.subject.call if each.subject.call else ''}: {place(each)}")
    print(f"- {len(left) - SHOWN} more\n" if len(left) > SHOWN else "")
    for defect in used.defects:
        print(
            f"**Computed wrong**: {side_by_side.place(defect)}: `{defect.place.source.strip()}`: {defect.shown_name} is"
        )
        print(
            f"`{side_by_side.text(defect, defect.actual)}`, computed `{side_by_side.text(defect, defect.computed)}`\n"
        )
    return len(used.defects)


def shown(share: Share) -> str:
    return f"{percent(share.value, 2)} ({share.right:,} of {share.total:,})"


def named(title: str, reasons: Mapping[str, int]) -> None:
    """Print reasons with their counts."""
    ranked = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    if ranked:
        print(f"{title}\n")
        print("\n".join(f"- {count:,} x {reason}" for reason, count in ranked[:SHOWN]), end="\n\n")


def is_exact(comparison: Comparison) -> bool:
    """Whether all frames that can be compared are right, and there is none too many."""
    rollout = comparison.debugger.rollout if comparison.debugger is not None else None
    return rollout is not None and rollout.divergence is None and rollout.matched == could_match(rollout)


def why(comparison: Comparison) -> str:
    """Return what made the debugger leave the real run, in words."""
    used, divergence = comparison.debugger, debugger_divergence(comparison)
    assert used is not None
    if divergence is None:
        end = used.rollout.end
        return f"no divergence: {end.reason if isinstance(end, Ended) else end.message}"
    if defects(comparison):
        return "a text computed wrong"
    if divergence.index in used.assumed:
        return f"assumed to raise nothing: {used.assumed[divergence.index]}"
    if not isinstance(divergence.predicted, Frame):
        return f"no frame of the model: {getattr(divergence.predicted, 'message', 'an end')}"
    if divergence.fidelity is Fidelity.CONTROL:
        return f"the line: {how_placed(divergence.predicted)}"
    kinds = sorted({str(how_known(divergence.predicted, each.name)) for each in divergence.differences})
    return f"a value: {', '.join(kinds)}"


def place(comparison: Comparison) -> str:
    """Return where the debugger left the real run and what it says there, cut."""
    divergence = debugger_divergence(comparison)
    if divergence is None:
        return why(comparison)
    texts = ", ".join(
        f"{each.name or 'value'} {cut(each.predicted)} for {cut(each.actual)}" for each in divergence.differences[:2]
    )
    return f"frame {divergence.index}, `{cut(divergence.place.source.strip())}`: {why(comparison)}; {texts}"


def cut(text: str | None, most: int = 60) -> str:
    one = " ".join((text if text is not None else "(none)").split())
    return one if len(one) <= most else f"{one[:most]}..."


if __name__ == "__main__":
    main()
