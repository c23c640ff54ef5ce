"""Prompt texts: prompts and traces as an engine gets them."""

from __future__ import annotations

from neuralpdb.engines.tokens import Markup, Token

SOURCE = """
def f(s):
    n = 0
    for c in s:
        if c == "a":
            n += 1
    return n

def main():  # << START_OF_TRACE
    return f("ba")
"""
PROMPT: Markup = (
    *(Token.BEGIN, Token.CONTEXT, SOURCE, Token.FRAME),
    *(Token.CALL, "{}", Token.ACTION, "def main():\n", Token.FRAME),
)
TRACE = """\
<|line_sep|>{}<|action_sep|>    return f("ba")
<|frame_sep|><|call_sep|>{"s": "'ba'"}<|action_sep|>def f(s):
<|frame_sep|><|line_sep|>{"s": ".."}<|action_sep|>    n = 0
<|frame_sep|><|line_sep|>{"s": "..", "n": "0"}<|action_sep|>    for c in s:
<|frame_sep|><|line_sep|>{"s": "..", "n": "..", "c": "'b'"}<|action_sep|>        if c == "a":
<|frame_sep|><|line_sep|>{"s": "..", "n": "..", "c": ".."}<|action_sep|>    for c in s:
<|frame_sep|><|line_sep|>{"s": "..", "n": "..", "c": "'a'"}<|action_sep|>        if c == "a":
<|frame_sep|><|line_sep|>{"s": "..", "n": "..", "c": ".."}<|action_sep|>            n += 1
<|frame_sep|><|line_sep|>{"s": "..", "n": "1", "c": ".."}<|action_sep|>    for c in s:
<|frame_sep|><|line_sep|>{"s": "..", "n": "..", "c": ".."}<|action_sep|>    return n
<|frame_sep|><|return_sep|><|action_sep|>    return n
<|arg_sep|>"1"<|frame_sep|><|return_sep|><|action_sep|>    return f("ba")
<|arg_sep|>"1"<|frame_sep|><|end_of_text|>"""
