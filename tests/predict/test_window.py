"""The prompt: it grows while it fits, starts again from the active calls when not, and always tells the truth."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.predict import codec
from neuralpdb.predict.codec import WrittenFrame
from neuralpdb.predict.window import ModelPrompt, Window, spine
from neuralpdb.program.entry import Entry, enter
from neuralpdb.program.program import Program
from neuralpdb.realrun.recorder import record
from neuralpdb.trace.frames import Event, Frame, Origin
from neuralpdb.trace.stack import stack_of


def by_character(markup: Markup) -> int:
    return sum(1 if isinstance(piece, Token) else len(piece) for piece in markup)


def by_four(markup: Markup) -> int:
    return sum(1 if isinstance(piece, Token) else -(-len(piece) // 4) for piece in markup)


def entered(text: str, call: str) -> tuple[Entry, tuple[Frame, ...]]:
    """An entry and what really happens from there."""
    entry = enter(Program.parse(textwrap.dedent(text), "p.py"), call=call)
    trace = record(entry.program.text, filename="p.py", entry_function=entry.function, entry_line=entry.marked)
    return entry, trace.frames


LOOP = """
def f(n):
    total = 0
    for i in range(n):
        total += i
    return total
"""
RECURSION = """
def down(n, label):
    if n == 0:
        return label
    below = down(n - 1, label)
    return below
"""
MIXED = """
class Guard:
    def __enter__(self):
        return self
    def __exit__(self, *details):
        done = True
        return done
def inverse(x):
    y = 1 / x
    return y
def careful(x):
    try:
        return inverse(x)
    except ZeroDivisionError as error:
        y = str(error)
    return y
def numbers(n):
    for i in range(n):
        yield i
def f(n):
    found = []
    for i in numbers(n):
        found.append(careful(i))
    with Guard(): found = inverse(0)
    return found
"""
RUNS = {"loop": (LOOP, "f(40)"), "recursion": (RECURSION, "down(30, 'x' * 20)"), "mixed": (MIXED, "f(6)")}


def prompts(window: Window, frames: Sequence[Frame]) -> list[ModelPrompt]:
    """The prompt after each frame, in the order of a session that steps."""
    return [window.prompt(frames[:n]) for n in range(len(frames) + 1)]


def told(prompt: ModelPrompt) -> list[tuple[Event, list[tuple[str, str]], str, str | None]]:
    """What a prompt says: each frame with its full locals, by the rules of the format alone."""
    assert prompt.markup[:2] == (Token.BEGIN, Token.CONTEXT)
    found: list[tuple[Event, list[tuple[str, str]], str, str | None]] = []
    base: dict[str, str] = {}
    for reply in codec.parse_all(prompt.markup[4:]):
        assert isinstance(reply, WrittenFrame), reply
        full = codec.unabridged(reply.shown, {} if reply.event is Event.CALL else base)
        assert isinstance(full, dict), f"{full} is called unchanged but was not there"
        if reply.event in (Event.CALL, Event.LINE):
            base = full
        elif reply.event is Event.RETURN:
            base = {}
        found.append((reply.event, list(full.items()), reply.source, reply.value))
    return found


def truth(frames: Sequence[Frame]) -> list[tuple[Event, list[tuple[str, str]], str, str | None]]:
    said = []
    for frame in frames:
        state = list(frame.locals.items()) if frame.value is None else []
        said.append((frame.event, state, frame.source, frame.value))
    return said


# --- while it fits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "call"), RUNS.values(), ids=RUNS)
def test_a_prompt_that_fits_is_the_opening_and_every_frame(text: str, call: str) -> None:
    entry, frames = entered(text, call)
    prompt = Window(entry, by_character, 1_000_000).prompt(frames)
    assert prompt.markup[:4] == codec.opening(codec.context(entry.program.lines, entry.marked))
    assert told(prompt) == truth(frames)
    assert (prompt.restarts, prompt.excerpt, prompt.fits) == (0, False, True)


@pytest.mark.parametrize("budget", [1_000_000, 3000, 1500, 900])
@pytest.mark.parametrize("count", [by_character, by_four])
@pytest.mark.parametrize(("text", "call"), RUNS.values(), ids=RUNS)
def test_each_prompt_begins_with_the_one_before_it_or_starts_again(
    text: str, call: str, count: Callable[[Markup], int], budget: int
) -> None:
    entry, frames = entered(text, call)
    built = prompts(Window(entry, count, budget), frames)
    for before, after in pairwise(built):
        assert after.restarts - before.restarts in (0, 1)
        if after.restarts == before.restarts:
            assert after.markup[: len(before.markup)] == before.markup
            assert len(after.markup) > len(before.markup)


def test_before_the_first_frame_there_is_only_the_source() -> None:
    entry, _ = entered(LOOP, "f(1)")
    assert Window(entry, by_character, 10_000).prompt(()).markup == codec.opening(
        codec.context(entry.program.lines, entry.marked)
    )


# --- when it does not -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [3000, 1500, 1000])
@pytest.mark.parametrize("count", [by_character, by_four])
@pytest.mark.parametrize(("text", "call"), RUNS.values(), ids=RUNS)
def test_every_prompt_fits_and_tells_the_truth(
    text: str, call: str, count: Callable[[Markup], int], budget: int
) -> None:
    entry, frames = entered(text, call)
    for n, prompt in enumerate(prompts(Window(entry, count, budget), frames)):
        assert prompt.fits
        assert count(prompt.markup) <= budget
        if n:
            assert begins_again(prompt, frames[:n]), f"after {n} frames"
            if frames[n - 1].depth and frames[n - 1].event in (Event.RETURN, Event.EXCEPTION):  # its caller goes on
                caller = stack_of(frames[:n])[-2]
                assert truth([caller.last])[0] in told(prompt), f"after {n} frames"


def begins_again(prompt: ModelPrompt, history: Sequence[Frame]) -> bool:
    """True when the prompt is some active calls at one moment of the history, and all that happened since."""
    said = told(prompt)
    if said == truth(history):
        return True
    for k in range(len(history), 0, -1):
        stack = stack_of(history[:k])
        if any(said == truth([*spine(stack[drop:]), *history[k:]]) for drop in range(len(stack))):
            return True
    return False


def test_a_long_loop_restarts_now_and_then_and_not_at_every_step() -> None:
    entry, frames = entered(LOOP, "f(500)")
    assert len(frames) > 1000
    built = prompts(Window(entry, by_character, 4000), frames)
    assert all(by_character(prompt.markup) <= 4000 for prompt in built)
    assert 10 < built[-1].restarts < 60


def test_a_restart_names_every_caller_with_its_line_and_state() -> None:
    entry, frames = entered(RECURSION, "down(12, 'abc')")
    deepest = next(n for n, frame in enumerate(frames) if frame.event is Event.RETURN)
    prompt = Window(entry, by_character, 1900).prompt(frames[: deepest + 1])
    assert prompt.restarts
    calls = [state for event, state, _, _ in told(prompt) if event is Event.CALL and state]
    assert [dict(state)["n"] for state in calls] == [str(n) for n in range(12, -1, -1)]
    assert told(prompt)[0] == (Event.LINE, [], "    return down(12, 'abc')", None)


def test_a_recursion_too_deep_to_show_keeps_its_innermost_calls() -> None:
    entry, frames = entered(RECURSION, "down(300, 'abc')")
    window = Window(entry, by_character, 2000)
    deepest = next(n for n, frame in enumerate(frames) if frame.event is Event.RETURN)
    prompt = window.prompt(frames[: deepest + 1])
    assert by_character(prompt.markup) <= 2000
    shown = [int(dict(state)["n"]) for event, state, _, _ in told(prompt) if event is Event.CALL]
    assert shown == list(range(len(shown) - 1, -1, -1))
    assert len(shown) > 5


def test_callers_that_were_dropped_come_back_when_they_go_on() -> None:
    entry, frames = entered(RECURSION, "down(300, 'abc')")
    window = Window(entry, by_character, 2000)
    for n, frame in enumerate(frames):
        if frame.event is Event.LINE and frame.source.strip() == "return below":
            said = told(window.prompt(frames[: n + 1]))
            assert said[-1] == truth([frame])[0]
            assert [event for event, *_ in said].count(Event.RETURN) <= len(said) // 2


def test_a_caller_with_a_large_state_comes_back_when_its_call_returns() -> None:
    small = "def small(n):\n" + "    m = n\n" * 5 + "    return m\n"
    large = "def large(n):\n    data = 'x' * n\n    y = small(n)\n    return y\n"
    entry, frames = entered(small + large, "large(400)")
    window = Window(entry, by_character, 880)
    inside = next(n for n, frame in enumerate(frames) if frame.source == "    return m")
    caller = truth([stack_of(frames[: inside + 1])[-2].last])[0]
    assert caller not in told(window.prompt(frames[: inside + 1]))
    assert frames[inside + 1].event is Event.RETURN
    after = window.prompt(frames[: inside + 2])
    assert caller in told(after)
    assert after.fits


def test_an_exception_on_its_way_is_told_again_after_a_restart() -> None:
    _, frames = entered(MIXED, "f(2)")
    inside = next(n for n, frame in enumerate(frames) if frame.function == "__exit__" and frame.event is Event.LINE)
    stack = stack_of(frames[: inside + 1])
    assert any(frame.event is Event.EXCEPTION for frame in spine(stack))
    assert truth(spine(stack))[-1] == truth([frames[inside]])[0]


def test_a_state_larger_than_the_budget_does_not_fit() -> None:
    entry, frames = entered("def f(x):\n    y = x * 1000\n    return y\n", "f('abc')")
    window = Window(entry, by_character, 2000)
    assert window.prompt(frames[:4]).fits
    assert "y" in frames[4].locals
    assert not window.prompt(frames[:5]).fits


def test_a_large_state_takes_room_from_the_source() -> None:
    padding = "".join(f"def unused_{i}():\n    return {i}\n" for i in range(20))
    entry, frames = entered(padding + "def f(x):\n    y = x * 400\n    return y\n", "f('abc')")
    window = Window(entry, by_character, 1900)
    assert not window.prompt(frames[:4]).excerpt
    prompt = window.prompt(frames[:5])
    assert prompt.fits and prompt.excerpt
    assert "    return y\n" in shown_source(prompt)
    assert told(prompt)[-1] == truth([frames[4]])[0]


# --- the same history, the same prompt --------------------------------------------------------------------------------


@pytest.mark.parametrize("budget", [1_000_000, 1500])
@pytest.mark.parametrize(("text", "call"), RUNS.values(), ids=RUNS)
def test_going_back_finds_the_identical_prompt(text: str, call: str, budget: int) -> None:
    entry, frames = entered(text, call)
    window = Window(entry, by_character, budget)
    built = prompts(window, frames)
    for n in (len(frames) // 2, 3, len(frames), 1, 0, len(frames) - 2):
        assert window.prompt(frames[:n]) == built[n]
        assert Window(entry, by_character, budget).prompt(frames[:n]) == built[n]


def test_an_edit_is_told_and_what_followed_is_not() -> None:
    entry, frames = entered(LOOP, "f(3)")
    window = Window(entry, by_character, 100_000)
    window.prompt(frames[:4])
    edited = frames[4].replace(locals={**frames[4].locals, "total": "77"}, origin=Origin.EDITED)
    history = [*frames[:4], edited]
    assert told(window.prompt(frames[:5])) == truth(frames[:5])
    assert told(window.prompt(history)) == truth(history)
    assert json.loads(str(window.prompt(history).markup[-4]))["total"] == "77"


def test_what_the_model_wrote_is_sent_back_as_it_wrote_it() -> None:
    entry, frames = entered(LOOP, "f(3)")
    window = Window(entry, by_character, 100_000)
    odd: Markup = (Token.LINE, '{"n":"3"}', Token.ACTION, "    total = 0\n", Token.FRAME)
    assert codec.render(frames[3]) != odd
    window.remember(frames[3], odd)
    prompt = window.prompt(frames[:5])
    start = len(window.prompt(frames[:3]).markup)
    assert prompt.markup[start : start + len(odd)] == odd
    assert window.prompt(frames[:4]).markup[-len(odd) :] == odd


def test_what_the_model_wrote_counts_for_its_own_frame_only() -> None:
    entry, frames = entered(LOOP, "f(3)")
    window = Window(entry, by_character, 100_000)
    odd: Markup = (Token.LINE, '{"n":"3"}', Token.ACTION, "    total = 0\n", Token.FRAME)
    window.remember(frames[3].replace(), odd)
    assert told(window.prompt(frames)) == truth(frames)
    window.remember(frames[3], odd)
    assert odd[1] in window.prompt(frames).markup


def test_a_step_costs_the_same_however_long_the_history_is(monkeypatch: pytest.MonkeyPatch) -> None:
    entry, frames = entered(LOOP, "f(500)")
    rendered = counted = 0
    render = codec.render

    def counting(markup: Markup) -> int:
        nonlocal counted
        counted += 1
        return by_character(markup)

    def rendering(frame: Frame, base: Frame | None = None) -> Markup:
        nonlocal rendered
        rendered += 1
        return render(frame, base)

    monkeypatch.setattr(codec, "render", rendering)
    prompts(Window(entry, counting, 4000), frames)
    assert rendered < 3 * len(frames)
    assert counted < 3 * len(frames)


def test_an_interrupted_prompt_is_built_again() -> None:
    entry, frames = entered(LOOP, "f(20)")
    expected = prompts(Window(entry, by_character, 1500), frames)
    left = 0

    def interrupted(markup: Markup) -> int:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        return by_character(markup)

    for patience in range(1, 60):
        window = Window(entry, interrupted, 1500)
        left = patience
        for n in range(len(frames) + 1):
            try:
                prompt = window.prompt(frames[:n])
            except KeyboardInterrupt:
                prompt = window.prompt(frames[:n])
            assert prompt == expected[n]


# --- long sources -----------------------------------------------------------------------------------------------------

LONG = (
    "".join(f"def unused_{i}(a):\n    b = a + {i}\n    return b\n\n" for i in range(60))
    + "def helper(a):\n    c = a * 2\n    return c\n\n"
    + "".join(f"def more_{i}(a):\n    b = a + {i}\n    return b\n\n" for i in range(60))
    + "def f(n):\n    total = 0\n    for i in range(n):\n        total += helper(i)\n    return total\n"
)


def shown_source(prompt: ModelPrompt) -> str:
    source = prompt.markup[2]
    assert isinstance(source, str)
    return source


def test_an_excerpt_holds_the_active_line_and_those_that_can_follow() -> None:
    entry, frames = entered(LONG, "f(3)")
    window = Window(entry, by_character, 1200)
    program = entry.program
    for n, frame in enumerate(frames):
        prompt = window.prompt(frames[: n + 1])
        assert prompt.excerpt and prompt.fits
        assert by_character(prompt.markup) <= 1200
        code = program.code_at(frame.function, frame.line)
        assert code is not None and frame.line is not None
        for number in {frame.line, *code.after(frame.line).lines}:
            assert program.line(number) + "\n" in shown_source(prompt).replace(f"  {codec.MARKER}", "")


def test_an_excerpt_of_a_long_function_moves_with_the_active_line() -> None:
    entry, frames = entered("def f(a):\n" + "".join(f"    a += {i}\n" for i in range(300)) + "    return a\n", "f(3)")
    window = Window(entry, by_character, 1500)
    for n, (frame, following) in enumerate(pairwise(frames[:90])):
        prompt = window.prompt(frames[: n + 1])
        if frame.event is Event.LINE and following.event is Event.LINE:
            assert frame.source in shown_source(prompt)
            assert following.source in shown_source(prompt)
    assert 2 < prompt.restarts < 20


def test_an_excerpt_keeps_the_order_of_the_lines_and_the_marker() -> None:
    entry, frames = entered(LONG, "f(3)")
    window = Window(entry, by_character, 1200)
    shown = shown_source(window.prompt(frames[:3])).strip("\n").split("\n")
    assert shown.count(f"def main():  {codec.MARKER}") == 1
    numbers = [
        list(entry.program.lines).index(line.removesuffix(f"  {codec.MARKER}")) for line in shown if "def " in line
    ]
    assert numbers == sorted(numbers)


def test_an_excerpt_follows_the_program_and_shows_what_its_lines_call() -> None:
    entry, frames = entered(LONG, "f(3)")
    window = Window(entry, by_character, 1200)
    inside = next(n for n, frame in enumerate(frames) if frame.function == "helper" and frame.event is Event.LINE)
    prompt = window.prompt(frames[: inside + 1])
    assert "def helper(a):\n    c = a * 2\n    return c\n" in shown_source(prompt)
    assert "        total += helper(i)\n" in shown_source(prompt)
    assert "unused_3(" not in shown_source(prompt)
    loop = next(n for n, frame in enumerate(frames) if frame.source.strip().startswith("total +="))
    assert "def helper(a):" in shown_source(window.prompt(frames[: loop + 1]))


def test_a_long_script_is_shown_around_its_active_line() -> None:
    text = "".join(f"x{i} = {i}\n" for i in range(800))
    program = Program.parse(text, "p.py")
    entry = enter(program, at=400)
    assert entry.first is not None
    prompt = Window(entry, by_character, 600).prompt([entry.first])
    assert prompt.excerpt and prompt.fits
    lines = shown_source(prompt).strip("\n").split("\n")
    assert f"x399 = 399  {codec.MARKER}" in lines
    assert {"x398 = 398", "x400 = 400"} <= set(lines)
    assert 10 < len(lines) < 40


def test_a_source_of_one_endless_line_does_not_fit() -> None:
    entry = enter(Program.parse(f"x = '{'a' * 5000}'\n", "p.py"))
    assert entry.first is not None
    assert not Window(entry, by_character, 1000).prompt([entry.first]).fits
