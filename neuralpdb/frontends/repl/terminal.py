"""The prompt on a real terminal: line editing, completion, history, colour. The only user of prompt-toolkit."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import ANSI, AnyFormattedText
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.utils import is_dumb_terminal
from pygments.lexers.python import PythonLexer

from neuralpdb.frontends.repl.prompt import Repl
from neuralpdb.frontends.repl.table import commands, names

_LINE_COMMANDS = frozenset({"break", "b", "tbreak", "until", "unt", "jump", "j", "list", "l"})
_NUMBER_COMMANDS = frozenset({"condition", "ignore", "commands", "clear", "cl", "enable", "disable"})
_FILE_COMMANDS = frozenset({"save", "load", "export"})


class _Completer(Completer):
    """Commands first; then locals; what a command wants where it wants something else."""

    def __init__(self, repl: Repl) -> None:
        self.repl = repl

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        before = document.text_before_cursor.lstrip()
        command, _, rest = before.partition(" ")
        if command in _FILE_COMMANDS:
            yield from PathCompleter(expanduser=True).get_completions(Document(rest.lstrip()), complete_event)
            return
        word = re.search(r"\w*$", before)
        typed = word.group() if word else ""
        for candidate in self._candidates(before, typed):
            if candidate.startswith(typed) and candidate != typed:
                yield Completion(candidate, start_position=-len(typed))

    def _candidates(self, before: str, typed: str) -> Iterable[str]:
        stack = self.repl.session.stack
        state = list(stack[self.repl.chosen].last.locals) if stack else []
        if self.repl.question is not None and self.repl.question.kept:
            return state
        if before == typed:
            return [*(each.names[0] for each in commands()), *self.repl.aliases.known, *state]
        command = before.split()[0]
        named = self._named(command)
        if named is not None:
            return named
        if command in _LINE_COMMANDS:
            codes = self.repl.program.codes
            lines = [str(line) for line in sorted({line for code in codes for line in code.lines})]
            functions = dict.fromkeys(code.name for code in codes if code.name.isidentifier())
            return [*functions, *lines] if command in ("break", "b", "tbreak") else lines
        if command in _NUMBER_COMMANDS:
            return [str(point.number) for point in self.repl.session.breakpoints]
        return state

    def _named(self, command: str) -> Iterable[str] | None:
        """The names that `command` takes; None when it takes something else."""
        timelines = self.repl.session.timelines
        match command:
            case "help" | "h":
                return names()
            case "go":
                return ["diverge", *timelines.checkpoints]
            case "diff":
                return ["all", timelines.current, *timelines.kept]
            case "timeline":
                return timelines.kept
            case "alias" | "unalias":
                return self.repl.aliases.known
            case "sticky":
                return ["on", "off"]
            case "source":
                program = self.repl.program
                return dict.fromkeys(
                    [*(code.name for code in program.codes if code.name.isidentifier()), *program.bases]
                )
        return None


def history(path: Path | None) -> History:
    """History kept in `path` when it can be written, else for this session only."""
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a"):
            pass
        path.chmod(0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))


def run(repl: Repl, history_path: Path | None, shown: Callable[[], None] | None = None) -> None:
    """Read commands until the user leaves (`quit`, Ctrl-D). Raises ModelError when the model cannot be used.

    shown: called whenever the prompt is on the screen (what is slow to load starts there, not before).
    """
    if is_dumb_terminal():  # no editing, and not one escape sequence
        if shown is not None:
            shown()
        repl.run(_read(repl, _plain))
        return
    session: PromptSession[str] = PromptSession(
        history=history(history_path),
        completer=_Completer(repl),
        complete_while_typing=False,
        lexer=PygmentsLexer(PythonLexer),
        editing_mode=_editing_mode(),
        color_depth=ColorDepth.MONOCHROME if os.environ.get("NO_COLOR") else None,
    )
    if shown is not None:
        session.app.after_render += lambda _: shown()
    repl.run(_read(repl, lambda prompt: session.prompt(_coloured(prompt))))


def _coloured(prompt: str) -> AnyFormattedText:
    return prompt if os.environ.get("NO_COLOR") else ANSI(f"\x1b[1;34m{prompt}\x1b[0m")


def _read(repl: Repl, line: Callable[[str], str]) -> Iterator[str]:
    """Lines until Ctrl-D, which ends a question first; Ctrl-C drops the one that is being typed.

    Pasted lines come one by one.
    """
    while True:
        try:
            yield from line(repl.prompt).splitlines() or [""]
        except KeyboardInterrupt:
            repl.abandon()
        except EOFError:
            if repl.question is None:
                return
            repl.abandon(ended=True)


def _plain(prompt: str) -> str:
    try:
        return input(prompt)
    except (KeyboardInterrupt, EOFError):
        print()
        raise


def _editing_mode() -> EditingMode:
    """vi when the user's readline configuration says so, as for pdb, else emacs."""
    try:
        inputrc = Path(os.environ.get("INPUTRC") or "~/.inputrc").expanduser().read_text(errors="replace")
    except (OSError, RuntimeError):
        return EditingMode.EMACS
    return EditingMode.VI if re.search(r"^\s*set\s+editing-mode\s+vi\b", inputrc, re.MULTILINE) else EditingMode.EMACS
