"""Golden reports: the same comparisons in every form that a person reads, and as JSON.

`tests/golden_reports/NAME.SUFFIX` is one of them. After every intended change of a report

    python tests/support/reports.py --rewrite

and read the diff.
"""

from __future__ import annotations

import io
import sys

from comparisons import USED_SETUP, every_outcome, every_way_of_knowing, many, many_used, result_of
from places import TESTS
from rich.console import Console
from rich.text import Text

from neuralpdb.fidelity.comparison import Result
from neuralpdb.fidelity.figures.summary import summarise
from neuralpdb.fidelity.report import json_report, junit, markdown, sarif, terminal
from neuralpdb.fidelity.report.json_report import About

FOLDER = TESTS / "golden_reports"
ABOUT = About("0.1.0", "3.11.7", "Linux x86_64")
RESULTS = {
    "one": lambda: result_of(every_outcome()),
    "many": many,
    "one_used": lambda: result_of(every_way_of_knowing(), setup=USED_SETUP),
    "many_used": many_used,
}
WIDTHS = (40, 80, 200)


def printed(lines: list[Text], width: int, *, color: bool = False) -> str:
    """Return what a console of that width writes; without colour it is a pipe."""
    output = io.StringIO()
    console = Console(
        file=output,
        width=width,
        color_system="truecolor" if color else None,
        force_terminal=color,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    for line in lines:
        console.print(line, soft_wrap=True)
    return output.getvalue()


def rendered(result: Result) -> dict[str, str]:
    """Return the content for each suffix of the file."""
    summary = summarise(result)
    forms = {
        "json": json_report.text(result, summary, ABOUT),
        "md": markdown.text(result, summary),
        "xml": junit.text(result, summary),
        "sarif": sarif.text(result, ABOUT.version),
    }
    return forms | {f"{width}.txt": printed(terminal.report(result, summary, width), width) for width in WIDTHS}


def rewrite() -> None:
    """Write every file again with the report of today's code."""
    FOLDER.mkdir(exist_ok=True)
    for name, make in RESULTS.items():
        for suffix, content in rendered(make()).items():
            path = FOLDER / f"{name}.{suffix}"
            if not path.exists() or path.read_text("utf-8") != content:
                path.write_text(content, "utf-8")
                print(f"changed: {path.name}")


if __name__ == "__main__":
    if sys.argv[1:] != ["--rewrite"]:
        raise SystemExit(__doc__)
    rewrite()
