"""Files of whole traces that a model wrote in one go, as an engine: one JSON object a line.

`{"source": ..., "call": ..., "generation": ...}`: the program, the call that was traced, and the text that the model
wrote after the prompt of that call, its trace tokens spelled out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from neuralpdb.engines.replay import GenerationEngine
from neuralpdb.engines.tokens import Markup, parsed
from neuralpdb.errors import ModelError, NeuralPdbError
from neuralpdb.predict import codec
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program


def holds_generations(file: Path) -> bool:
    """Whether the first line of `file` is a generation; False also for a file that cannot be read."""
    try:
        with file.open(encoding="utf-8") as stream:
            return "generation" in json.loads(stream.readline())
    except (OSError, ValueError, TypeError):
        return False


def load(file: Path) -> GenerationEngine:
    """Load the generations of `file`. Raises ModelError with the line that is wrong."""
    generations: dict[Markup, Markup] = {}
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}", "check the path") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                prompt, generation = _generation(json.loads(line))
            except (ValueError, KeyError, TypeError, NeuralPdbError) as error:
                raise ModelError(
                    f"{file}, line {number}: no generation ({type(error).__name__}: {error})",
                    "each line is {source, call, generation}",
                ) from None
            generations[prompt] = generation
    return GenerationEngine(generations, file.name)


def _generation(record: Any) -> tuple[Markup, Markup]:
    """Return the prompt of the call, with its first frame given, and the text written after it."""
    entry = enter(Program.parse(record["source"], "program"), call=record["call"])
    assert entry.first is not None  # that of a call is always given
    opening = codec.opening(codec.context(entry.program.lines, entry.marked))
    return opening + codec.render(entry.first), parsed(record["generation"])
