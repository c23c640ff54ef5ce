"""Settings: which source wins, what each refuses, and `neuralpdb config`."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from frame_sources import entry_of

from neuralpdb.cli import main, options, session, settings_sources
from neuralpdb.cli.settings import FLAGS, Precedence, Settings, flag, masked, table, variable
from neuralpdb.engines.base import Engine
from neuralpdb.errors import UsageError
from neuralpdb.predict import model_source

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """`config.load` with texts for the files: own, and project, which lies above the present folder."""
    (tmp_path / "project" / "deep" / "deeper").mkdir(parents=True)

    def call(own: str = "", project: str = "", environment: dict[str, str] | None = None, **flags: object) -> Settings:
        (tmp_path / "config.toml").write_text(own, encoding="utf-8")
        (tmp_path / "project" / "pyproject.toml").write_text(project, encoding="utf-8")
        folder = tmp_path / "project" / "deep" / "deeper"
        return settings_sources.load(flags, environment=environment or {}, folder=folder, own=tmp_path / "config.toml")

    return call


def project(line: str) -> str:
    return f"[project]\nname = 'x'\n\n[tool.neuralpdb]\n{line}\n"


# -- which one wins -------------------------------------------------------------------------------------------


def test_without_any_source_every_setting_has_its_default(load: Load) -> None:
    settings = load()
    assert settings == Settings()
    assert {settings.origin(name).where for name in table()} == {"default"}


def test_flag_beats_environment_beats_project_beats_own_file_beats_default(load: Load, tmp_path: Path) -> None:
    sources = {
        "own": "max_frames = 2",
        "project": project("max_frames = 3"),
        "environment": {"NEURALPDB_MAX_FRAMES": "4"},
        "max_frames": 5,
    }
    where = ["--max-frames", "NEURALPDB_MAX_FRAMES", str(tmp_path / "project" / "pyproject.toml")]
    where += [str(tmp_path / "config.toml"), "default"]
    for value, place, level in zip([5, 4, 3, 2, 1000], where, sorted(Precedence, reverse=True), strict=True):
        settings = load(**sources)
        assert (settings.max_frames, settings.origin("max_frames").where) == (value, place)
        assert settings.origin("max_frames").level is level
        if sources:
            del sources[list(sources)[-1]]


def test_each_setting_is_decided_for_itself(load: Load) -> None:
    settings = load(own="model = 'cwm'", project=project("constrain = false"), engine="local")
    assert (settings.model, settings.constrain, settings.engine) == ("cwm", False, "local")


def test_a_flag_that_was_not_given_decides_nothing(load: Load) -> None:
    assert load(own="max_frames = 2", max_frames=None).max_frames == 2


def test_an_empty_variable_counts_as_not_set(load: Load) -> None:
    assert load(environment={"NEURALPDB_ENGINE": ""}).origin("engine").level is Precedence.DEFAULT


def test_only_the_nearest_project_file_counts(load: Load, tmp_path: Path) -> None:
    (tmp_path / "project" / "deep" / "pyproject.toml").write_text("[project]\nname = 'inner'\n")
    assert load(project=project("max_frames = 3")).max_frames == 1000


def test_a_relative_folder_in_a_file_is_relative_to_the_file(load: Load, tmp_path: Path) -> None:
    assert load(project=project("weights = 'w'")).weights == tmp_path / "project" / "w"
    assert load(own="weights = 'w'").weights == tmp_path / "w"
    assert load(environment={"NEURALPDB_WEIGHTS": "w"}).weights == Path("w")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("engine", "vllm", "vllm"),
        ("base_url", "http://gpu:8000/v1/", "http://gpu:8000/v1"),
        ("base_url", "http://[::1]:8000", "http://[::1]:8000"),
        ("model", " cwm ", "cwm"),
        ("api_key", "secret", "secret"),
        ("weights", "a/b", Path("a/b")),
        ("connect_timeout", "0.5", 0.5),
        ("constrain", "off", False),
        ("constrain", "TRUE", True),
        ("max_frames", "7", 7),
    ],
)
def test_a_variable_holds_any_setting_as_text(load: Load, name: str, text: str, value: object) -> None:
    assert getattr(load(environment={variable(name): text}), name) == value


# -- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ({"own": "max_frame = 2"}, "config.toml: unknown setting 'max_frame' (did you mean max_frames?)"),
        ({"own": "zzz = 2"}, "config.toml: unknown setting 'zzz' (settings: engine, base_url, "),
        ({"own": "[neuralpdb]\nmodel = 'x'"}, "config.toml: unknown setting 'neuralpdb' (settings: "),
        ({"project": project("motel = 'x'")}, "pyproject.toml: unknown setting 'motel' (did you mean model?)"),
        ({"project": "[tool]\nneuralpdb = 3"}, "pyproject.toml: tool.neuralpdb is not a table (write it as [tool.neur"),
        ({"own": "max_frames = "}, "config.toml: Invalid value (at end of document) (correct the file)"),
        ({"environment": {"NEURALPDB_BASEURL": "x"}}, "the environment variable NEURALPDB_BASEURL is not a setting "
            "(did you mean NEURALPDB_BASE_URL?)"),
        ({"own": "max_frames = 0"}, "max_frames = '0' is not a whole number from 1 on (see: neuralpdb config show)"),
        ({"own": "doubt = 101"}, "doubt = '101' is not a percentage from 0 to 100"),
        ({"own": "max_frames = true"}, "max_frames = 'True' is not a whole number from 1 on"),
        ({"own": "max_frames = 1.5"}, "max_frames = '1.5' is not a whole number from 1 on"),
        ({"own": "constrain = 1"}, "constrain = '1' is not true or false"),
        ({"own": "model = 3"}, "model = '3' is not text in quotes"),
        ({"own": "first_timeout = -1"}, "first_timeout = '-1' is not a number of seconds above 0"),
        ({"environment": {"NEURALPDB_FRAME_TIMEOUT": "inf"}}, "frame_timeout = 'inf' is not a number of seconds"),
        ({"environment": {"NEURALPDB_FRAME_TIMEOUT": "nan"}}, "frame_timeout = 'nan' is not a number of seconds"),
        ({"environment": {"NEURALPDB_ENGINE": "gpt"}}, "NEURALPDB_ENGINE: engine = 'gpt' is not one of auto, local, "),
        ({"base_url": "gpu:8000"}, "--base-url: base_url = 'gpu:8000' is not an address such as http://127.0.0.1:80"),
        ({"base_url": "ftp://gpu"}, "--base-url: base_url = 'ftp://gpu' is not an address"),
        ({"base_url": "http://gpu:x"}, "--base-url: base_url = 'http://gpu:x' is not an address"),
        ({"base_url": "http://gpu/?key=1"}, "--base-url: base_url = 'http://gpu/?key=1' is not an address"),
        ({"base_url": "http://a b/"}, "--base-url: base_url = 'http://a b/' is not an address"),
        ({"base_url": "http://u:pw@a b/"}, "--base-url: base_url = 'http://***@a b/' is not an address"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_with_the_place_and_what_to_do(
    load: Load, sources: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError) as raised:
        load(**sources)
    assert message in str(raised.value)


def test_a_variable_that_resembles_no_setting_belongs_to_somebody_else(load: Load) -> None:
    assert load(environment={"NEURALPDB_PYTHONS": "/usr/bin/python3.12"}) == Settings()


@pytest.mark.parametrize("line", ["api_key = 'k'", "base_url = 'https://me:pw@gpu/v1'", "base_url = 'https://me@gpu'"])
def test_a_secret_in_a_project_file_is_refused_and_not_repeated(load: Load, line: str) -> None:
    with pytest.raises(UsageError, match="is not allowed in a project file") as raised:
        load(project=project(line))
    said = str(raised.value)
    assert "NEURALPDB_" in said and "neuralpdb config set" in said and "pw" not in said and "'k'" not in said


def test_a_secret_that_does_not_fit_is_not_repeated(load: Load) -> None:
    with pytest.raises(UsageError) as raised:
        load(own="api_key = 1234567")
    assert "1234567" not in str(raised.value)


def test_a_file_that_is_no_text_is_refused(load: Load, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"model = '\xff'")
    with pytest.raises(UsageError, match=r"cannot read .*config.toml"):
        settings_sources.load(environment={}, folder=tmp_path, own=tmp_path / "config.toml")


# -- showing --------------------------------------------------------------------------------------------------


def test_secrets_are_masked_wherever_a_setting_is_shown(load: Load) -> None:
    settings = load(environment={"NEURALPDB_API_KEY": "hush", "NEURALPDB_BASE_URL": "https://me:hush@gpu:1/v1"})
    shown = [*settings_sources.rows(settings), json.dumps(settings_sources.as_dict(settings))]
    assert not any("hush" in text for text in shown)
    assert any("********" in text and "NEURALPDB_API_KEY" in text for text in shown)
    assert masked(settings.base_url) == "https://***@gpu:1/v1"


def test_every_flag_of_a_setting_exists() -> None:
    source = Path(options.__file__).read_text(encoding="utf-8")
    assert table().keys() > FLAGS
    assert [name for name in FLAGS if f'"{flag(name)}' not in source] == []


# -- the command ----------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own file, for the command line in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings_sources, "user_file", lambda: tmp_path / "home" / "config.toml")
    monkeypatch.delenv("NEURALPDB_ENGINE")
    return tmp_path / "home" / "config.toml"


def test_config_shows_every_setting_with_its_value_and_origin(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["config", "set", "max_frames", "9"]) == 0
    assert capsys.readouterr().err == f"neuralpdb: max_frames is set in {own}\n"
    for command in (["config"], ["config", "show"]):
        assert main.main(command) == 0
        rows = capsys.readouterr().out.splitlines()
        assert rows[0].split() == ["setting", "value", "from"]
        assert [row.split()[0] for row in rows[1:]] == list(table())
        row = next(row for row in rows if row.startswith("max_frames"))
        assert re.fullmatch(rf"max_frames\s+9\s+{re.escape(str(own))}", row)
    assert main.main(["config", "show", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["max_frames"] == {"value": 9, "level": "user", "where": str(own)}
    assert list(found) == list(table())


def test_config_path_names_the_file_whether_it_exists_or_not(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["config", "path"]) == 0
    assert capsys.readouterr().out == f"{own}\n"
    assert not own.exists()


def test_what_was_set_is_read_again_and_unset_takes_it_out(own: Path) -> None:
    values = {"engine": "vllm", "base_url": "http://gpu:8000/v1", "constrain": "no", "first_timeout": "2.5"}
    values["model"] = 'odd "name" \\ with\ttabs and ü'
    for name, value in values.items():
        assert main.main(["config", "set", name, value]) == 0
    settings = settings_sources.load(environment={}, folder=own.parent, own=own)
    assert (settings.engine, settings.base_url, settings.constrain) == ("vllm", "http://gpu:8000/v1", False)
    assert (settings.first_timeout, settings.model) == (2.5, values["model"])
    assert main.main(["config", "unset", "model"]) == 0
    assert settings_sources.load(environment={}, folder=own.parent, own=own).model == ""


def test_setting_keeps_comments_and_the_other_lines(own: Path) -> None:
    own.parent.mkdir()
    own.write_text("# mine\nmodel = 'a'  # old\nmax_frames = 3\n")
    settings_sources.write("model", "b", own)
    assert own.read_text() == '# mine\nmax_frames = 3\nmodel = "b"\n'


def test_a_file_that_may_hold_a_key_is_for_its_owner_alone(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", type("In", (), {"readline": staticmethod(lambda: "hush\n")}))
    assert main.main(["config", "set", "api_key", "-"]) == 0
    assert own.read_text() == 'api_key = "hush"\n'
    assert stat.S_IMODE(own.stat().st_mode) == 0o600


def test_a_file_that_is_a_link_stays_one(own: Path, tmp_path: Path) -> None:
    own.parent.mkdir()
    own.symlink_to(tmp_path / "dotfile.toml")
    settings_sources.write("model", "b", own)
    assert own.is_symlink() and (tmp_path / "dotfile.toml").read_text() == 'model = "b"\n'


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("set motel x", "config: unknown setting 'motel' (did you mean model?)"),
        ("set max_frames none", "config: max_frames = 'none' is not a whole number from 1 on"),
        ("set max_frames", "Missing argument 'VALUE'"),
        ("unset nothing", "config: unknown setting 'nothing'"),
        ("lose", "No such command 'lose'"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line_and_code_2(
    own: Path, capsys: pytest.CaptureFixture[str], command: str, message: str
) -> None:
    assert main.main(["config", *command.split()]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"neuralpdb: {message}") and err.count("\n") == 1
    assert not own.exists()


def test_a_line_that_cannot_be_taken_out_alone_leaves_the_file_as_it_was(own: Path) -> None:
    own.parent.mkdir()
    text = 'model = """\nlong\n"""\n'
    own.write_text(text)
    with pytest.raises(UsageError, match="change it by hand"):
        settings_sources.write("model", "b", own)
    assert own.read_text() == text and os.listdir(own.parent) == ["config.toml"]  # noqa: PTH208


def test_a_wrong_setting_stops_the_debugger_with_code_2(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pyproject.toml").write_text("[tool.neuralpdb]\nmodell = 'x'\n")
    Path("script.py").write_text("x = 1\n")
    assert main.main(["script.py"]) == 2
    assert "unknown setting 'modell' (did you mean model?)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "flag", "computing", "second_opinion"),
    [
        ({}, None, True, True),
        ({"second_opinion": "off"}, None, True, False),
        ({}, True, False, True),
        ({"model_only": "true"}, None, False, True),
        ({"model_only": "true"}, False, True, True),
    ],
)
def test_what_is_computed_and_what_the_model_is_asked_reaches_the_source_of_frames(
    own: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    flag: bool | None,
    computing: bool,
    second_opinion: bool,
) -> None:
    told: dict[str, object] = {}
    monkeypatch.setattr(model_source, "forecast", lambda entry, engine, **options: told.update(options))
    for name, value in settings.items():
        assert main.main(["config", "set", name, value]) == 0
    read = options.read_settings(None, None, None, None, None, None, model_only=flag)
    session.model_source(entry_of("x = 1\n"), cast(Engine, None), read)
    assert (told["computing"], told["second_opinion"]) == (computing, second_opinion)


@pytest.mark.parametrize("command", [["script.py"], ["dap"], ["mcp"]])
def test_the_model_alone_is_an_option_of_every_way_in(
    own: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    named = command if command[0] in main.TOOLS else []
    assert main.main([*named, "--help"]) == 0
    assert "--model-only" in capsys.readouterr().out


def test_settings_decide_what_the_debugger_does(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("pyproject.toml").write_text("[tool.neuralpdb]\nmax_frames = 2\n")
    Path("script.py").write_text("x = 1\ny = 2\nz = 3\n")
    assert main.main(["trace", "--real", "script.py"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
