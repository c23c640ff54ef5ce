"""The HTML report: its data, and the page in a real headless Chromium, opened from a file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import page_results as results
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuralpdb.fidelity.comparison import (
    Comparability,
    Comparison,
    Debugged,
    Result,
    Rollout,
    Step,
    judged_rollout,
    judged_steps,
)
from neuralpdb.fidelity.figures.context import contexts
from neuralpdb.fidelity.figures.summary import summarise
from neuralpdb.fidelity.report.html import embedding, page
from neuralpdb.fidelity.report.html.embedding import HEAD, TAIL, program, program_lines, script_safe
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.trace.frames import LINE, Ended, Frame, Known, Origin, Outcome, Trace, Trouble, TroubleKind

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)
EVIL = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 2'>{{7*7}}${7*7}&lt;b&gt;"
ODD = "\x1b[31m red \u202e evil \u2066 \ud800 \x00 \u2028 tab\tend"


def page_of(result: Result, **options: Any) -> str:
    return page.text(result, summarise(result), "9.9", **options)


def embedded(text: str, name: str) -> str:
    found = re.search(rf'<script type="[^"]*" id="{name}">(.*?)</script>', text, re.DOTALL)
    assert found
    return found[1]


# -- what is embedded --------------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_embedded_as_ascii_that_ends_no_script_and_reads_back(text: str) -> None:
    shown = script_safe({"text": text})
    assert shown.isascii() and not set(shown) & {"<", ">", "&", "\n"}
    assert json.loads(shown) == {"text": text}


def test_what_is_no_number_in_json_is_never_embedded() -> None:
    with pytest.raises(ValueError, match="JSON"):
        script_safe(float("nan"))


@given(st.text("ab", max_size=60), st.text("ab", max_size=60))
def test_the_place_where_two_texts_part_is_that_of_a_plain_search(a: str, b: str) -> None:
    plain = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    assert embedding._common(a, b) == plain


def test_a_right_prediction_is_not_embedded_a_second_time() -> None:
    right = results.compared(results.STRAWBERRY, {})
    data = program(right, results.SETUP)
    assert [step[3] for step in data["steps"]] == [0] * (len(right.truth.frames) - 1)
    assert data["rollout"]["frames"] == [0] * len(right.truth.frames)


def test_a_text_is_embedded_once_and_a_long_one_is_cut() -> None:
    source = "def main():\n    a = 'x' * 90_000\n    for i in range(50):\n        pass\n"
    found = results.compared(source, {})
    [cut] = [text for text in program(found, results.SETUP)["texts"] if not isinstance(text, str)]
    assert cut == ["'" + "x" * (HEAD - 1), "x" * (TAIL - 1) + "'", 90_002]
    [line], _ = program_lines(results.result(found))
    assert len(line) < 20_000, "51 frames hold the long text"


def test_programs_beyond_the_budget_are_listed_and_the_page_says_that_their_steps_are_missing() -> None:
    wrong, right = results.every_outcome(), results.renamed(results.compared(results.STRAWBERRY, {}), "right.py")
    size = len(program_lines(results.result(wrong))[0][0])
    text = page_of(results.result(right, wrong), budget=size + 10)
    first, second = map(json.loads, embedded(text, "data").split("\n"))
    assert first == {"left_out": True, "error": ""}, "a program without a divergence gives way"
    assert len(second["truth"]) == len(wrong.truth.frames)
    assert "The steps of 1 program are only in the JSON report" in text


# -- the still parts ---------------------------------------------------------------------------------------------------


def test_the_page_names_model_python_setting_date_and_both_numbers() -> None:
    text = page_of(results.result(results.every_outcome(), complete=False))
    for part in (
        *(
            "mini",
            "Python 3.11.4",
            "revision 3f2a9c",
            "2026-11-23 09:47:00 UTC",
            "lines kept to what control flow allows",
        ),
        *("61 of 66 frames right", "95 % interval", "first divergence at frame 18", "Interrupted: only 1 program"),
        *("1 frame not comparable", "1 prediction cut by a limit"),
    ):
        assert part in text, part


def test_the_policy_allows_exactly_the_script_and_the_style_of_the_page() -> None:
    text = page_of(results.result(results.every_outcome()))
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    for name, part in (("script", script), ("style", style)):
        digest = base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()
        assert f"{name}-src &#39;sha256-{digest}&#39;;" in policy
    assert "default-src &#39;none&#39;" in policy and "unsafe" not in policy


def test_the_page_refers_to_nothing_outside_of_it() -> None:
    text = page_of(results.result(results.every_outcome()))
    assert not re.findall(r"\b(?:src|href)=", re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL))
    assert set(re.findall(r"https?://[^\s\"'<]*", text)) <= {"http://www.w3.org/2000/svg"}


def test_hostile_names_in_the_still_parts_are_escaped() -> None:
    odd = results.renamed(results.every_outcome(), EVIL + ODD)
    setup = replace(results.SETUP, model=EVIL + ODD, revision=EVIL + ODD)
    result = replace(results.result(odd, results.failed(EVIL + "2", EVIL + ODD)), setup=setup)
    text = page_of(result)
    still = re.sub(r"<(script|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    assert "<img" not in still and "\u202e" not in still and "\x1b" not in still
    assert "{{7*7}}" in still, "no template was made of it"
    text.encode("utf-8")


def test_a_run_without_any_program_still_makes_a_page() -> None:
    assert "(no real run)" in page_of(results.result(complete=False))


# -- in a browser ------------------------------------------------------------------------------------------------------


class Browser:
    """A page in Chromium, as its reader sees it."""

    def __init__(self, driver: Any, folder: Path) -> None:
        self.driver, self.folder, self.pages = driver, folder, 0

    def open(self, result: Result, fragment: str = "", **options: Any) -> None:
        self.show(page_of(result, **options), fragment)

    def show(self, text: str, fragment: str = "") -> None:
        self.pages += 1
        path = self.folder / f"page{self.pages}.html"
        path.write_text(text, "utf-8")
        self.driver.get(path.as_uri() + fragment)

    def keys(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        for key in keys:
            ActionChains(self.driver, duration=0).send_keys(key).perform()

    def text(self, selector: str) -> str:
        return str(self.js("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def texts(self, selector: str) -> list[str]:
        found = self.js("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)", selector)
        return [str(each) for each in found]

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    @property
    def step(self) -> int:
        return int(self.text("#where b").replace(",", ""))

    @property
    def verdict(self) -> str:
        return self.text("#verdict .chip + b")

    def rows(self) -> dict[str, tuple[str, str, str]]:
        """name -> mark, predicted, actual of each row of the state that is shown."""
        script = """return [...document.querySelectorAll("table.state tbody tr:not(.folds)")].map(
            row => [...row.children].map(cell => cell.innerText.trim()))"""
        return {name.rstrip("Δ"): (sign, left, right) for sign, name, left, right in self.js(script)}

    def set_value(self, selector: str, value: str) -> None:
        change = "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
        self.js(f"{change} e.dispatchEvent(new Event('input'))", selector, value)

    def size(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def scheme(self, name: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if not BROWSER or not DRIVER:
        pytest.skip("no chromium and chromedriver on PATH (Debian: apt-get install chromium chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def browser(started: Any, tmp_path: Path) -> Iterator[Browser]:
    """Every test ends with an empty console: no script error, nothing that the policy had to stop."""
    found = Browser(started, tmp_path)
    found.size(1400, 900)
    found.scheme("light")
    found.complaints()
    yield found
    assert found.complaints() == []


def steps_of(comparison: Comparison) -> tuple[Step, ...]:
    assert comparison.steps is not None
    return comparison.steps


def rollout_of(comparison: Comparison) -> Rollout:
    assert comparison.rollout is not None
    return comparison.rollout


def many(count: int) -> Result:
    """Programs that differ in name, with one wrong in the middle."""
    right = results.compared("def main():\n    return 1\n", {})
    wrong = results.compared("def main():\n    return 1\n", {2: right.truth.frames[2].replace(value="2")})
    programs = [results.renamed(right, f"program{i:05}.py") for i in range(count)]
    programs[count // 2] = results.renamed(wrong, f"program{count // 2:05}.py")
    return results.result(*programs)


def test_a_page_opens_from_a_file_at_the_first_divergence_and_loads_nothing(browser: Browser) -> None:
    wrong = results.every_outcome()
    browser.open(results.result(wrong))
    assert browser.step == rollout_of(wrong).divergence == 18
    assert browser.verdict == "state"
    assert browser.js("return performance.getEntriesByType('resource').length") == 0


def test_every_outcome_is_told_at_its_step(browser: Browser) -> None:
    wrong = results.every_outcome()
    browser.open(results.result(wrong))
    browser.keys("0")
    assert "nobody's prediction" in browser.text("#verdict")
    told: list[str] = []
    for _ in steps_of(wrong):
        browser.keys("j")
        told.append(browser.verdict)
    assert told == [step.verdict.fidelity.value for step in steps_of(wrong)]
    assert set(told) == {each.value for each in Fidelity} - {"unreached"}


def test_the_rows_that_are_marked_are_those_of_the_verdict(browser: Browser) -> None:
    wrong = results.every_outcome()
    browser.open(results.result(wrong))
    assert {name: row for name, row in browser.rows().items() if row[0] == "≠"} == {
        "total": ("≠", "2", "0"),
        "extra": ("≠", "None", "not there"),
    }
    browser.keys("0", "j", "j", "j")
    assert browser.verdict == "equivalent" and browser.rows()["seen"][0] == "≈"
    assert "set order" in browser.text("#verdict")
    browser.keys("$")
    assert browser.rows()["returns"] == ("≠", "4", "3")
    browser.keys("k")
    assert browser.rows()["count"][0] == "~"


def test_what_a_frame_changed_is_marked_also_in_a_call_of_a_function_that_ran_before(browser: Browser) -> None:
    right = results.compared(results.STRAWBERRY, {})
    frames = right.truth.frames
    around = contexts(right.subject, frames)
    written = [each.written if each.frame.value is None else {} for each in around]
    browser.open(results.result(right))
    browser.keys("0", "u")
    assert {*written[14]} == {"letter", "wanted"} == {*frames[14].locals}, "the second call of is_match"
    for expected in written[:30]:
        assert browser.texts("table.state th.changed") == [f"{name}Δ" for name in expected]
        browser.keys("j")


def test_another_line_than_the_true_one_is_marked_in_the_state_and_in_the_source(browser: Browser) -> None:
    wrong = results.every_outcome()
    step = next(step for step in steps_of(wrong) if step.verdict.fidelity is Fidelity.CONTROL)
    actual, predicted = wrong.truth.frames[step.index], step.predicted
    assert isinstance(predicted, Frame)
    browser.open(results.result(wrong), f"#/strawberry.py/{step.index}/forced")
    assert browser.rows()["next"][0] == "≠"
    assert browser.text("tr.now .number") == str(actual.line)
    assert browser.text("tr.guess .number") == str(predicted.line)
    assert browser.text("tr.guess .at") == "⇢" and browser.text("tr.now .at").endswith("→")


def test_the_gutter_tells_fidelity_and_visits_of_each_line(browser: Browser) -> None:
    wrong = results.every_outcome()
    browser.open(results.result(wrong))
    shown = {int(row.split()[0]): row.split()[1] for row in map(gutter_row, gutter(browser)) if row}
    rows = [row for row in summarise(results.result(wrong)).lines if row.tally.share.total]
    expected = {
        row.line: "✓" if row.tally.accuracy == 1 else f"{int(100 * (row.tally.accuracy or 0))}%" for row in rows
    }
    assert {line: sign for line, sign in shown.items() if not sign.startswith("×")} == expected
    assert any(sign != "✓" for sign in expected.values())


def gutter(browser: Browser) -> list[list[str]]:
    script = """return [...document.querySelectorAll("table.source tr")].map(
        row => [row.querySelector(".number").innerText, row.querySelector(".heat").innerText])"""
    return [[str(part) for part in row] for row in browser.js(script)]


def gutter_row(row: list[str]) -> str:
    number, heat = row
    return f"{number} {' '.join(heat.replace('×', ' ×').split())}" if heat else ""


def test_keys_lead_to_wrong_steps_both_ends_and_the_first_divergence(browser: Browser) -> None:
    wrong = results.every_outcome()
    missed = [step.index for step in steps_of(wrong) if step.verdict.wrong]
    browser.open(results.result(wrong))
    browser.keys("0")
    assert browser.step == 0
    found = []
    for _ in missed:
        browser.keys("]")
        found.append(browser.step)
    assert found == missed
    browser.keys("]")
    assert browser.step == missed[-1] and "no wrong step after" in browser.text("#verdict")
    browser.keys("[")
    assert browser.step == missed[-2]
    browser.keys("1")
    assert browser.step == missed[0]
    browser.keys("n", "n", "p")
    assert browser.step == missed[0] + 1
    browser.keys("$")
    assert browser.step == len(wrong.truth.frames) - 1
    browser.keys("j")
    assert browser.step == len(wrong.truth.frames) - 1, "the end is the end"


def test_the_help_lists_the_keys_and_closes_with_escape(browser: Browser) -> None:
    browser.open(results.result(results.every_outcome()))
    at = browser.step
    browser.keys("?")
    assert "next, previous wrong step" in browser.text("#keys")
    browser.keys("j")
    assert browser.step == at, "no key moves behind the help"
    browser.keys("\ue00c")
    assert not browser.js("return document.getElementById('keys').open")
    browser.keys("j")
    assert browser.step == at + 1


def test_the_rollout_is_marked_at_and_behind_its_divergence(browser: Browser) -> None:
    wrong = results.every_outcome()
    browser.open(results.result(wrong))
    browser.keys("0", "v", "1")
    assert browser.step == 18 and "Here the model left the truth" in browser.text("#verdict")
    browser.keys("j")
    assert browser.verdict == "unreached" and "Behind the divergence at frame 18" in browser.text("#verdict")
    assert browser.js("return document.querySelectorAll('#strip .divergence').length") == 1
    assert browser.js("return document.getElementById('rollout').getAttribute('aria-pressed')") == "true"


def test_the_debugger_as_it_is_used_is_a_view_of_its_own(browser: Browser) -> None:
    wrong = results.every_outcome()
    truth = wrong.truth.frames
    left = [*truth[:9], truth[9].replace(locals={**truth[9].locals, "total": "77"})]
    free = judged_rollout(Trace(tuple(left), Ended()), wrong.truth, Comparability({}, len(truth)))
    browser.open(results.result(replace(wrong, debugger=Debugged(free))))
    browser.keys("0", "v", "v", "1")
    assert browser.js("return document.getElementById('debugger').getAttribute('aria-pressed')") == "true"
    assert browser.step == 9 and "Here the debugger left the truth" in browser.text("#verdict")
    assert "the debugger as it is used left the truth at frame 9" in browser.text("#about")
    browser.keys("v")
    assert browser.js("return document.getElementById('forced').getAttribute('aria-pressed')") == "true"
    browser.open(results.result(wrong))
    assert browser.js("return document.getElementById('debugger').disabled")


def test_what_the_debugger_guessed_is_marked(browser: Browser) -> None:
    right = results.compared(results.STRAWBERRY, {})
    truth = right.truth.frames
    frames = [frame.replace(origin=Origin.COMPUTED) for frame in truth]
    frames[9] = frames[9].replace(known={LINE: Known.DERIVED, next(iter(frames[9].locals)): Known.PREDICTED})
    free = judged_rollout(Trace(tuple(frames), Ended()), right.truth, Comparability({}, len(truth)))
    browser.open(results.result(replace(right, debugger=Debugged(free))), "#/strawberry.py/9/debugger")
    assert browser.texts("table.state .how") == ["(*)", "*"]
    browser.keys("j")
    assert browser.texts("table.state .how") == []


def test_a_page_of_the_debugger_alone_opens_in_its_view(browser: Browser) -> None:
    right = results.compared(results.STRAWBERRY, {})
    assert right.rollout is not None
    browser.open(results.result(replace(right, steps=None, rollout=None, debugger=Debugged(right.rollout))))
    assert browser.js("return document.getElementById('debugger').getAttribute('aria-pressed')") == "true"
    browser.keys("j")
    assert browser.verdict == "exact"


def test_a_rollout_that_goes_on_beyond_the_true_end_is_followed_to_there(browser: Browser) -> None:
    source = "def main():\n    x = 1\n    return x\n"
    _, truth = results.recorded(source)
    more = [truth.frames[-2], truth.frames[-1]]
    long = results.compared(source, {}, own=[])
    free = replace(rollout_of(long), frames=(*truth.frames, *more), divergence=len(truth.frames))
    browser.open(results.result(replace(long, rollout=free)), f"#/strawberry.py/{len(truth.frames)}/rollout")
    assert browser.step == len(truth.frames) and browser.verdict == "control"
    assert browser.rows()["next"][2] == "–"


@pytest.mark.parametrize("end", [Ended("nothing more"), Trouble(TroubleKind.MALFORMED, "no frame", "<|odd|>")])
def test_a_rollout_that_ends_early_says_how(browser: Browser, end: Outcome) -> None:
    early = results.compared(results.STRAWBERRY, {5: end})
    browser.open(results.result(early), "#/strawberry.py/5/rollout")
    message = end.reason if isinstance(end, Ended) else "<|odd|>"
    assert not isinstance(end, Frame) and message in browser.rows()["next"][1]
    browser.keys("j")
    assert browser.rows()["next"][1] == "–" and browser.step == 6


def test_a_link_leads_to_program_step_and_view_and_the_address_follows(browser: Browser) -> None:
    name = "a/b #ü?&.py"
    wrong = results.renamed(results.every_outcome(), name)
    browser.open(
        results.result(results.compared(results.STRAWBERRY, {}), wrong), "#/a%2Fb%20%23%C3%BC%3F%26.py/23/forced"
    )
    assert browser.text("#about h2") == name and browser.step == 23
    browser.keys("v", "j")
    browser.driver.execute_async_script("setTimeout(arguments[0], 200)")
    address = browser.js("return location.hash")
    assert address == "#/a%2Fb%20%23%C3%BC%3F%26.py/24/rollout"
    browser.js("location.hash = '#/strawberry.py/7/forced'")
    browser.driver.execute_async_script("setTimeout(arguments[0], 50)")
    assert browser.text("#about h2") == "strawberry.py" and browser.step == 7


@pytest.mark.parametrize(
    "fragment", ["#/nobody.py/3", "#%E0%A4%A", "#/strawberry.py/99999999/sideways", "#/strawberry.py/-1"]
)
def test_an_address_that_leads_nowhere_opens_the_page_all_the_same(browser: Browser, fragment: str) -> None:
    wrong = results.every_outcome()
    browser.open(results.result(wrong), fragment)
    assert 0 <= browser.step < len(wrong.truth.frames)


def test_programs_can_be_filtered_and_sorted(browser: Browser) -> None:
    wrong = results.every_outcome()
    right = results.renamed(results.compared(results.STRAWBERRY, {}), "right.py")
    early = results.renamed(results.compared(results.STRAWBERRY, {4: Ended()}), "early.py")
    browser.open(results.result(right, wrong, early, results.failed("broken.py", "SyntaxError: invalid syntax")))
    assert browser.texts("#list .name") == ["strawberry.py", "early.py", "right.py", "broken.py"]
    for order, names in (
        ("first", ["early.py", "strawberry.py", "right.py", "broken.py"]),
        ("id", ["broken.py", "early.py", "right.py", "strawberry.py"]),
        ("given", ["right.py", "strawberry.py", "early.py", "broken.py"]),
    ):
        browser.set_value("#order", order)
        assert browser.texts("#list .name") == names
    for only, names in (
        ("wrong", ["strawberry.py", "early.py"]),
        ("diverged", ["strawberry.py", "early.py"]),
        ("result", ["early.py"]),
        ("exact", ["right.py"]),
        ("failed", ["broken.py"]),
    ):
        browser.set_value("#only", only)
        assert browser.texts("#list .name") == names, only
    browser.set_value("#only", "all")
    browser.keys("/", "s", "t", "r", "a")
    assert browser.texts("#list .name") == ["strawberry.py"] and browser.text("#count") == "1 of 4 programs"
    browser.keys("\ue007")
    assert browser.text("#about h2") == "strawberry.py"


def test_a_program_without_a_comparison_says_why_and_takes_no_keys(browser: Browser) -> None:
    browser.open(
        results.result(results.failed("broken.py", "SyntaxError: invalid syntax (line 3)"), results.every_outcome())
    )
    browser.js("document.querySelectorAll('.row')[1].click()")
    assert "SyntaxError: invalid syntax (line 3)" in browser.text("#about")
    browser.keys("j", "1", "v", "$", "]", "u")
    assert "no real run" in browser.text("#verdict")
    browser.keys("K", "v")
    assert browser.text("#about h2") == "strawberry.py" and browser.step == 18


def test_two_thousand_programs_need_few_nodes_and_all_can_be_reached(browser: Browser) -> None:
    browser.open(many(2_000))
    assert browser.text("#count") == "2,000 programs"
    assert browser.text("#about h2") == "program01000.py", "the least true one is first"
    nodes = browser.js("return document.querySelectorAll('*').length")
    assert nodes < 1_500
    browser.set_value("#order", "id")
    browser.js("document.getElementById('list').focus()")
    browser.keys("\ue010")
    assert browser.text("#about h2") == "program01999.py"
    assert browser.text(".row[aria-selected=true] .name") == "program01999.py"
    browser.keys("\ue013", "\ue013", "\ue015")
    assert browser.text("#about h2") == "program01998.py"
    assert browser.js("return document.querySelectorAll('*').length") < nodes + 100


def test_hostile_texts_are_shown_as_text_and_run_nowhere(browser: Browser) -> None:
    source = f"class Odd:\n    def __repr__(self):\n        return {EVIL + ODD!r}\n\n"
    source += "def main():\n    x = Odd()\n    return x\n"
    _, truth = results.recorded(source)
    said = truth.frames[-1].replace(value=EVIL + "!")
    evil = results.compared(source, {len(truth.frames) - 1: said})
    evil = replace(results.renamed(evil, EVIL), output=EVIL + ODD, error=EVIL)
    browser.open(results.result(evil, results.every_outcome()))
    assert browser.text("#about h2") == EVIL
    assert browser.rows()["returns"][1] == EVIL + "!"
    shown = browser.rows()["returns"][2]
    assert shown.startswith(EVIL) and "\\x1b[31m red \\u202e evil \\u2066 \\ud800 \\x00 \\u2028 tab    end" in shown
    browser.js("document.querySelector('#about details').open = true")
    assert browser.text("#about pre").startswith(EVIL)
    assert EVIL in browser.texts("#list .name")
    assert '"</script><script>window.broken' in browser.text("#source")
    assert browser.js("return window.broken === undefined && document.images.length === 0 && document.scripts.length")
    assert browser.js("return document.body.innerText.includes('\\u202e')") is False


def test_letters_that_look_alike_are_told_apart(browser: Browser) -> None:
    source = "def main():\n    return 'paypal'\n"
    _, truth = results.recorded(source)
    alike = results.compared(source, {len(truth.frames) - 1: truth.frames[-1].replace(value="'p\u0430yp\U0001d5baal'")})
    browser.open(results.result(alike))
    _, predicted, actual = browser.rows()["returns"]
    assert predicted.endswith("U+0430 U+0079 U+0070 U+1D5BA") and actual.endswith("U+0061 U+0079 U+0070")


def test_a_megabyte_is_cut_and_where_it_differs_is_shown(browser: Browser) -> None:
    source = "def main():\n    return 1\n"
    _, truth = results.recorded(source)
    long = "'" + "a" * 700_000 + "{}" + "b" * 300_000 + "'"
    truth_frames = (*truth.frames[:-1], truth.frames[-1].replace(value=long.format("TRUE")))
    found = results.compared(source, {len(truth.frames) - 1: truth.frames[-1].replace(value=long.format("MODEL"))})
    steps = judged_steps(
        [(len(truth.frames) - 1, truth.frames[-1].replace(value=long.format("MODEL")), None)],
        replace(truth, frames=truth_frames),
        Comparability({}, len(truth.frames)),
    )
    browser.open(results.result(replace(found, truth=replace(truth, frames=truth_frames), steps=steps, rollout=None)))
    _, predicted, actual = browser.rows()["returns"]
    assert "of 1,000,007 characters left out; the full value is in the JSON report" in predicted
    assert "of 1,000,006 characters left out" in actual
    assert "from character 700,001:" in actual and "aaaTRUEbbb" in actual and "aaaMODELbbb" in predicted
    assert browser.js("return document.body.innerText.length") < 20_000


def test_markup_from_text_and_strange_scripts_are_refused_by_the_page_itself(browser: Browser) -> None:
    browser.open(results.result(results.every_outcome()))
    refused = browser.js("try { document.body.innerHTML = '<b>x</b>'; return '' } catch (error) { return error.name }")
    assert refused == "TypeError"
    browser.js("""const image = document.createElement("img");
        image.setAttribute("src", "data:image/png;base64,AAAA"); document.body.append(image);""")
    assert any("Content Security Policy" in line for line in browser.complaints())
    browser.complaints()


def test_a_long_source_keeps_few_rows_in_the_page_and_the_current_one_in_sight(browser: Browser) -> None:
    source = "def main():\n    x = 0\n" + "    x += 1\n" * 3_000 + "    return x\n"
    long = results.compared(source, {})
    browser.open(results.result(long))
    for key, line in (("$", 3_003), ("0", 1)):
        browser.keys(key)
        assert browser.text("tr.now .number") == str(line)
        assert browser.js("return document.querySelectorAll('table.source tr').length") == 1_200
        assert browser.js("""const row = document.querySelector("tr.now").getBoundingClientRect(),
            box = document.getElementById("source").getBoundingClientRect();
            return row.top >= box.top && row.bottom <= box.bottom""")


def test_locals_that_did_not_change_are_folded_and_can_be_shown(browser: Browser) -> None:
    source = "def main():\n" + "".join(f"    v{i} = {i}\n" for i in range(8)) + "    return v0\n"
    browser.open(results.result(results.compared(source, {})), "#/strawberry.py/8/forced")
    assert list(browser.rows()) == ["next", "v6"]
    browser.keys("u")
    assert list(browser.rows()) == ["next", *(f"v{i}" for i in range(7))]


@pytest.mark.parametrize("view", ["forced", "rollout"])
def test_a_report_with_one_of_both_views_shows_that_one(browser: Browser, view: str) -> None:
    wrong = results.every_outcome()
    single = replace(wrong, rollout=None) if view == "forced" else replace(wrong, steps=None)
    browser.open(results.result(single))
    assert browser.step == 18 and browser.verdict == "state"
    browser.keys("v")
    assert "no such view" in browser.text("#verdict")


def test_without_next_states_the_list_shows_how_far_each_rollout_went(browser: Browser) -> None:
    wrong = replace(results.every_outcome(), steps=None)
    right = results.renamed(replace(results.compared(results.STRAWBERRY, {}), steps=None), "right.py")
    browser.open(results.result(right, wrong))
    assert browser.texts("#list .name") == ["strawberry.py", "right.py"]
    assert browser.texts("#list .meter b") == ["25.0 %", "100 %"]


def test_an_empty_report_opens(browser: Browser) -> None:
    browser.open(results.result(complete=False))
    browser.keys("j", "1", "v", "?")
    browser.js("document.querySelectorAll('button').forEach(button => button.click())")
    assert browser.text("#count") == "0 programs"


def test_the_slider_and_the_strip_show_the_same_frame(browser: Browser) -> None:
    browser.open(results.result(results.every_outcome()))
    browser.set_value("#slider", "23")
    assert browser.step == 23 and browser.verdict == "control"
    cells = browser.js(
        """return [...document.querySelectorAll("#strip rect")].map(cell => cell.getAttribute("class"))"""
    )
    assert cells[0] == "none" and cells[18] == "state" and cells[23] == "control" and cells[3] == "equivalent"


@pytest.mark.parametrize("width", [1400, 1000, 700, 400])
def test_nothing_is_wider_than_the_window(browser: Browser, width: int) -> None:
    browser.size(width, 800)
    wrong = results.every_outcome()
    browser.open(results.result(wrong, results.renamed(wrong, "x" * 300)))
    assert browser.js("return document.documentElement.scrollWidth <= window.innerWidth")


CONTRAST = """
const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const read = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = (node) => {
  for (; node; node = node.parentElement) {
    const found = read(getComputedStyle(node).backgroundColor);
    if (found[3] === 1) return found;
  }
  return [255, 255, 255];
};
const faint = new Set();
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  if (!own || !node.checkVisibility() || node.closest("svg, script, [disabled]")) continue;
  const style = getComputedStyle(node), [a, b] = [light(read(style.color)), light(behind(node))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < 4.5) faint.add(`${node.tagName}.${node.className} ${ratio.toFixed(2)} ${node.textContent.slice(0, 20)}`);
}
return [...faint];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(browser: Browser, scheme: str) -> None:
    """WCAG AA: 4.5 to 1."""
    browser.scheme(scheme)
    browser.open(results.result(results.every_outcome(), results.failed("broken.py", "reason")))
    for keys in ("1", "]", "]", "v", "1", "j", "?"):
        browser.keys(keys)
        assert browser.js(CONTRAST) == []


def test_the_data_of_a_program_is_read_only_when_somebody_looks_at_it(browser: Browser) -> None:
    text = page_of(many(50))
    lines = embedded(text, "data").split("\n")
    browser.show(text.replace("\n".join(lines), "\n".join([*lines[:3], "no json", *lines[4:]])))
    browser.set_value("#order", "id")
    browser.keys("J")
    assert browser.text("#about h2") == "program00026.py"
