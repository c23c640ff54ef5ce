"""`neuralpdb doctor`: checks of a server, or of the embedded engine, each with a remedy."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neuralpdb.cli.engine import Choice, choose, connect, timeouts
from neuralpdb.cli.options import AsJson, tools_app
from neuralpdb.cli.settings import Settings, masked
from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.tokens import Token
from neuralpdb.errors import ModelError, NotReady, UsageError
from neuralpdb.output.notes import note
from neuralpdb.predict import codec
from neuralpdb.predict.predictor import Predictor
from neuralpdb.program.entry import enter
from neuralpdb.program.program import Program
from neuralpdb.trace.frames import Event, Frame, Origin

if TYPE_CHECKING:
    from neuralpdb.engines.base import Engine
    from neuralpdb.engines.vllm.http import Wire


@tools_app.command()
def doctor(
    base_url: Annotated[str | None, typer.Option("--base-url", metavar="URL", help="The server.")] = None,
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="Which of the server's models.")] = None,
    engine: Annotated[str | None, typer.Option("--engine", metavar="NAME", help="local or vllm.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a server that is still loading.")] = False,
    as_json: AsJson = False,
) -> int:
    """Check the engine that would predict: the server and its model, or the embedded one."""
    import json

    from neuralpdb.cli import settings_sources
    from neuralpdb.cli.settings import masked
    from neuralpdb.output.printable import inert

    settings = settings_sources.load({"base_url": base_url, "model": model, "engine": engine})
    chosen = choose(settings)
    if chosen.engine == "replay":
        raise UsageError("a recording cannot be checked", "--engine local or --engine vllm")
    for line in chosen.notes:
        note(line)
    if not as_json:
        name = f"the server {masked(chosen.base_url)}" if chosen.engine == "vllm" else "the embedded engine"
        print(inert(f"{name} ({chosen.reason})"), flush=True)
    checks = []
    for check in examine(chosen, settings, wait=WAIT if wait else 0.0, say=note):
        checks.append(check)
        if not as_json:
            for line in lines(check):
                print(inert(line), flush=True)
    report = as_dict(chosen, checks)
    if as_json:
        print(json.dumps(report, indent=2, ensure_ascii=False))
    return ModelError.exit_code if report["status"] == Status.FAILURE else 0


FORMAT = "neuralpdb.doctor/1"
WAIT = 1800.0
"""Seconds that `--wait` waits: the weights of the 32 B model may still have to be downloaded."""

PAUSE = 1.0
"""Seconds between two questions to a server that is loading."""
SLOW = 2.0
"""Seconds a step may take before stepping feels slow."""

SHORT = 4096
"""Tokens of context below which most histories have to be re-started."""

_VLLM = "it has to be a vLLM server"
SERVE_FLAGS = "--enable-prefix-caching --enable-prompt-tokens-details"

CWM_IDS: Mapping[Token, int] = {
    Token.BEGIN: 128000,
    Token.END: 128001,
    Token.FRAME: 128100,
    Token.ACTION: 128101,
    Token.RETURN: 128102,
    Token.CALL: 128103,
    Token.LINE: 128104,
    Token.EXCEPTION: 128105,
    Token.ARG: 128106,
    Token.CONTEXT: 128107,
}
"""Token ids of the 32 B model's vocabulary (its `tokenizer.json`)."""

SAMPLE = """# How often each letter occurs in a word.

word = "abca"
counts = {}
for letter in word:
    if letter in counts:
        counts[letter] += 1
    else:
        counts[letter] = 1
total = sum(counts.values())
assert total == len(word)
"""
GOLDEN = (
    (4, {"word": "'abca'"}),
    (5, {"word": "'abca'", "counts": "{}"}),
    (6, {"word": "'abca'", "counts": "{}", "letter": "'a'"}),
    (9, {"word": "'abca'", "counts": "{}", "letter": "'a'"}),
    (5, {"word": "'abca'", "counts": "{'a': 1}", "letter": "'a'"}),
    (6, {"word": "'abca'", "counts": "{'a': 1}", "letter": "'b'"}),
)
"""(line, locals) of the frames of `SAMPLE` after its first line, as in the real run."""


class Status(StrEnum):
    """Results of a check, best first."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Check:
    """One check.

    name:    its name.
    status:  its result.
    message: the result in words.
    fix:     the remedy; empty when none is needed.
    """

    name: str
    status: Status
    message: str
    fix: str = ""


def examine(chosen: Choice, settings: Settings, *, wait: float = 0.0, say: Callable[[str], None]) -> Iterator[Check]:
    """Yield the checks of the chosen engine as they are done; the first failure is the last.

    wait: seconds to wait for a server that is not ready.
    say:  takes lines for the user during that time.
    """
    try:
        with ExitStack() as held:
            if chosen.engine == "vllm":
                wire = _wire(chosen, settings)
                held.callback(wire.close)
                yield _reached(wire, wait, say)
                yield from _served(wire, chosen)
                engine = connect(chosen, settings)
            else:
                engine = _embedded(settings)
                yield Check("model", Status.OK, _described(engine))
            held.callback(engine.close)
            yield from _used(engine, chosen)
    except _Failed as failed:
        yield failed.check
    except ModelError as error:
        yield Check("engine", Status.FAILURE, error.message, error.hint or "neuralpdb doctor --engine local")


class _Failed(Exception):
    """A failed check that makes the later ones useless."""

    def __init__(self, check: Check) -> None:
        super().__init__(check.message)
        self.check = check


def _failed(name: str, error: ModelError) -> _Failed:
    return _Failed(Check(name, Status.FAILURE, error.message, error.hint))


# -- the server -------------------------------------------------------------------------------------------------------


def _wire(chosen: Choice, settings: Settings) -> Wire:
    from neuralpdb.engines.vllm.http import Wire

    return Wire(chosen.base_url, settings.api_key, timeouts(settings))


def _reached(wire: Wire, wait: float, say: Callable[[str], None]) -> Check:
    """Check that the server answers, perhaps after a while."""
    began = time.monotonic()
    reported = began
    while True:
        try:
            version = wire.run(wire.get("/version"))
            sent = time.perf_counter()
            wire.run(wire.get("/version"))  # the first one made the connection
            took = time.perf_counter() - sent
            number = version.get("version") if isinstance(version, dict) else None
            return Check("server", Status.OK, f"vLLM {number or '?'} answers at {wire.address} ({took * 1000:.0f} ms)")
        except NotReady as error:
            if time.monotonic() - began >= wait:
                raise _failed("server", error) from None
            if reported == began or time.monotonic() - reported >= 10:
                reported = time.monotonic()
                say(f"waiting for the server: {error.message}")
            time.sleep(PAUSE)
        except ModelError as error:
            raise _failed("server", error) from None


def _served(wire: Wire, chosen: Choice) -> Iterator[Check]:
    """Check that the model is served, its context is long enough, and it has the trace tokens."""
    models = _models(wire)
    name = chosen.model or next(iter(models))
    if name not in models:
        message = f"the server does not serve {name!r}; it serves {', '.join(models)}"
        raise _Failed(Check("model", Status.FAILURE, message, f"--model {next(iter(models))}"))
    context = models[name].get("max_model_len")
    if not isinstance(context, int):
        raise _Failed(Check("model", Status.FAILURE, f"the server does not say the context of {name}", _VLLM))
    text = f"{name} (from {models[name].get('root')}), {context:,} tokens of context"
    enough = context >= SHORT
    fix = "" if enough else f"serve it with --max-model-len {SHORT} or more"
    yield Check("model", Status.OK if enough else Status.WARNING, text, fix)
    yield _tokens(wire, name)


def _models(wire: Wire) -> dict[str, Mapping[str, Any]]:
    """Return the models of the server, at least one, by name."""
    try:
        answer = wire.run(wire.get("/v1/models"))
    except ModelError as error:
        raise _failed("model", error) from None
    listed = answer.get("data") if isinstance(answer, dict) else None
    models = [each for each in listed or [] if isinstance(each, dict) and "id" in each]
    if not models:
        raise _Failed(Check("model", Status.FAILURE, "the server lists no model", "neuralpdb serve cwm"))
    return {str(each["id"]): each for each in models}


def _tokens(wire: Wire, model: str) -> Check:
    """Check that each trace token is one token, with the expected id."""
    try:
        ids = {token: _ids(wire, model, token.value) for token in Token}
    except ModelError as error:
        raise _failed("trace tokens", error) from None
    split = [token for token, numbers in ids.items() if len(numbers) != 1]
    if split:
        message = f"{split[0].value} is {len(ids[split[0]])} tokens, not one: {model} is not a trace model"
        raise _Failed(Check("trace tokens", Status.FAILURE, message, "neuralpdb serve cwm"))
    single = {token: numbers[0] for token, numbers in ids.items()}
    for expected, owner in ((CWM_IDS, "the Code World Model"), (_embedded_ids(), "the embedded model")):
        if single == expected:
            return Check("trace tokens", Status.OK, f"single tokens, with the ids of {owner}")
    other = next(token for token in Token if single[token] != CWM_IDS[token])
    message = f"single tokens of another vocabulary: {other.value} is {single[other]}, in CWM's it is {CWM_IDS[other]}"
    return Check(
        "trace tokens", Status.WARNING, message, "nothing, if the model was trained on traces in this vocabulary"
    )


def _ids(wire: Wire, model: str, text: str) -> Sequence[int]:
    body = {"model": model, "prompt": text, "add_special_tokens": False}
    answer = wire.run(wire.post("/tokenize", body))
    ids = answer.get("tokens") if isinstance(answer, dict) else None
    if not isinstance(ids, list):
        raise ModelError("the server does not tokenize", _VLLM)
    return ids


def _embedded_ids() -> Mapping[Token, int]:
    """Return the ids of the trace tokens in the embedded model's vocabulary; empty when it cannot be read."""
    try:
        vocabulary = json.loads((checkpoint.embedded() / checkpoint.TOKENIZER).read_text(encoding="utf-8"))
        ids = {each["content"]: each["id"] for each in vocabulary["added_tokens"]}
        return {token: ids[token.value] for token in Token}
    except (ModelError, OSError, ValueError, KeyError, TypeError):
        return {}


# -- any engine -------------------------------------------------------------------------------------------------------


def _embedded(settings: Settings) -> Engine:
    from neuralpdb.engines.local.engine import LocalEngine

    try:
        return LocalEngine.load(settings.weights)
    except ModelError as error:
        raise _failed("model", error) from None


def _described(engine: Engine) -> str:
    about = engine.capabilities
    return f"the embedded engine with {about.name} ({about.revision}), {about.context:,} tokens of context"


def _used(engine: Engine, chosen: Choice) -> Iterator[Check]:
    """Check a few steps through the sample: right, fast enough, scored, out of the cache."""
    entry = enter(Program.parse(SAMPLE, "doctor.py"))
    predictor = Predictor(entry, engine, constrain=False)
    assert entry.first is not None
    history = [entry.first]
    times: list[float] = []
    for line, state in GOLDEN:
        began = time.perf_counter()
        outcome = predictor.next(history)
        times.append(time.perf_counter() - began)
        if len(history) == 1:
            yield _golden(outcome, line, state)
        history.append(Frame(Event.LINE, "<module>", line, entry.program.line(line), state, origin=Origin.GIVEN))
    yield _latency(times, chosen)
    yield _scoring(engine, predictor, history)
    yield _cache(predictor, chosen)


def _golden(outcome: object, line: int, state: Mapping[str, str]) -> Check:
    """Check the model's first frame against the true one."""
    name = "golden frame"
    if not isinstance(outcome, Frame):
        reason = getattr(outcome, "message", None) or getattr(outcome, "reason", "")
        raise _Failed(
            Check(name, Status.FAILURE, f"the model writes no frame: {reason}", "serve a trace model: cwm, mini")
        )
    if outcome.event is Event.LINE and outcome.line == line and dict(outcome.locals) == state:
        return Check(name, Status.OK, f"line {line} with {_pairs(state)}, as it is")
    message = f"the model says {outcome.event} at line {outcome.line} with {_pairs(outcome.locals)}; it is line {line}"
    return Check(name, Status.WARNING, f"{message} with {_pairs(state)}", "neuralpdb serve cwm (is the model damaged?)")


def _pairs(state: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in state.items()) or "no locals"


def _latency(times: Sequence[float], chosen: Choice) -> Check:
    typical = median(times)
    message = f"{typical * 1000:.0f} ms a step (median of {len(times)}; the first took {times[0] * 1000:.0f} ms)"
    slow = typical > SLOW
    fix = (
        "more cards (--tensor-parallel-size) or --quantization fp8"
        if chosen.engine == "vllm"
        else "a server with a GPU"
    )
    return Check("latency", Status.WARNING if slow else Status.OK, message, fix if slow else "")


def _scoring(engine: Engine, predictor: Predictor, history: Sequence[Frame]) -> Check:
    """Check that the engine scores the true next frame; without scores, control flow cannot be weighed."""
    name = "scoring"
    prompt = predictor.window.prompt(history[:-1]).markup
    began = time.perf_counter()
    try:
        score = engine.score(prompt, [codec.render(history[-1], history[-2])])[0]
    except ModelError as error:
        fix = error.hint or "start vLLM anew without restrictions on log-probabilities"
        return Check(name, Status.FAILURE, f"the engine does not score: {error.message}", fix)
    took = time.perf_counter() - began
    right = sum(score.greedy)
    message = f"{right} of the {len(score.greedy)} tokens of a true frame are the model's own ({took * 1000:.0f} ms)"
    return Check(name, Status.OK, message)


def _cache(predictor: Predictor, chosen: Choice) -> Check:
    usage = predictor.usage
    message = f"{usage.cached_tokens:,} of {usage.prompt_tokens:,} prompt tokens came from the prefix cache"
    if usage.cached_tokens or chosen.engine != "vllm":
        return Check("prefix cache", Status.OK, message)
    return Check("prefix cache", Status.WARNING, message, f"start vLLM with {SERVE_FLAGS}, as neuralpdb serve does")


# -- reports ----------------------------------------------------------------------------------------------------------


def lines(check: Check) -> Iterator[str]:
    """Yield the lines of one check for people."""
    yield f"{check.status:8} {check.name:13} {check.message}"
    if check.fix:
        yield f"{'':8} {'':13} -> {check.fix}"


def as_dict(chosen: Choice, checks: Sequence[Check]) -> dict[str, Any]:
    """Return all checks as JSON-ready values; `status` is the worst of them."""
    order = list(Status)
    return {
        "format": FORMAT,
        "engine": chosen.engine,
        "base_url": masked(chosen.base_url),
        "why": chosen.reason,
        "status": max((check.status for check in checks), key=order.index, default=Status.OK).value,
        "checks": [asdict(check) for check in checks],
    }
