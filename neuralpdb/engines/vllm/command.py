"""The plan of `neuralpdb serve`: the command line of vLLM that serves a trace model on this machine.

vLLM does the serving, the distribution over cards and machines too. Starts nothing: see `process`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from neuralpdb.engines.vllm import probe
from neuralpdb.engines.vllm.models import Model
from neuralpdb.errors import UsageError

EXPANDED = '"$(python -m neuralpdb.engines.local.checkpoint expand)"'
"""Stands for the folder of the embedded model, ready for vLLM, in a command that is only shown."""

SPECULATION = json.dumps(
    {"method": "ngram", "num_speculative_tokens": 8, "prompt_lookup_min": 2, "prompt_lookup_max": 4}
)
"""Guesses from the text so far: a trace repeats names, source lines and values, and takes a third of the passes."""

INSTALL = "pip install 'neuralpdb[serve]'"
MODULE = "vllm.entrypoints.openai.api_server"
PORT = 8000
CPU_THREADS = 4
"""Most cores that the small model takes on a machine without a GPU: more make it no faster."""


@dataclass(frozen=True)
class Options:
    """The user's choices; None and empty leave it to vLLM.

    speculate: let vLLM guess several tokens at once from the text so far; the output is the same.
    extra:     flags of vLLM, which come last and win.
    """

    tensor_parallel_size: int | None = None
    pipeline_parallel_size: int | None = None
    data_parallel_size: int | None = None
    quantization: str = ""
    max_model_len: int | None = None
    host: str = "127.0.0.1"
    port: int = PORT
    speculate: bool = True
    extra: Sequence[str] = ()


@dataclass(frozen=True)
class Plan:
    """A command to run, and the address of its server.

    environment: variables for the command; those already set win.
    key:         the server's API key; empty without one.
    notes:       lines for the user.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    host: str
    port: int
    key: str = ""
    notes: tuple[str, ...] = ()

    @property
    def base_url(self) -> str:
        """Return the address at which this machine reaches the server."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/v1"

    def shell(self) -> str:
        """Return the plan as one line for a shell."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        words = (word if word == EXPANDED else shlex.quote(word) for word in self.command)
        return " ".join([*settings, *words])


# -- the plan ---------------------------------------------------------------------------------------------------------


def plan(model: Model, folder: str, options: Options, launcher: Sequence[str], *, gpu: bool) -> Plan:
    """Return the command line of vLLM for `model`. Raises UsageError for extra flags that would hide the server.

    folder:   the model's files, when they are on this machine; else empty.
    launcher: the beginning of the command (see `launcher`).
    """
    _refuse(options.extra)
    place = folder or model.repository
    named = launcher[-1] == MODULE
    command = [*launcher, *(["--model", place] if named else [place])]
    command += ["--served-model-name", *dict.fromkeys((model.repository if not folder else model.name, model.name))]
    command += ["--host", options.host, "--port", str(options.port)]
    command += [*_sizes(model, options), "--enable-prefix-caching", "--enable-prompt-tokens-details"]
    command += ["--disable-uvicorn-access-log"]
    staged = (options.pipeline_parallel_size or 1) > 1  # guesses ahead are for one stage
    command += ["--speculative-config", SPECULATION] if options.speculate and not staged else []
    environment = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    if folder:
        environment |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    if not gpu and not model.repository:
        command += ["--dtype", "float32", "--enforce-eager", "--block-size", "32"]  # it computes as the embedded engine
        environment |= {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": _cores()}
    notes = tuple(_notes(model, options, gpu))
    return Plan((*command, *options.extra), environment, options.host, options.port, _key(options), notes)


def _refuse(extra: Sequence[str]) -> None:
    for flag in extra:
        name = flag.partition("=")[0]
        if name in ("--host", "--port"):
            raise UsageError(f"{name} after -- would not be noticed", f"write {name} before --")
        if name.startswith("--ssl") or name == "--uds":
            raise UsageError(f"{name}: neuralpdb serve waits for plain HTTP", "run vllm serve yourself for this")


def _key(options: Options) -> str:
    """Return the key that vLLM will ask for: of its flag, else of its variable."""
    words = [word for flag in options.extra for word in flag.split("=", 1)]
    given = [after for word, after in pairwise(words) if word == "--api-key"]
    return given[0] if given else os.environ.get("VLLM_API_KEY", "")


def _sizes(model: Model, options: Options) -> Iterator[str]:
    """Yield flags for parallelism, precision and context."""
    for name in ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size"):
        if (value := getattr(options, name)) is not None:
            yield from (f"--{name.replace('_', '-')}", str(value))
    if options.quantization:
        yield from ("--quantization", options.quantization)
    if options.max_model_len is not None:
        yield from ("--max-model-len", str(options.max_model_len))
    elif model.repository:
        yield from ("--max-model-len", "auto")  # the longest context that the cards hold


def _notes(model: Model, options: Options, gpu: bool) -> Iterator[str]:
    if model.licence:
        yield f"{model.repository} is under {model.licence}; if its download is refused, accept it on the model's page"
    if model.licence and not gpu:
        yield f"no GPU was found on this machine: {model.name} may need more memory than it has, and will be slow"
    if not probe.is_local(options.host) and not _key(options):
        yield f"whoever reaches this machine can use the server at {options.host} (VLLM_API_KEY sets a key)"


def _cores() -> str:
    """Return the numbers of the first few cores that this process may use."""
    usable = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return ",".join(map(str, [*usable][:CPU_THREADS]))


def has_gpu(devices: Path = Path("/dev")) -> bool:
    """Whether a card that vLLM can use is visible: NVIDIA's, AMD's, or NVIDIA's under WSL."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    return any((devices / name).exists() for name in ("nvidia0", "kfd", "dxg"))


def launcher(path: str | None = None) -> tuple[str, ...]:
    """Return the command that starts vLLM: of this environment, else of `path` (default: PATH). Empty without vLLM.

    A build whose package is not called `vllm` (those for the CPU) has a `vllm` command that does not start: its module
    does.
    """
    beside = Path(sys.executable).with_name("vllm")
    executable = str(beside) if beside.is_file() else shutil.which("vllm", path=path)
    if executable is None:
        return (sys.executable, "-m", MODULE) if importlib.util.find_spec("vllm") else ()
    python = Path(executable).with_name("python")
    packages = [*Path(executable).parent.parent.glob("lib/python3*/site-packages/vllm*.dist-info")]
    if packages and python.exists() and not any(package.name.startswith("vllm-") for package in packages):
        return (str(python), "-m", MODULE)
    return (executable, "serve")
