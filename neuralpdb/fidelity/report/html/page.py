"""HTML page: one file that needs nothing else, from the figures and the comparisons of a run.

Texts of the program or the model are hostile: they are escaped here, or embedded as data that the page shows as text.
"""

from __future__ import annotations

from typing import Any

from neuralpdb.fidelity.comparison import Result
from neuralpdb.fidelity.equality import LADDER
from neuralpdb.fidelity.figures.summary import Summary
from neuralpdb.fidelity.report.html import panels
from neuralpdb.fidelity.report.html.embedding import BUDGET, EVENTS, entry, program_lines, script_safe
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.output.html import environment, hashed, resource

PACKAGE = "neuralpdb.fidelity.report.html"


def text(result: Result, summary: Summary, version: str, budget: int = BUDGET) -> str:
    """Return the whole page.

    budget: characters of the programs' data; programs beyond it are listed without their steps, and the page says so.
    """
    from markupsafe import Markup

    lines, left_out = program_lines(result, budget)
    style, script = resource(PACKAGE, "page.css"), resource(PACKAGE, "page.js")
    return (
        environment(PACKAGE, "page.html.jinja", "parts.jinja")
        .get_template("page.html.jinja")
        .render(
            **_still(result, summary, version, left_out),
            policy=policy(style, script),
            style=Markup(style),
            script=Markup(script),
            index=Markup(script_safe(_index(result, summary))),
            data=Markup("\n".join(lines)),
        )
    )


def policy(style: str, script: str) -> str:
    """Return the content security policy: only this style sheet and script, no network, no markup made from text."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {hashed(script)}",
            f"style-src {hashed(style)}",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _still(result: Result, summary: Summary, version: str, left_out: int) -> dict[str, Any]:
    """Return the values that the template shows by itself."""
    return {
        "title": panels.title(result.setup, summary),
        "model": result.setup.model,
        "pythons": ", ".join(summary.pythons) or "(no real run)",
        "facts": panels.facts(result, summary),
        "numbers": panels.numbers(summary),
        "legend": panels.legend(summary),
        "caveats": panels.caveats(result, summary, left_out),
        "single": len(summary.programs) == 1,
        "breakdowns": panels.breakdowns(summary),
        "calibration": panels.calibration(summary.calibration),
        "tables": panels.tables(summary),
        "footer": f"Made by neuralpdb {version} in {result.seconds:,.1f} s.",
    }


def _index(result: Result, summary: Summary) -> dict[str, Any]:
    """Return the values that the script needs at once."""
    return {
        "events": EVENTS,
        "levels": LADDER,
        "outcomes": [panels.described(outcome) for outcome in Fidelity],
        "programs": [
            entry(row, comparison.subject) for row, comparison in zip(summary.programs, result.comparisons, strict=True)
        ],
    }
