"""Exports: the same facts in three forms, hostile text in none of them, nothing written over."""

from __future__ import annotations

import html
import json
import re
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from frame_sources import SUMS, Sums, Unfolding, Wandering, entry_of, misled, sums_session
from hypothesis import given, settings
from hypothesis import strategies as st
from mixed_frames import FRAMES, MIXED, computing
from prompts import Prompt

from neuralpdb.debugger.session import Session
from neuralpdb.errors import UsageError
from neuralpdb.fidelity.lockstep import Lockstep
from neuralpdb.frontends.export import json_document, markdown, page, write
from neuralpdb.frontends.export.transcript import Judgement, Transcript, transcript_of
from neuralpdb.frontends.text import marks
from neuralpdb.trace.frames import LINE, Ended, Event, Frame, Trace

SCHEMA = json.loads((Path(json_document.__file__).parent / "schema" / "export-1.json").read_text(encoding="utf-8"))
HOSTILE = "</code></script><script>alert(1)</script><img src=x onerror=alert(1)>|`*_[x](http://e)\x1b[2J\u202e\n@all"


def edited() -> Session:
    session, _ = sums_session()
    session.step(6)
    session.back(3)
    session.edit("total = 40")
    session.step(2)
    return session


def hostile(text: str = HOSTILE) -> Transcript:
    """An account in which every text that a program, a model or a file can set is `text`."""
    entry = entry_of("def f():\n    pass\nf()\n", name=text)
    frames = [
        Frame(Event.CALL, text, 1, text, {text: text}),
        Frame(Event.LINE, text, None, text, {text: text + "x", text + "y": text}),
        Frame(Event.RETURN, text, 2, text, {}, text),
    ]
    session = Session(entry, Trace((entry.first, *frames), Ended(text)))  # type: ignore[arg-type]
    session.start()
    session.step(9)
    return transcript_of(session, [None, Judgement("!", text)], lambda frame: {text: 0.1})


class Page(HTMLParser):
    """The elements, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


# -- facts --------------------------------------------------------------------------------------------------------


def test_an_account_holds_every_step_what_it_changed_and_the_other_timelines() -> None:
    found = transcript_of(edited())
    assert [step.index for step in found.steps] == list(range(6)) and found.index == 5
    assert found.steps[2].changed == {"n": (None, "0")}
    assert found.steps[3].changed == {"total": ("0", "40")} and found.edited == [3]
    assert [(each.name, each.last, each.parts) for each in found.others] == [("before1", 6, 3)]


def test_a_call_and_given_locals_are_how_it_starts() -> None:
    for entry, start in (
        (entry_of("def f(n):\n    return n\n", call="f(3)"), "f(3)"),
        (entry_of(SUMS, at=3, state=["n=1", "total=2"]), "line 3 with n=1, total=2"),
        (entry_of(SUMS), "line 1"),
    ):
        session = Session(entry, Sums())
        session.start()
        assert transcript_of(session).start == start


# -- forms --------------------------------------------------------------------------------------------------------


def checked(found: Transcript) -> Any:
    data = json.loads(json_document.text(found))
    jsonschema.Draft202012Validator(SCHEMA).validate(data)
    return data


def test_json_follows_its_schema_and_holds_what_is_known() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    data = checked(transcript_of(edited(), [None, Judgement("=", "exact")], lambda frame: {LINE: 0.25}, "mini 3"))
    assert data["model"] == "mini 3" and checked(transcript_of(edited()))["model"] is None
    assert data["steps"][3]["origin"] == "edited" and data["steps"][3]["changed"] == {"total": ["0", "40"]}
    assert data["steps"][1]["verdict"] == {"sign": "=", "text": "exact"}
    assert data["steps"][1]["doubts"] == [{"part": "line", "share": 0.25}]
    assert data["others"] == [{"name": "before1", "last": 6, "parts": 3}]
    assert (data["at"], data["end"], data["start"]) == (5, None, "line 1")


def test_markdown_has_a_row_for_each_step_and_marks_where_the_session_was() -> None:
    lines = markdown.text(
        transcript_of(edited(), [None, Judgement("!", "state")], lambda frame: {"n": 0.5})
    ).splitlines()
    rows = [line for line in lines if re.match(r"\| \**\d", line)]
    assert len(rows) == 6
    assert rows[5].startswith("| **5** | ") and rows[4].startswith("| 4 | ")
    assert rows[3].endswith("| <code>total</code>: <code>0</code> -&#62; <code>40</code> | edited; ? n 50 % |")
    assert "! state" in html.unescape(rows[1])
    assert "- edited at step 3" in lines and "No more is known." in lines


def test_the_page_shows_every_step_its_state_and_the_source() -> None:
    found = Page(page.text(transcript_of(edited(), [None, Judgement("!", "state")])))
    classes = [attributes.get("class") or "" for tag, attributes in found.tags if tag == "li"]
    steps = [each for each in classes if each.startswith(("line ", "call "))]
    assert len(steps) == 6
    assert [i for i, each in enumerate(steps) if "edited" in each] == [3]
    assert [i for i, each in enumerate(steps) if "wrong" in each] == [1]
    assert [i for i, each in enumerate(steps) if "here" in each] == [5]
    assert "while n < 3:" in found.text and "total" in found.text and "40" in found.text


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    text = page.text(transcript_of(edited()))
    found = Page(text)
    assert not {tag for tag, _ in found.tags} & {"script", "img", "link", "iframe", "object", "form", "base"}
    for _, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style")]
        assert (attributes.get("href") or "#").startswith("#")
    policy = next(a["content"] for _, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "http" not in text.replace("http-equiv", "").replace("charset", "")


# -- how values are known -----------------------------------------------------------------------------------------


def mixed(opinion: str = "'Bob'") -> Transcript:
    source = computing(opinion={"name": opinion}, refuted={"n": opinion})
    session = Session(entry_of(MIXED, at=4, state=["shout=1"]), source.source)
    session.start()
    session.step(len(FRAMES))
    return transcript_of(session, remarks=partial(marks.at, source))


def test_json_says_how_values_are_known_where_the_origin_does_not_say_it() -> None:
    steps = checked(mixed())["steps"]
    assert "known" not in steps[1] and steps[1]["origin"] == "computed"
    assert steps[2]["known"] == {"name": "predicted"}
    assert steps[5]["known"] == {"": "computed from a prediction"}
    assert steps[7]["otherwise"] == {"model": {"name": "'Bob'"}, "python": {"n": "'Bob'"}}
    assert "otherwise" not in checked(transcript_of(edited()))["steps"][1]


def test_markdown_says_how_values_are_known() -> None:
    text = html.unescape(markdown.text(mixed()))
    assert "<code>name</code>: <code>'Ada'</code> (predicted 83 %) (model: 'Bob')" in text
    assert "-> <code>'ADA'</code> (computed from a prediction)" in text
    assert "| [predicted] |" in text
    assert "computed by Python's own rules" in text and "every value is a prediction" not in text
    assert "every value is a prediction of a model, nothing of" in markdown.text(transcript_of(edited()))


def test_the_page_says_how_values_are_known() -> None:
    found = Page(page.text(mixed()))
    words = " ".join(found.text.split())
    assert "name = 'Ada' (predicted 83 %) (model: 'Bob')" in words
    assert "-> 'ADA' (computed from a prediction)" in words
    assert "A value is computed by Python's own rules where nothing else is said of it; nothing of" in words
    assert "Every value is a prediction of a model; nothing of" in Page(page.text(transcript_of(edited()))).text


def test_no_opinion_is_more_than_text_in_an_export() -> None:
    found = mixed(HOSTILE)
    assert not {tag for tag, _ in Page(page.text(found)).tags} & {"script", "img"}
    text = markdown.text(found)
    assert not set(re.findall(r"<[^>]*>", text)) - {"<!-- neuralpdb export -->", "<code>", "</code>", "<br>"}
    checked(found)


# -- hostile text -------------------------------------------------------------------------------------------------


def test_hostile_text_is_text_in_every_form() -> None:
    found = hostile()
    shown = Page(page.text(found))
    assert not {tag for tag, _ in shown.tags} & {"script", "img"}
    assert "alert(1)" in shown.text
    text = markdown.text(found)
    assert not set(re.findall(r"<[^>]*>", text)) - {"<!-- neuralpdb export -->", "<code>", "</code>", "<br>"}
    assert "http://" not in text and "[x]" not in text and "@all" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(re.sub(r"&[#\w]+;", "", row).count("|") == 6 for row in rows)
    assert checked(found)["program"]["name"] == HOSTILE
    for form in (page.text(found), text, json_document.text(found)):
        assert "\x1b" not in form and "\u202e" not in form


@settings(max_examples=40)
@given(st.text())
def test_any_text_can_be_exported(text: str) -> None:
    found = hostile(text.replace("\0", "") or "x")
    checked(found)
    assert markdown.text(found).endswith("\n")
    assert not {tag for tag, _ in Page(page.text(found)).tags} & {"script", "img"}


@pytest.mark.parametrize("seed", range(6))
def test_any_walk_can_be_exported(seed: int) -> None:
    entry = entry_of(SUMS)
    session = Session(entry, Wandering(entry, seed), max_frames=60)
    session.start()
    session.proceed()
    found = transcript_of(session)
    assert len(checked(found)["steps"]) == len(session.timeline)
    assert markdown.text(found).count("\n| ") == len(session.timeline) + 1


# -- files --------------------------------------------------------------------------------------------------------


def test_the_end_of_the_name_says_which_form(tmp_path: Path) -> None:
    for name, start in (("a.md", "<!-- neuralpdb export -->"), ("A.HTML", "<!doctype html>"), ("a.json", "{")):
        write(transcript_of(edited()), tmp_path / name)
        write(transcript_of(edited()), tmp_path / name)
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    with pytest.raises(UsageError) as caught:
        write(transcript_of(edited()), tmp_path / "a.pdf")
    assert caught.value.message == f"export {tmp_path / 'a.pdf'}: unknown form"


def test_nothing_else_is_written_over(tmp_path: Path) -> None:
    for name in ("readme.md", "index.html", "package.json"):
        (tmp_path / name).write_text("precious")
        with pytest.raises(UsageError) as caught:
            write(transcript_of(edited()), tmp_path / name)
        assert str(caught.value) == f"{tmp_path / name} exists and is not an export (name another file)"
        assert (tmp_path / name).read_text() == "precious"
    for file in (tmp_path / "missing" / "a.md", tmp_path / "folder.md"):
        (tmp_path / "folder.md").mkdir(exist_ok=True)
        with pytest.raises(UsageError):
            write(transcript_of(edited()), file)


def test_with_a_real_run_beside_it_the_verdicts_are_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = entry_of(SUMS)
    model = misled(entry, "total += n", "total += n * n")
    prompt = Prompt(entry, model)
    prompt.repl.beside = Lockstep(Unfolding(model.actual))
    prompt.type("continue", "export steps.json")
    data = json.loads((tmp_path / "steps.json").read_text())
    signs = [step["verdict"] and step["verdict"]["sign"] for step in data["steps"]]
    assert signs[:4] == [None, "=", "=", "="] and "!" in signs
    assert next(
        step["verdict"]["text"] for step in data["steps"] if (step["verdict"] or {}).get("sign") == "!"
    ).startswith("state: total")
