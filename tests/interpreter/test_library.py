"""Modules of the standard library: what is read of them is there, and what is not told has a reason."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest
from agreement import agreement

from neuralpdb.interpreter.interpretation import End, interpret
from neuralpdb.interpreter.library import contents
from neuralpdb.interpreter.library.modules.waiting import code_of
from neuralpdb.interpreter.library.registry import SOURCES, Source
from neuralpdb.realrun.process import trace

contents.load_all()
PATCHED = "argparse csv difflib json json.decoder json.encoder json.scanner logging pprint queue string".split()


@pytest.mark.parametrize("name", PATCHED)
def test_every_text_that_is_replaced_is_in_the_source(name: str) -> None:
    source = SOURCES[name]
    text = (Path(sysconfig.get_path("stdlib")) / source.file).read_text("utf-8")
    assert [old for old in source.patches if old not in text] == []


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_source_can_be_compiled(name: str) -> None:
    assert code_of(SOURCES[name])
    assert not SOURCES[name].after or code_of(Source(SOURCES[name].after, ours=True))


REASONS = {
    "logging.FileHandler('x.log')": "a log file reaches outside the program",
    "queue.Queue().get()": "a condition is waited for",
    "[*os.environ]": "the environment",
    "len(os.environ)": "the environment",
    "'HOME' in os.environ": "the environment",
    "os.environ['HOME']": "the environment",
    "os.environ.pop('HOME')": "os.environ.pop is known only when it runs",
    "1 if os.path.exists('x') else 2": "a branch on an unknown: os.path.exists() is known only when it runs",
    "[*pathlib.Path('.').iterdir()]": "Path.iterdir() looks at the disk",
    "1 if str(uuid.uuid4()) > '8' else 0": "a branch on an unknown: uuid.uuid4() is known only when it runs",
    "shlex.split(None)": "the standard input is read",
    "re.compile('a', re.DEBUG)": "a pattern that prints itself",
    "logging.Formatter('%(asctime)s').format(logging.makeLogRecord({})).index('a') and 1": "a part of a record",
    "warnings.simplefilter('error')": "warnings that raise",
    "argparse.ArgumentParser().format_help().upper() and 1": "a help text, which depends on the terminal",
}


@pytest.mark.parametrize("expression", REASONS)
def test_what_depends_on_the_world_is_not_told_and_says_why(expression: str) -> None:
    head = "import argparse, logging, os, pathlib, queue, re, shlex, uuid, warnings"
    text = f"{head}\ndef main():\n    x = {expression}\n    return x\n"
    frames, outcome = interpret(text, filename="<p>", entry_function="main")
    told = frames[-1].whole and frames[-1].frame.event == "return"
    assert not told, frames[-1]
    assert outcome.end is not End.FAULT
    assert REASONS[expression] in f"{outcome.why} {outcome.assuming}"


SCRIPT = """import argparse, sys
parser = argparse.ArgumentParser()
parser.add_argument("n", type=int)
parser.add_argument("--name", default="nobody")
parsed = parser.parse_args()
total = parsed.n + len(sys.argv)
"""


@pytest.mark.parametrize("arguments", [(), ("5",), ("5", "--name", "ada"), ("x",), ("5", "--nme"), ("-h",)])
def test_the_arguments_of_the_script_are_known(arguments: tuple[str, ...], tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, "utf-8")
    truth = trace(SCRIPT, filename=str(script), argv=arguments, entry_function=None, entry_line=2)
    computed, outcome = interpret(SCRIPT, filename=str(script), entry_function=None, entry_line=2, arguments=arguments)
    compared = agreement(truth, computed, outcome)
    assert (compared.wrong, compared.whole) == ("", len(truth.frames))
    assert outcome.end is End.ENDED


IMPORTED = (
    "from asyncore import loop",
    "from shelve import Shelf",
    "from errno import EPERM",
    "from random import choice",
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", IMPORTED)
def test_an_imported_name_is_a_variable_of_a_module_only_where_it_is_no_code(line: str) -> None:
    text = f"x = 1\ntry:\n    {line}\nexcept ImportError:\n    pass\ny = 2\n"
    truth = trace(text, filename="<script>", entry_function=None, entry_line=1)
    computed, outcome = interpret(text, filename="<script>", entry_function=None, entry_line=1)
    assert agreement(truth, computed, outcome).wrong == ""
    assert outcome.end is End.ENDED
