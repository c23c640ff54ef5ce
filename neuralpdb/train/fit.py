"""Fitting: batches from the data stream, steps, the log, checkpoints that a run can be resumed from.

A run is a folder: `log.jsonl`, `state.pt` (to resume), `hf/` and `compact/` (the newest export), `figures.json`.
"""

from __future__ import annotations

import json
import math
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from neuralpdb.engines.local.checkpoint import Geometry
from neuralpdb.errors import UsageError
from neuralpdb.train import export, model
from neuralpdb.train.cases import Case
from neuralpdb.train.data import LOSS, Position, Recipe, Stream, Tokens, put_unless
from neuralpdb.train.evaluate import teacher_forced
from neuralpdb.train.optimiser import Optimisers, rate
from neuralpdb.train.tokenizer import Encoder

IGNORED = -100
"""Target of a token without loss."""


@dataclass(frozen=True)
class Plan:
    """The length and the settings of a training run.

    minutes:          wall time of this process until the last step, compiling included. Of minutes, steps and tokens
                      the first that is set counts.
    steps:            length of the run in steps.
    tokens:           length of the run in tokens.
    micro:            sequences of a forward pass at the first length.
    accumulate:       forward passes of a step.
    lr:               peak learning rate of Muon.
    warm_up:          steps of rising learning rate.
    flat:             share of the run before the learning rate falls.
    last_length:      tokens of a sequence at the end of the run; a forward pass then holds as many fewer sequences.
    last_share:       share of the run with sequences of `last_length`.
    save_minutes:     between checkpoints; 0: only at the end.
    evaluate_minutes: between evaluations; 0: only at the end.
    compile:          use torch.compile on a GPU.
    """

    recipe: Recipe
    workers: int
    minutes: float = 0.0
    steps: int = 0
    tokens: int = 0
    micro: int = 64
    accumulate: int = 1
    lr: float = 2e-3
    warm_up: int = 200
    flat: float = 0.3
    last_length: int = 0
    last_share: float = 0.0
    save_minutes: float = 4.0
    evaluate_minutes: float = 4.0
    compile: bool = True

    def checked(self) -> Plan:
        """Return the plan. Raises UsageError where its numbers do not fit together."""
        if not (self.minutes or self.steps or self.tokens):
            raise UsageError("how long to train is not said", "pass --minutes, --steps or --tokens")
        if self.last_length and self.last_length % self.recipe.length:
            raise UsageError(
                f"--last-seq {self.last_length} is no multiple of --seq {self.recipe.length}", "for example twice"
            )
        if self.last_length and self.micro % (self.last_length // self.recipe.length):
            raise UsageError(f"--micro {self.micro} cannot be divided for --last-seq {self.last_length}")
        return self

    def stage(self, number: int) -> tuple[Recipe, int]:
        """Return recipe and sequences of a forward pass in stage 0 or 1."""
        times = self.last_length // self.recipe.length if number else 1
        micro = self.micro // times
        length = self.recipe.length * times
        return replace(self.recipe, length=length, sequences=math.gcd(16, micro)), micro

    @property
    def step_tokens(self) -> int:
        return self.micro * self.accumulate * self.recipe.length


@dataclass
class Progress:
    """The state of a run that is saved beside weights and optimisers."""

    step: int = 0
    seconds: float = 0.0
    stage: int = 0
    position: Position | None = None


class Feed:
    """Micro batches on the device, made ready by a thread while the model works."""

    def __init__(self, plan: Plan, stage: int, position: Position | None, device: torch.device) -> None:
        recipe, self._micro = plan.stage(stage)
        self._each = recipe.sequences
        self._device = device
        self.stream = Stream(recipe, position or Position.start(plan.workers))
        self._ready: queue.Queue[tuple[Tensor, Position] | Exception] = queue.Queue(4)
        self._closed = threading.Event()
        self.position = self.stream.position
        self.waited = 0.0
        self._thread = threading.Thread(target=self._fill, daemon=True, name="feed")
        self._thread.start()

    def __next__(self) -> Tensor:
        """Return int16 [micro, length + 1] on the device. Raises the errors of the stream."""
        began = time.monotonic()
        item = self._ready.get()
        self.waited += time.monotonic() - began
        if isinstance(item, Exception):
            raise item
        batch, self.position = item
        return batch.to(self._device, non_blocking=True)

    def close(self) -> None:
        """End the workers."""
        self._closed.set()
        self.stream.close()

    def _fill(self) -> None:
        try:
            while not self._closed.is_set():
                parts: list[Tokens] = [next(self.stream) for _ in range(self._micro // self._each)]
                batch = torch.from_numpy(np.concatenate(parts).view(np.int16))
                batch = batch.pin_memory() if self._device.type == "cuda" else batch
                put_unless(self._closed, self._ready, (batch, self.stream.position))
        except Exception as e:
            put_unless(self._closed, self._ready, e)


def loss_of(net: model.Model, batch: Tensor) -> Tensor:
    """Return the mean loss, in nats a token, over the tokens of a stored batch [n, length + 1] that carry loss."""
    stored = batch.int() & 0xFFFF
    ids = (stored & (int(LOSS) - 1)).long()
    targets = torch.where((stored & int(LOSS)) != 0, ids, IGNORED)[:, 1:]
    logits = net(ids[:, :-1]).float()
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)


class Trainer:
    """One run in one folder."""

    def __init__(
        self, plan: Plan, out: Path, net: model.Model, cases: list[Case], *, resume: bool = False, began: float = 0.0
    ) -> None:
        """began: `time.monotonic()` that `plan.minutes` counts from. Raises UsageError with nothing to resume."""
        self.plan, self.out, self.net, self.cases = plan, out, net, cases
        self.device = net.cos.device
        self.encoder = Encoder.read(Path(plan.recipe.tokenizer))
        self.optimisers = Optimisers(net, plan.lr)
        self.progress = Progress()
        self.figures: dict[str, Any] = {}
        self.began = began or time.monotonic()
        self.losses: list[Tensor] = []
        self._exporting: subprocess.Popen[bytes] | None = None
        compiled = plan.compile and self.device.type == "cuda"
        self._loss: Callable[[model.Model, Tensor], Tensor] = (
            torch.compile(loss_of, dynamic=False) if compiled else loss_of
        )
        out.mkdir(parents=True, exist_ok=True)
        if resume:
            self._restore()
        self.resumed_at = self.progress.seconds
        self.lr = 0.0
        self._clock = _Clock(self)

    # --- the loop -------------------------------------------------------------------------------------------------

    def run(self) -> dict[str, Any]:
        """Train to the end of the plan, export, evaluate; return the figures."""
        plan, progress = self.plan, self.progress
        feed = Feed(plan, progress.stage, progress.position, self.device)
        self.log("start", plan=asdict(plan), parameters=sum(p.numel() for p in self.net.parameters()))
        self.evaluate()
        try:
            while (done := self._clock.done()) < 1:
                if not progress.stage and plan.last_length and done >= 1 - plan.last_share:
                    feed.close()
                    progress.stage, progress.position = 1, None
                    feed = Feed(plan, 1, None, self.device)
                    self._clock.waited = 0.0
                    self.log("stage", length=plan.last_length)
                self._step(feed, done)
                self._clock.tick(feed)
        finally:
            feed.close()
        return self._finish()

    def _step(self, feed: Feed, done: float) -> None:
        for _ in range(self.plan.accumulate):
            batch = next(feed)
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.device.type == "cuda"):
                loss = self._loss(self.net, batch)
            (loss / self.plan.accumulate).backward()  # type: ignore[no-untyped-call]
            self.losses.append(loss.detach())
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        plan = self.plan
        self.lr = rate(plan.lr, self.progress.step, done, plan.warm_up, plan.flat)
        self.optimisers.step(self.lr)
        self.progress.step += 1
        self.progress.position = feed.position

    def _finish(self) -> dict[str, Any]:
        self.save()
        self.export()  # at once, in case the evaluation is cut off
        figures = self.evaluate()
        self.export(wait=True)
        self.log("end", step=self.progress.step, tokens=self.progress.step * self.plan.step_tokens, **figures)
        return figures

    # --- the log --------------------------------------------------------------------------------------------------

    def log(self, event: str, **facts: Any) -> None:
        """Write one line to `log.jsonl` and to the standard output."""
        row = {"event": event, "seconds": round(time.monotonic() - self.began, 1), **facts}
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        text = " ".join(f"{k} {v:.6g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items() if k != "plan")
        print(text, flush=True)

    def loss(self) -> float:
        """Return the mean loss since the last call."""
        value = torch.stack(self.losses).mean().item() if self.losses else math.nan
        self.losses.clear()
        return value

    def evaluate(self) -> dict[str, Any]:
        """Compute the teacher-forced figures on the cases, and log them."""
        if not self.cases:
            return {}
        began = time.monotonic()
        self.figures = figures = teacher_forced(self.net, self.cases, self.encoder).summary()
        self.log("evaluation", step=self.progress.step, took=round(time.monotonic() - began, 1), **figures)
        return figures

    # --- files ----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write `state.pt`, from which `resume` goes on exactly here."""
        state = {
            "model": self.net.state_dict(),
            "optimisers": self.optimisers.state(),
            "progress": asdict(self.progress),
            "rng": torch.get_rng_state(),
        }
        scratch = self.out / "state.pt.new"
        torch.save(state, scratch)
        scratch.replace(self.out / "state.pt")

    def _restore(self) -> None:
        file = self.out / "state.pt"
        if not file.is_file():
            raise UsageError(f"nothing to resume in {self.out}", f"{file} does not exist")
        state = torch.load(file, map_location=self.device, weights_only=True)
        self.net.load_state_dict(state["model"])
        self.optimisers.load(state["optimisers"])
        torch.set_rng_state(state["rng"].cpu())
        saved = state["progress"]
        position = saved.pop("position")
        self.progress = Progress(**saved)
        if position:
            self.progress.position = Position(position["turn"], tuple(position["following"]))

    def export(self, *, wait: bool = False) -> None:
        """Write `hf/` now and `compact/` in another process; each appears complete or not at all."""
        if self._exporting is not None and self._exporting.poll() is None:
            if not wait:
                return
            self._exporting.wait()
        tokens = self.progress.step * self.plan.step_tokens
        about = {"steps": self.progress.step, "tokens": tokens, "figures": self.figures}
        scratch = self.out / "hf.new"
        export.write(self.net, Path(self.plan.recipe.tokenizer).parent, scratch, about)
        shutil.rmtree(self.out / "hf", ignore_errors=True)
        scratch.replace(self.out / "hf")
        (self.out / "figures.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
        command = [sys.executable, "-m", "neuralpdb.train", "export", str(self.out / "hf"), str(self.out / "compact")]
        self._exporting = subprocess.Popen(command, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
        if wait:
            self.wait_for_export()

    def wait_for_export(self) -> None:
        """Wait until the compact form of the last export is written."""
        if self._exporting is not None and self._exporting.wait():
            self.log("export failed", code=self._exporting.returncode)
            self._exporting = None


class _Clock:
    """The share of the plan that is done, and the times when log, evaluation and checkpoint are due."""

    LOG_EVERY = 10.0
    """Seconds between lines of the log."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer
        self.first: float | None = None  # when the first step, which compiles, was over
        self.counted = trainer.progress.step
        self.logged = self.saved = self.evaluated = time.monotonic()
        self.waited = 0.0

    def done(self) -> float:
        """Return the share of the plan that is done, 0 to 1."""
        plan, progress = self.trainer.plan, self.trainer.progress
        if plan.steps:
            return progress.step / plan.steps
        if plan.tokens:
            return progress.step * plan.step_tokens / plan.tokens
        if self.first is None:
            return self._before() / (plan.minutes * 60)
        deadline = self.trainer.began + plan.minutes * 60 - self._before()
        now = time.monotonic()
        run = (now - self.first) / max(1e-9, deadline - self.first)
        before = self._before() / (plan.minutes * 60)
        return before + (1 - before) * run

    def _before(self) -> float:
        """Return the seconds of the plan that earlier processes used."""
        return self.trainer.resumed_at

    def tick(self, feed: Feed) -> None:
        """Log, evaluate and save whatever is due after a step."""
        trainer, now = self.trainer, time.monotonic()
        if self.first is None:
            if trainer.losses:
                trainer.losses[-1].item()  # wait for the device
            self.first = self.logged = now = time.monotonic()
            trainer.log("first step")
            self.counted = trainer.progress.step
        trainer.progress.seconds = trainer.resumed_at + now - self.first
        if now - self.logged >= self.LOG_EVERY or trainer.progress.step == trainer.plan.steps:
            self._report(feed, now)
        if trainer.plan.evaluate_minutes and now - self.evaluated >= trainer.plan.evaluate_minutes * 60:
            self.evaluated = now
            trainer.evaluate()
        if trainer.plan.save_minutes and now - self.saved >= trainer.plan.save_minutes * 60:
            self.saved = now
            trainer.save()
            trainer.export()

    def _report(self, feed: Feed, now: float) -> None:
        trainer = self.trainer
        seconds = max(1e-9, now - self.logged)
        steps = trainer.progress.step - self.counted
        trainer.log(
            "step",
            step=trainer.progress.step,
            loss=trainer.loss(),
            lr=trainer.lr,
            tokens_per_second=round(steps * trainer.plan.step_tokens / seconds),
            waiting=round((feed.waited - self.waited) / seconds, 3),
            deaths=feed.stream.deaths,
            done=round(self.done(), 4),
        )
        self.logged, self.counted, self.waited = now, trainer.progress.step, feed.waited


def start_model(init: Path | None, geometry: Geometry | None, seed: int, device: torch.device) -> model.Model:
    """Return the model to train: a checkpoint's, or a fresh one of `geometry`, on `device`."""
    if init is not None:
        net = model.load(init)
    else:
        assert geometry is not None
        net = model.Model(geometry)
        model.initialise(net, seed)
    return net.to(device)
