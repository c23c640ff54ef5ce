"""The forms of a report: valid by their schemas, the same as the figures, and harmless whatever the texts spell."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from comparisons import (
    HOSTILE,
    USED_SETUP,
    WORDS,
    at_line,
    compared,
    every_outcome,
    every_way_of_knowing,
    failed,
    hostile,
    many,
    many_used,
    result_of,
    with_local,
)
from markdown_it import MarkdownIt
from places import TESTS
from reports import ABOUT, FOLDER, RESULTS, WIDTHS, printed, rendered
from rich.cells import cell_len

from neuralpdb.fidelity.comparison import Result
from neuralpdb.fidelity.figures.divergence import first_divergence
from neuralpdb.fidelity.figures.summary import summarise
from neuralpdb.fidelity.report import json_report, jsonl_report, junit, markdown, sarif, terminal
from neuralpdb.fidelity.report.divergence_view import ROWS
from neuralpdb.fidelity.report.json_report import About
from neuralpdb.fidelity.report.text_tables import Column, cut, packed, table, wrapped
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.output import printable
from neuralpdb.trace.frames import Frame

SCHEMAS = files("neuralpdb.fidelity.report") / "schema"
EVERY = {
    "one": result_of(every_outcome()),
    "many": many(),
    "hostile": hostile(),
    "none": result_of(),
    "one used": result_of(every_way_of_knowing(), setup=USED_SETUP),
    "many used": many_used(),
    "only used": result_of(*(replace(each, steps=None, rollout=None) for each in many_used().comparisons)),
    "rollouts": result_of(*(replace(each, steps=None) for each in many().comparisons)),
}


@pytest.fixture(params=EVERY)
def result(request: pytest.FixtureRequest) -> Result:
    return EVERY[request.param]


@cache
def validator(name: str) -> Any:
    if name == "sarif":
        schema = json.loads((TESTS / "schemas" / "sarif-2.1.0.json").read_text("utf-8"))
    else:
        schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def errors(name: str, found: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in validator(name).iter_errors(found)]


def is_inert(text: str) -> bool:
    unsafe = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return all(unicodedata.category(char) not in unsafe for char in text)


# -- goldens ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RESULTS)
def test_reports_are_the_golden_ones(name: str) -> None:
    for suffix, content in rendered(RESULTS[name]()).items():
        assert content == (FOLDER / f"{name}.{suffix}").read_text("utf-8"), (
            f"python tests/support/reports.py: {name}.{suffix}"
        )


# -- JSON ------------------------------------------------------------------------------------------------------------


def test_a_report_is_valid_by_the_published_schema(result: Result) -> None:
    text = json_report.text(result, summarise(result), ABOUT)
    assert errors("fidelity-2", json.loads(text)) == []
    assert text.isascii()
    assert text.endswith("}\n")


def test_every_line_of_steps_is_valid_by_the_published_schema(result: Result) -> None:
    for line in jsonl_report.lines(result, "neuralpdb 0"):
        assert errors("steps-2", json.loads(line)) == []


def every_place(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all objects inside a JSON value."""
    found = [path] if isinstance(value, dict) else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for key, each in inner for place in every_place(each, (*path, key))]


OPEN = {"alone", "limits", "constructs", "types", "events", "depths", "positions"}
"""Objects whose keys are names."""


def test_no_key_can_be_added_or_left_out_without_the_schema_noticing() -> None:
    result = result_of(every_way_of_knowing(), failed("broken.py", "no"))
    found = json_report.document(result, summarise(result), ABOUT)
    seen = set()
    for path in every_place(found):
        kind = tuple(key for key in path if isinstance(key, str))
        if kind in seen or (path and path[-1] in OPEN):
            continue
        seen.add(kind)
        changed = json.loads(json.dumps(found))
        place = changed
        for key in path:
            place = place[key]
        place["undocumented"] = 1
        assert errors("fidelity-2", changed), f"a new key in {path}"
        del place["undocumented"]
        del place[next(iter(place))]
        assert errors("fidelity-2", changed), f"a missing key in {path}"
    assert len(seen) > 20


def test_the_report_says_what_the_figures_say() -> None:
    result = many()
    summary = summarise(result)
    found = json_report.document(result, summary, ABOUT)
    assert summary.teacher_forced is not None
    assert summary.rollout is not None
    totals = found["totals"]["teacher_forced"]
    assert totals["frames"] == 154
    assert {outcome: totals[outcome] for outcome in Fidelity} == dict(summary.teacher_forced.counts)
    assert totals["accuracy"] == 115 / 124
    assert found["totals"]["rollout"]["result_equal"]["total"] == 3
    assert [each["id"] for each in found["programs"]] == [each.subject.id for each in result.comparisons]
    broken = found["programs"][6]
    assert (broken["error"], broken["blame"], broken["teacher_forced"]) == (
        "broken.py, line 1, column 4: invalid syntax",
        "target",
        None,
    )
    assert sum(row["frames"] for row in found["functions"]) == 154


def test_values_are_whole_and_unchanged_in_the_json_report() -> None:
    result = hostile()
    found = json.loads(json_report.text(result, summarise(result), ABOUT))
    for text, program in zip(HOSTILE, found["programs"], strict=False):
        assert program["id"] == text
        assert {"name": text, "predicted": text + "!", "actual": text} not in program["divergence"]["differences"]
        assert program["divergence"]["differences"] == [{"name": None, "predicted": text + "!", "actual": text}]


def test_the_schemas_lie_in_the_package() -> None:
    for name in ("fidelity-2", "steps-2"):
        assert (SCHEMAS / f"{name}.json").is_file()


def test_about_names_this_process() -> None:
    here = About.here()
    assert here.python.startswith("3.")
    assert here.version
    assert "/" not in here.platform


# -- JUnit -----------------------------------------------------------------------------------------------------------


def test_junit_has_a_case_for_each_program_with_its_outcome() -> None:
    result = many()
    suite = ElementTree.fromstring(junit.text(result, summarise(result)).split("\n", 1)[1])[0]
    cases = suite.findall("testcase")
    outcomes = {case.get("classname"): [child.tag for child in case] for case in cases}
    assert outcomes == {
        "right.py": [],
        "words.py": ["failure"],
        "wrong_result.py": ["failure"],
        "stopped.py": [],
        "beyond.py": ["failure"],
        "accident.py": ["skipped"],
        "broken.py": ["error"],
        "unlucky.py": ["error"],
    }
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["8", "3", "2", "1"]


def test_junit_is_xml_whatever_the_texts_spell(result: Result) -> None:
    text = junit.text(result, summarise(result))
    root = ElementTree.fromstring(text.encode("utf-8"))
    assert len(root.findall(".//testcase")) == len(result.comparisons)
    assert all(is_inert(line) for line in text.split("\n"))
    assert len(text) < 200_000


# -- SARIF -----------------------------------------------------------------------------------------------------------


def test_sarif_is_valid_by_the_schema_of_the_standard(result: Result) -> None:
    text = sarif.text(result, "0.1.0")
    assert errors("sarif", json.loads(text)) == []
    assert text.isascii()


def test_sarif_names_each_first_divergence() -> None:
    result = many()
    run = sarif.log(result, "0.1.0")["runs"][0]
    found = [
        (
            each["ruleId"],
            each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            each["locations"][0]["physicalLocation"]["region"]["startLine"],
        )
        for each in run["results"]
    ]
    assert found == [
        ("fidelity/state", "words.py", 2),
        ("fidelity/value", "wrong_result.py", 6),
        ("fidelity/control", "beyond.py", 6),
    ]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in run["results"])
    assert [note["level"] for note in run["invocations"][0]["toolExecutionNotifications"]] == ["error", "error"]


def fingerprints(*found: Any) -> set[str]:
    run = sarif.log(result_of(*found), "0")["runs"][0]
    return {each["partialFingerprints"]["firstDivergence/v1"] for each in run["results"]}


def test_a_fingerprint_stays_when_lines_or_values_move_and_changes_with_the_miss() -> None:
    call = "count('banana', 'a')"
    first = compared(WORDS, call=call, changes={4: with_local("found", "7")})
    other_value = compared(WORDS, call=call, changes={4: with_local("found", "8")})
    moved = compared("# a comment\n\n" + WORDS, call=call, changes={4: with_local("found", "7")})
    other_name = compared(WORDS, call=call, changes={4: with_local("word", "7")})
    other_rule = compared(WORDS, call=call, changes={4: at_line(6)})
    assert fingerprints(first) == fingerprints(other_value) == fingerprints(moved)
    assert len(fingerprints(first) | fingerprints(other_name) | fingerprints(other_rule)) == 3


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("a b/ü%.py", "a%20b/%C3%BC%25.py"),
        ("/x/a.py", "file:///x/a.py"),
        ("./a.py", "a.py"),
        ("../a.py", "../a.py"),
        ("a:b#c?d.py", "a%3Ab%23c%3Fd.py"),
        ("\ud800.py", "%5Cud800.py"),
    ],
)
def test_paths_are_uris(name: str, uri: str) -> None:
    assert sarif.uri(name) == uri


def test_the_source_of_a_record_is_in_the_report() -> None:
    comparison = every_outcome()
    record = replace(comparison, subject=replace(comparison.subject, id="sample_1", name="sample_1"))
    artifacts = sarif.log(result_of(comparison, record), "0")["runs"][0]["artifacts"]
    assert "contents" not in artifacts[0]
    assert artifacts[1]["contents"]["text"] == WORDS


# -- markdown --------------------------------------------------------------------------------------------------------


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.tables: list[list[int]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert all(name in ("style", "class") for name, _ in attrs), attrs
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append(0)
        if tag in ("td", "th"):
            self.tables[-1][-1] += 1

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read_markdown(text: str) -> _Tags:
    """The page that a renderer makes of it, with raw HTML let through, tables and links."""
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tags = _Tags()
    tags.feed(renderer.render(text))
    return tags


def test_markdown_is_a_page_without_any_tag_of_the_programs(result: Result) -> None:
    text = markdown.text(result, summarise(result))
    page = read_markdown(text)
    assert set(page.tags) <= {
        *("h2", "h3", "ul", "li", "p", "strong", "code", "br"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    assert all(len(set(rows)) == 1 for rows in page.tables), "every row of a table has the same cells"
    assert page.tags.count("h2") == 1
    assert page.tags.count("h3") == ("### First divergences" in text) + ("### Where the debugger" in text)
    assert all(is_inert(line) for line in text.split("\n"))
    assert len(text) < 60_000


def test_markdown_shows_hostile_texts_as_they_are() -> None:
    result = hostile()
    shown = "".join(read_markdown(markdown.text(result, summarise(result))).texts)
    assert HOSTILE[0] in shown
    assert HOSTILE[2] in shown
    assert "\\x1b[31mred\\x1b]0;title\\x07\\x9b1m" in shown


def test_markdown_makes_no_links_and_no_mentions() -> None:
    for text in HOSTILE:
        escaped = printable.escaped(text[:200])
        assert not set("<>|`*_[]#@:{}~!\\\n\r") & set(escaped.replace("&#", ""))
        assert "www." not in escaped


def test_markdown_of_many_programs_stays_short() -> None:
    base = compared(WORDS, call="count('banana', 'a')", changes={4: with_local("found", "7")})
    result = result_of(*(replace(base, subject=replace(base.subject, id=f"{i}.py")) for i in range(200)))
    text = markdown.text(result, summarise(result))
    assert text.count("\n| ") == 1 + markdown.ROWS
    assert "150 more rows are left out." in text
    assert "190 more programs left the real run." in text


# -- terminal --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [*WIDTHS, 20, 57, 100])
def test_no_line_is_wider_than_the_terminal_but_the_command(result: Result, width: int) -> None:
    lines = terminal.report(result, summarise(result), width)
    for line in lines:
        assert cell_len(line.plain) <= width or line.plain.startswith(("  neuralpdb ", "  computed ", "  actual ")), (
            line.plain[:200]
        )
        assert is_inert(line.plain)


def test_colours_change_no_text_and_let_nothing_through(result: Result) -> None:
    lines = terminal.report(result, summarise(result), 80)
    coloured = printed(lines, 80, color=True)
    plain = printed(lines, 80)
    assert "\x1b[" not in plain
    assert plain == "".join(f"{line.plain}\n" for line in lines)
    rest = "".join(part.partition("m")[2] if i else part for i, part in enumerate(coloured.split("\x1b[")))
    assert rest == plain


def test_the_block_of_a_divergence_marks_the_true_and_the_predicted_line() -> None:
    result = result_of(compared(WORDS, call="count('banana', 'a')", changes={6: at_line(6)}))
    text = printed(terminal.report(result, summarise(result), 80), 80)
    assert "   3 ->     for char in word:" in text
    result = result_of(compared(WORDS, call="count('banana', 'a')", changes={8: at_line(6)}))
    text = printed(terminal.report(result, summarise(result), 80), 80)
    assert "   5 ->             found += 1" in text
    assert "   6 ?>     return found" in text
    assert "line 6 of count()  line 5 of count()" in text


def test_long_values_are_shown_where_they_differ() -> None:
    text = "def f(s):\n    t = s + 'y'\n    return t\n"
    right = compared(text, call="f('x' * 500)")
    index = next(i for i, frame in enumerate(right.truth.frames) if "t" in frame.locals)
    wrong = with_local("t", "'" + "x" * 500 + "z'")
    result = result_of(compared(text, call="f('x' * 500)", changes={index: wrong}))
    shown = printed(terminal.report(result, summarise(result), 80), 80)
    assert "..xxxxxxxxxxz'" in shown
    assert "..xxxxxxxxxxy'" in shown


@pytest.mark.parametrize(("count", "more"), [(ROWS, ""), (ROWS + 1, "... 1 more"), (ROWS + 30, "... 30 more")])
def test_of_many_variables_the_first_are_shown(count: int, more: str) -> None:
    def crowd(frame: Frame) -> Frame:
        return frame.replace(locals={**frame.locals, **{f"v{i}": "1" for i in range(count)}})

    result = result_of(compared(WORDS, call="count('banana', 'a')", changes={4: crowd}))
    text = printed(terminal.report(result, summarise(result), 80), 80)
    assert sum(line.lstrip().startswith("v") and " (none)" in line for line in text.split("\n")) == ROWS
    assert ("... " in text) is bool(more)
    assert more in text


def test_a_program_that_was_not_run_says_why() -> None:
    result = result_of(failed("broken.py", "broken.py, line 1: invalid syntax"))
    text = printed(terminal.report(result, summarise(result), 80), 80)
    assert "no comparison: broken.py: broken.py, line 1: invalid syntax" in text
    assert "no real run" in text


def test_an_interrupted_run_says_so() -> None:
    result = result_of(every_outcome(), complete=False)
    assert "the run was interrupted" in printed(terminal.report(result, summarise(result), 80), 80)


def test_every_first_divergence_that_is_listed_is_the_one_of_the_comparison() -> None:
    result = many()
    text = printed(terminal.report(result, summarise(result), 200), 200)
    for comparison in result.comparisons:
        found = first_divergence(comparison)
        if found is not None:
            assert f"{found.fidelity} at frame {found.index}" in text


# -- tables ----------------------------------------------------------------------------------------------------------


def test_a_column_without_anything_is_left_out() -> None:
    columns = [Column("name", name=True), Column("a"), Column("b")]
    assert [line.plain for line in table(columns, [["x", "1", "0"], ["y", "2", "-"]], 40)] == [
        "name  a",
        "x     1",
        "y     2",
    ]


def test_a_table_that_is_too_wide_is_stacked() -> None:
    columns = [Column("name", name=True), *(Column(f"figure {i}") for i in range(4))]
    lines = [line.plain for line in table(columns, [["x", "1", "2", "3", "4"]], 30)]
    assert lines == ["name:", "x", "  figure 0 1, figure 1 2", "  figure 2 3, figure 3 4"]


@pytest.mark.parametrize("text", ["", "abc", "日本語のテキスト" * 9, "x" * 99, "é" * 40])
@pytest.mark.parametrize("width", [0, 1, 4, 5, 11, 40])
def test_what_is_cut_fits(text: str, width: int) -> None:
    assert cell_len(cut(text, width)) <= width
    if cell_len(text) <= width:
        assert cut(text, width) == text


def test_a_percentage_is_not_torn_apart() -> None:
    assert [line.plain for line in wrapped("accuracy is 99.5 % of it", 19)] == ["accuracy is", "  99.5 % of it"]


def test_words_are_packed_into_as_few_lines_as_they_need() -> None:
    assert packed(["aa", "bb", "cc", "d" * 20], 8) == ["aa, bb", "cc", "ddd..ddd"]
    assert packed([], 8) == []
