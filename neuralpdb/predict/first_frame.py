"""The first frame of a function that is entered without arguments: the model invents them."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from neuralpdb.engines.base import Sampling
from neuralpdb.engines.tokens import Markup, Token
from neuralpdb.predict.query import STOP, Query
from neuralpdb.trace.values import EvaluationError, literal

START_TOKENS = 120
"""Most tokens of a start, or of a parameter, that the model invents."""

LONGEST_INVENTION = 80
"""Characters of an invented value; a longer one comes from a model that runs on."""

COMMON_LITERALS = (
    *("0", "1", "2", "3", "5", "10", "-1", "2.5", "True", "None", "''", "'a'", "'abc'", "'hello world'"),
    *("[]", "[1, 2, 3]", "[3, 1, 2]", "['a', 'b']", "{}", "{'a': 1, 'b': 2}", "(1, 2)"),
)
"""Candidates for a parameter that a model cannot invent: it takes the one it finds likeliest."""

LITERAL_TEMPERATURE = 3.0
"""Temperature of draws among these literals: nearly even, as a model that cannot invent has little to say."""


class MissingValue(Exception):
    """A parameter for which the model writes no literal and cannot weigh any."""


def invent(query: Query, prompt: Markup, names: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return a repr text for every parameter of `names`: the one that is given, or one that the model invents.

    Raises MissingValue with the parameter's name, ModelError.
    """
    state: dict[str, str] = {}
    for name in names:
        if given.get(name):
            state[name] = given[name]
            continue
        earlier = "".join(f"{json.dumps(key)}: {json.dumps(value)}, " for key, value in state.items())
        start = (*prompt, Token.CALL, "{" + earlier + json.dumps(name)[:-1])  # the model writes the closing quote
        value = _written(query, start)
        if value is None and not query.engine.capabilities.scores:
            raise MissingValue(name)
        if value is None:
            value, query = _likeliest(query, start)
        state[name] = value
    return state


def _written(query: Query, start: Markup) -> str | None:
    """Return the literal that the model writes, if it is one."""
    markup, _ = query.ask(start, frozenset({Token.ACTION, *STOP}))
    text = next((piece for piece in markup if isinstance(piece, str)), "")
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text.removeprefix('": '))
        literal(value)
    except (ValueError, EvaluationError, TypeError):
        return None
    return str(value) if len(value) <= LONGEST_INVENTION else None


def _likeliest(query: Query, start: Markup) -> tuple[str, Query]:
    """Return one of the common literals, and the query that asks for the next one.

    The literal is the likeliest by the mean of its tokens, or drawn by chance where the query is a draw.
    """
    means = query.means(start, [(f'": {json.dumps(value)}',) for value in COMMON_LITERALS])
    if not query.sampling.temperature:
        return COMMON_LITERALS[means.index(max(means))], query
    weights = [math.exp((mean - max(means)) / LITERAL_TEMPERATURE) for mean in means]
    drawn = Sampling(query.sampling.temperature, query.sampling.seed + 1_000_003)  # the next one differs
    return random.Random(drawn.seed).choices(COMMON_LITERALS, weights)[0], replace(query, sampling=drawn)
