"""Report files: checked before the run, written whole or not at all after it.

It knows paths and forms; each form has a module of its own for its contents.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from neuralpdb.errors import UsageError
from neuralpdb.fidelity.comparison import Result
from neuralpdb.fidelity.figures.summary import Summary
from neuralpdb.fidelity.report import json_report, jsonl_report, junit, markdown, sarif
from neuralpdb.fidelity.report.html import page
from neuralpdb.fidelity.report.json_report import About
from neuralpdb.output import files

STDOUT = "-"


class Form(StrEnum):
    """A form of the report; its value is the name of the option."""

    JSON = "json"
    JSONL = "jsonl"
    HTML = "html"
    JUNIT = "junit"
    SARIF = "sarif"
    MARKDOWN = "markdown"


def content(form: Form, result: Result, summary: Summary, about: About) -> str:
    """Return the report in one form."""
    match form:
        case Form.JSON:
            return json_report.text(result, summary, about)
        case Form.JSONL:
            return "".join(jsonl_report.lines(result, f"neuralpdb {about.version}"))
        case Form.HTML:
            return page.text(result, summary, about.version)
        case Form.JUNIT:
            return junit.text(result, summary)
        case Form.SARIF:
            return sarif.text(result, about.version)
        case Form.MARKDOWN:
            return markdown.text(result, summary)


@dataclass(frozen=True)
class Writers:
    """The forms to write and where each goes. Made by `checked`.

    paths: form -> a path, or `-` for standard output.
    """

    paths: Mapping[Form, str]

    @classmethod
    def checked(cls, options: Mapping[Form, str | os.PathLike[str] | None]) -> Writers:
        """Take the user's options (None: not given), and check that each file can be written.

        Raises UsageError for a path that cannot be written, that is named twice, or for more than one `-`.
        """
        paths = {form: os.fspath(path) for form, path in options.items() if path is not None}
        forms: dict[str, Form] = {}
        for form, path in paths.items():
            place = path if path == STDOUT else _place(form, path)
            if place in forms and not files.is_special(Path(place)):
                raise UsageError(
                    f"--{forms[place]} and --{form} both write to {_shown(path)}", "give each a file of its own"
                )
            forms[place] = form
        return cls(paths)

    @property
    def prints(self) -> bool:
        """One of the forms goes to standard output, so that nothing else may be printed."""
        return STDOUT in self.paths.values()

    def path(self, form: Form) -> Path | None:
        """Return the file of a form; None when it was not asked for, or goes to standard output."""
        path = self.paths.get(form)
        return None if path in (None, STDOUT) else Path(path or "")

    def write(
        self,
        result: Result,
        summary: Summary,
        about: About,
        *,
        written: Collection[Form] = (),
        out: TextIO | None = None,
    ) -> None:
        """Write all forms but those `written` already.

        out: the stream that `-` stands for, by default standard output.
        A file appears whole or stays as it was. Raises UsageError when one could not be written; the others are.
        """
        failures = [
            error
            for form, path in self.paths.items()
            if form not in written
            for error in _written(path, content(form, result, summary, about), out or sys.stdout)
        ]
        if failures:
            raise UsageError("; ".join(failures), "name another file")


def _shown(path: str) -> str:
    return "standard output" if path == STDOUT else path


def _place(form: Form, path: str) -> str:
    """Return the file of `path`, links followed. Raises UsageError when it cannot be written."""
    reason = _obstacle(path)
    if reason:
        raise UsageError(f"--{form} {path}: {reason}", "name another file")
    return os.path.realpath(path)


def _obstacle(path: str) -> str:
    """Return why a report cannot be written to `path`; empty when it can."""
    if not path:
        return "no file is named"
    try:
        file = Path(os.path.realpath(path))
        if file.is_dir():
            return "it is a directory"
        if not file.parent.is_dir():
            return f"there is no directory {file.parent}"
        if file.exists() and not os.access(file, os.W_OK):
            return "it is not writable"
        if not files.is_special(file):
            for trial in (files.scratch(file), file):
                if not trial.exists():
                    trial.touch(exist_ok=False)
                    trial.unlink()
    except (OSError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error)
    return ""


def _written(path: str, text: str, out: TextIO) -> Iterator[str]:
    """Write one form; yield why it could not be written."""
    try:
        if path == STDOUT:
            getattr(out, "reconfigure", lambda **_: None)(encoding="utf-8")
            out.write(text)
            out.flush()
        else:
            files.put(Path(os.path.realpath(path)), text.encode("utf-8", "backslashreplace"))
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        yield f"cannot write {_shown(path)}: {getattr(error, 'strerror', None) or error}"
