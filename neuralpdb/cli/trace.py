"""`neuralpdb trace`: a whole trace, predicted, computed or real, as JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neuralpdb.cli.engine import engine_of
from neuralpdb.cli.options import (
    BaseUrl,
    Call,
    ChosenEngine,
    Constrain,
    MaxFrames,
    ModelName,
    Record,
    Recording,
    Weights,
    read_settings,
    tools_app,
)
from neuralpdb.errors import TargetError, UsageError
from neuralpdb.output.notes import note
from neuralpdb.output.printable import inert

if TYPE_CHECKING:
    from neuralpdb.interpreter.computing.worker import Computing
    from neuralpdb.predict.predictor import Predictor
    from neuralpdb.program.entry import Entry
    from neuralpdb.trace.frames import Frame

_OPERATIONS_A_FRAME = 100
"""Instructions that a frame may cost on the average where many are asked for; ordinary code has 3 to 30."""


@tools_app.command()
def trace(
    script: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The Python file; with --computed also a folder, or recorded programs.",
            show_default=False,
        ),
    ],
    args: Annotated[list[str] | None, typer.Argument(help="The script's own arguments.", show_default=False)] = None,
    real: Annotated[bool, typer.Option("--real", help="Run the program and show what really happens.")] = False,
    computed: Annotated[
        bool,
        typer.Option("--computed", help="Show what follows from the program by Python's own rules; no model is asked."),
    ] = False,
    call: Call = "",
    max_frames: MaxFrames = None,
    engine: ChosenEngine = None,
    base_url: BaseUrl = None,
    model: ModelName = None,
    weights: Weights = None,
    recording: Recording = None,
    record: Record = None,
    constrain: Constrain = None,
) -> None:
    """Print the predicted trace (--computed: what is certain of it; --real: the actual one): a JSON object a frame.

    --computed runs nothing. Values that do not follow from the program are null, and "unknown" says why; standard
    error says where and why nothing more can be told. For a folder or recorded programs (.jsonl, .jsonl.gz) it prints
    a summary.
    """
    from neuralpdb.program.entry import enter
    from neuralpdb.program.program import Program

    getattr(sys.stdout, "reconfigure", lambda **_: None)(encoding="utf-8")  # JSON is, whatever the locale
    if computed:
        _refuse(real=real or None, engine=engine, base_url=base_url, model=model, weights=weights)
        _refuse(recording=recording, record=record, constrain=constrain)
        most = read_settings(None, None, None, None, None, max_frames).max_frames
        _print_computed([str(script), *(args or [])], call, most)
        return
    settings = read_settings(engine, base_url, model, weights, constrain, max_frames)
    entry = enter(Program.read(script), call=call, arguments=args or ())
    if real:
        _print_real(entry, script, args or [], settings.max_frames)
        return
    with engine_of(settings, recording, record) as chosen:
        from neuralpdb.interpreter.computing.histories import ComputedHistories
        from neuralpdb.predict.computed.telling import Alongside
        from neuralpdb.predict.predictor import Predictor

        with closing(Alongside(lambda: ComputedHistories(entry))) as histories:
            predictor = Predictor(entry, chosen, constrain=settings.constrain, histories=histories)
            _print_predicted(predictor, settings.max_frames)


def _refuse(**options: object) -> None:
    """Raise UsageError for an option that was given and that --computed has no use for."""
    given = next((name for name, value in options.items() if value is not None), None)
    if given is not None:
        option = f"--{given.replace('_', '-')}"
        raise UsageError(f"{option}: --computed asks no model and runs nothing", f"leave out {option} or --computed")


def _print_predicted(predictor: Predictor, most: int) -> None:
    from neuralpdb.trace.frames import to_jsonl

    for line in to_jsonl(_predicted(predictor, most)):
        print(line, flush=True)


def _predicted(predictor: Predictor, most: int) -> Iterator[Frame]:
    """Yield frames as they are predicted, at most `most`. Raises ModelError where the model cannot go on."""
    from neuralpdb.errors import ModelError
    from neuralpdb.trace.frames import Ended, Frame, Trouble

    history: list[Frame] = []
    first = predictor.entry.first
    outcome: Frame | Ended | Trouble = first if first is not None else predictor.next(history)
    while isinstance(outcome, Frame):
        yield outcome
        history.append(outcome)
        if len(history) >= most:
            note(f"stopped after {most:,} frames")
            return
        outcome = predictor.next(history)
    if isinstance(outcome, Trouble):
        raise ModelError(f"no frame after {len(history)}: {outcome.message}")


def _print_computed(paths: Sequence[str], call: str, most: int) -> None:
    """Print what is computed of a script and stop with the reason; of a folder or of recorded programs, a summary."""
    from neuralpdb.fidelity import coverage, targets
    from neuralpdb.interpreter.computing.worker import Worker
    from neuralpdb.interpreter.interpretation import Bounds
    from neuralpdb.program.entry import enter
    from neuralpdb.program.program import Program

    bounds = Bounds(frames=most, operations=max(Bounds.operations, most * _OPERATIONS_A_FRAME))
    script = Path(paths[0])
    with Worker() as worker:
        if script.is_dir() or script.name.endswith(targets.RECORDS):
            for line in coverage.summary(worker, targets.find(paths, call=call), bounds):
                print(inert(line))
        else:
            entry = enter(Program.read(script), call=call, arguments=paths[1:])
            _print_frames(worker.compute(entry, paths[0], replace(bounds, endless=True)), script)


def _print_frames(computing: Computing, script: Path) -> None:
    from neuralpdb.interpreter.interpretation import End

    count, last = 0, None
    for computed in computing:
        print(json.dumps({"i": count, **computed.as_dict()}, ensure_ascii=False), flush=True)
        count, last = count + 1, computed.frame
    outcome = computing.outcome
    assert outcome is not None
    if outcome.end is End.ENOUGH:
        note(f"stopped after {count:,} frames")
    elif last is None:
        raise TargetError(f"{script}: nothing is told: {outcome.reason}")
    elif outcome.end is End.ENDLESS:
        note(f"{script}, line {last.line}: {outcome.reason}")
    elif outcome.end is not End.ENDED:
        note(f"{script}, line {last.line}: nothing is told after frame {count - 1:,}: {outcome.reason}")


def _print_real(entry: Entry, script: Path, args: Sequence[str], most: int) -> None:
    from neuralpdb.realrun import limits, process
    from neuralpdb.trace.frames import Trouble, to_jsonl

    if entry.first is None:
        raise UsageError(f"{script}: a marked function has no arguments to run with", "name a call: --call EXPR")
    trace = process.trace(
        entry.program.text,
        filename=str(script),
        argv=args,
        entry_function=entry.function,
        entry_line=entry.marked,
        limits=limits.Limits(frames=most),
    )
    for line in to_jsonl(trace.frames):
        print(line)
    if isinstance(trace.end, Trouble):
        note(trace.end.message)
    if not trace.frames:
        raise TargetError(f"{script}: nothing was traced", "does it reach the entry?")
