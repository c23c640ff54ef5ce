"""Weights: the accuracy that int8 costs, teacher-forced.

    python -m bench.weights CORPUS.jsonl.gz [--reference HF_DIR]

CORPUS holds {src, calls} a line. The first call of each program is recorded, as `python -m neuralpdb.train evaluate
--plain` does it: programs with comprehensions, and traces that do not fit, are left out. A frame is exact when each of
its tokens is the model's first choice after the true text before it.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.local.decoder import FEW, Decoder
from neuralpdb.engines.local.engine import CHUNK
from neuralpdb.engines.local.tokenizer import Vocabulary
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.predict import codec
from neuralpdb.trace.frames import Frame
from neuralpdb.train.cases import recorded


@dataclass(frozen=True)
class Case:
    """One trace as token ids.

    frames: for each frame to predict, where it starts, where it ends, and where its source begins.
    """

    ids: list[int]
    frames: list[tuple[int, int, int]]


@dataclass
class Tally:
    """Counts of one form of the model.

    frames:  predicted frames.
    exact:   frames that are right in state and action.
    state:   frames with the right state.
    action:  frames with the right action.
    whole:   traces with exact frames only.
    choices: the model's first choices, one list a case.
    """

    frames: int = 0
    exact: int = 0
    state: int = 0
    action: int = 0
    whole: int = 0
    choices: list[list[int]] = field(default_factory=list)

    def add(self, case: Case, choices: list[int]) -> None:
        self.choices.append(choices)
        hits = []
        for start, end, source in case.frames:
            state, action = (choices[a - 1 : b - 1] == case.ids[a:b] for a, b in ((start, source), (source, end)))
            hits.append(state and action)
            self.state += state
            self.action += action
        self.frames += len(hits)
        self.exact += sum(hits)
        self.whole += all(hits)

    def row(self, traces: int) -> str:
        n = self.frames
        shares = (self.exact / n, self.state / n, self.action / n, self.whole / traces)
        return " ".join(f"{100 * share:8.2f}%" for share in shares) + f"   {self.exact} of {self.frames} frames"


def cases_of(corpus: Path, limit: int, most: int, vocabulary: Vocabulary) -> list[Case]:
    """Return the traces of `train evaluate`, without comprehensions, of at most `most` tokens."""
    recorded_cases = (case for case in recorded(corpus, limit) if not case.comprehensions)
    texts = (encoded(codec.opening(codec.context(c.lines, c.marked)), c.frames, vocabulary) for c in recorded_cases)
    return [case for case in texts if len(case.ids) <= most]


def encoded(opening: Markup, frames: Sequence[Frame], vocabulary: Vocabulary) -> Case:
    """Encode opening and first frame, which are given, and the frames that are to be predicted."""
    first, *others = codec.render_all(frames)
    ids = vocabulary.encode(opening + first).ids
    places = []
    for markup in others:
        start = len(ids)
        before = len(vocabulary.encode(markup[: markup.index(Token.ACTION)]).ids)
        ids += vocabulary.encode(markup).ids
        places.append((start, len(ids), start + before))
    return Case([*ids, vocabulary.special[Token.END]], places)


def first_choices(decoder: Decoder, ids: list[int], step: int) -> list[int]:
    """Return the model's first choice after each token, computed `step` tokens at a time."""
    out: list[int] = []
    for at in range(0, len(ids), step):
        out += decoder.forward(ids[at : at + step], at).argmax(-1).tolist()
    return out


def alike(cases: Sequence[Case], a: Tally, b: Tally) -> int:
    """Return how many frames greedy decoding after the true text writes alike, up to the first wrong token."""
    same = 0
    for case, one, other in zip(cases, a.choices, b.choices, strict=True):
        for start, end, _ in case.frames:
            n = next((i + 1 for i in range(start, end) if one[i - 1] != case.ids[i]), end)
            same += one[start - 1 : n - 1] == other[start - 1 : n - 1]
    return same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--reference", type=Path, help="the Hugging Face checkpoint that was quantised")
    parser.add_argument("--weights", type=Path, help="a compact checkpoint; default: the embedded one")
    parser.add_argument("--tokens", type=int, default=2048, help="longest trace")
    parser.add_argument("--programs", type=int, default=0, help="how many of the corpus; default: all")
    args = parser.parse_args()
    ck = checkpoint.load(args.weights)
    vocabulary = Vocabulary(ck.tokenizer)
    cases = cases_of(args.corpus, args.programs, args.tokens, vocabulary)
    print(f"{ck.name} {ck.revision}, Python {platform.python_version()}, torch {torch.__version__}")
    print(f"{len(cases)} traces, {sum(len(c.frames) for c in cases)} frames, {sum(len(c.ids) for c in cases)} tokens")
    print(f"{'':30} {'frame':>9} {'state':>9} {'action':>9} {'trace':>9}")
    ways = [("int8 weights, fp32 arithmetic", ck, False, CHUNK), ("int8 weights, bf16 activations", ck, True, FEW)]
    if args.reference:
        ways.insert(0, ("before int8, fp32 arithmetic", checkpoint.load(args.reference), False, CHUNK))
    tallies = []
    for name, source, int8, step in ways:
        tally = Tally()
        with torch.inference_mode():
            decoder = Decoder(source, int8=int8)
            for case in cases:
                tally.add(case, first_choices(decoder, case.ids, step))
        tallies.append(tally)
        same = f", {alike(cases, tallies[-2], tally)} as in the row above" if len(tallies) > 1 else ""
        print(f"{name:30} {tally.row(len(cases))}{same}", flush=True)


if __name__ == "__main__":
    main()
