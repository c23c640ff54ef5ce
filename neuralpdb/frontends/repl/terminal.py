"""The prompt on a real terminal: line editing, completion, history, colour. Nothing else imports prompt-toolkit."""

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

from neuralpdb.frontends.repl import completion
from neuralpdb.frontends.repl.loop import Loop
from neuralpdb.frontends.repl.prompt import Prompt
from neuralpdb.frontends.repl.table import commands, find


class _Completer(Completer):
    """Completion of commands and locals, and of the argument that a command's table entry describes."""

    def __init__(self, prompt: Prompt) -> None:
        self.prompt = prompt

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        line = document.text_before_cursor.lstrip()
        name, _, argument = line.partition(" ")
        command = find(name)
        if command is not None and command.completes == "files":
            yield from PathCompleter(expanduser=True).get_completions(Document(argument.lstrip()), complete_event)
            return
        match = re.search(r"\w*$", line)
        word = match.group() if match else ""
        for candidate in self._candidates(line, word):
            if candidate.startswith(word) and candidate != word:
                yield Completion(candidate, start_position=-len(word))

    def _candidates(self, line: str, word: str) -> Iterable[str]:
        prompt = self.prompt
        if prompt.question is not None and prompt.question.kept:
            return completion.variables(prompt)
        if line == word:
            names = (each.names[0] for each in commands())
            return [*names, *prompt.aliases.commands, *completion.variables(prompt)]
        command = find(line.split()[0])
        if command is None or command.completes == "files":
            return completion.variables(prompt)
        return command.completes(prompt)


def history(path: Path | None) -> History:
    """Return the history kept in `path` when it can be written, else one for this session only."""
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


def run(loop: Loop, history_path: Path | None, displayed: Callable[[], None] | None = None) -> None:
    """Read commands until the user leaves (`quit`, Ctrl-D). Raises ModelError when the model cannot be used.

    displayed: called whenever the prompt is on the screen, so that slow loading starts there, not before.
    """
    if is_dumb_terminal():  # no editing, no escape sequence
        if displayed is not None:
            displayed()
        loop.run(_read(loop.prompt, _plain))
        return
    session: PromptSession[str] = PromptSession(
        history=history(history_path),
        completer=_Completer(loop.prompt),
        complete_while_typing=False,
        lexer=PygmentsLexer(PythonLexer),
        editing_mode=_editing_mode(),
        color_depth=ColorDepth.MONOCHROME if os.environ.get("NO_COLOR") else None,
    )
    if displayed is not None:
        session.app.after_render += lambda _: displayed()
    loop.run(_read(loop.prompt, lambda prompt: session.prompt(_coloured(prompt))))


def _coloured(prompt: str) -> AnyFormattedText:
    return prompt if os.environ.get("NO_COLOR") else ANSI(f"\x1b[1;34m{prompt}\x1b[0m")


def _read(prompt: Prompt, line: Callable[[str], str]) -> Iterator[str]:
    """Yield lines until Ctrl-D, which ends an open question first; Ctrl-C drops the line that is being typed.

    Pasted lines come one by one.
    """
    while True:
        try:
            yield from line(prompt.label).splitlines() or [""]
        except KeyboardInterrupt:
            prompt.abandon()
        except EOFError:
            if prompt.question is None:
                return
            prompt.abandon(ended=True)


def _plain(prompt: str) -> str:
    try:
        return input(prompt)
    except (KeyboardInterrupt, EOFError):
        print()
        raise


def _editing_mode() -> EditingMode:
    """Return vi when the user's readline configuration says so, as for pdb, else emacs."""
    try:
        inputrc = Path(os.environ.get("INPUTRC") or "~/.inputrc").expanduser().read_text(errors="replace")
    except (OSError, RuntimeError):
        return EditingMode.EMACS
    return EditingMode.VI if re.search(r"^\s*set\s+editing-mode\s+vi\b", inputrc, re.MULTILINE) else EditingMode.EMACS
