"""A model beside a true trace: teacher-forced in one prefill, free-running from the first frame it would not write.

The true trace is the draft. One pass over it tells for every frame whether greedy decoding would have written just
that; only the others are decoded, in one batch for each stretch that fits the context. It knows no verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from neuralpdb.engines.base import Completion, Finish, Score
from neuralpdb.engines.tokens import Markup, Token, joined
from neuralpdb.predict import codec
from neuralpdb.predict.predictor import Predictor
from neuralpdb.predict.query import STOP
from neuralpdb.predict.window import ModelPrompt
from neuralpdb.trace.frames import Ended, Frame, FrameSource, Outcome, Trace, Trouble, TroubleKind, same_state


@dataclass(frozen=True)
class TeacherForced:
    """What the model says after a true history. index: of the frame that it predicts.

    follows: it wrote just what the true trace says there, so that its own history is still the true one.
    confidence: the probability it gave to what it wrote, None where that is not known.
    """

    index: int
    outcome: Outcome
    follows: bool
    confidence: float | None = None


@dataclass
class TokenCount:
    """Tokens that were spent. scored: judged in passes over the true text; redone: frames that had to be decoded."""

    scored: int = 0
    prompt: int = 0
    decoded: int = 0
    redone: int = 0


@dataclass
class _Question:
    """One frame to predict.

    draft: the text that the true trace has there. head: the beginning of it that the model writes for certain, with its
    log-probabilities. said: all that the model says, once that is known.
    """

    index: int
    prompt: ModelPrompt
    draft: Markup
    head: Markup = ()
    logprobs: tuple[float, ...] = ()
    said: Completion | None = None


def teacher_forced(predictor: Predictor, truth: Trace, tally: TokenCount | None = None) -> list[TeacherForced]:
    """The prediction of every true frame but the first, and of the end if it is known, each from the true history.

    The outcomes are those of `predictor.next` on every prefix: greedy, one decoded after another. Raises ModelError.
    """
    tally = tally if tally is not None else TokenCount()
    questions = list(_questions(predictor, truth))
    if predictor.engine.capabilities.scores:
        for group in _groups(predictor, questions):
            _score(predictor, group, tally)
            _decode(predictor, group, tally)  # at once, while the engine still holds this stretch
    _decode(predictor, questions, tally)
    frames = truth.frames
    return [_settled(predictor, question, frames) for question in questions]


def free_running(predictor: Predictor, truth: Trace, forced: Sequence[TeacherForced], most: int) -> Trace:
    """The model on its own from the first frame on, at most `most` frames: as `rollout`, but begun with what is known.

    forced: what `teacher_forced` returned; it holds the beginning, up to and with the first frame that does not follow.
    """
    history = [truth.frames[0]]
    for each in forced:
        if not isinstance(each.outcome, Frame):
            return Trace(tuple(history), each.outcome)
        history.append(each.outcome)
        if len(history) >= most or not each.follows:
            break
    return rollout(predictor, history, most)


def rollout(source: FrameSource, history: Sequence[Frame], most: int) -> Trace:
    """`history` and what `source` says after it, frame by frame, until it ends or there are `most` frames."""
    frames = list(history)
    while len(frames) < most:
        outcome = source.next(frames)
        if not isinstance(outcome, Frame):
            return Trace(tuple(frames), outcome)
        frames.append(outcome)
    return Trace(tuple(frames), Trouble(TroubleKind.TRUNCATED, f"limit of {most:,} frames"))


def _questions(predictor: Predictor, truth: Trace) -> Iterator[_Question]:
    base: Frame | None = None
    frames = truth.frames
    for index in range(1, len(frames) + 1):
        base = codec.next_base(base, frames[index - 1])
        if index < len(frames):
            draft = codec.render(frames[index], base)
        elif isinstance(truth.end, Ended):
            draft = (Token.END,)
        else:
            return
        yield _Question(index, predictor.prompt(frames[:index]), draft)


def _groups(predictor: Predictor, questions: Sequence[_Question]) -> Iterator[list[_Question]]:
    """Questions that one pass can answer: each prompt is the one before and its draft, and all of it fits."""
    context = predictor.engine.capabilities.context
    size = predictor.window.size
    group: list[_Question] = []
    room = 0
    for question in questions:
        if group and not (_continues(group[-1], question) and size(question.draft) <= room):
            yield group
            group = []
        if not group:
            if not question.prompt.fits:
                continue
            room = context - predictor.engine.count(question.prompt.markup)
            if size(question.draft) > room:
                continue
        group.append(question)
        room -= size(question.draft)
    if group:
        yield group


def _continues(before: _Question, after: _Question) -> bool:
    return after.prompt.markup == before.prompt.markup + before.draft


def _score(predictor: Predictor, group: Sequence[_Question], tally: TokenCount) -> None:
    """Judge the drafts of a group; those that greedy decoding writes for certain are taken as said."""
    engine = predictor.engine
    text = tuple(piece for question in group for piece in question.draft)
    score = engine.score(group[0].prompt.markup, [text])[0]
    tally.scored += len(score.logprobs)
    first, piece = 0, 0
    for question in group:
        piece += len(question.draft)
        last = score.ends[piece - 1]
        certain = _certain(score, first, last, engine.capabilities.tolerance)
        logprobs = score.logprobs[first : first + certain]
        if certain == last - first:
            question.said = Completion(question.draft, Finish.STOP, logprobs)
        else:
            question.head = engine.head(question.prompt.markup, question.draft, certain)
            question.logprobs = logprobs if question.head else ()
        first = last


def _certain(score: Score, first: int, last: int, tolerance: float) -> int:
    """How many tokens from `first` on, before `last`, greedy decoding writes however its arithmetic differs."""
    places = range(first, last)
    doubtful = (i for i in places if not (score.greedy[i] and score.margins[i] >= tolerance))
    return next(doubtful, last) - first


def _decode(predictor: Predictor, questions: Sequence[_Question], tally: TokenCount) -> None:
    """Ask for the frames that nothing has decided, all in one batch."""
    asked = [question for question in questions if question.said is None and question.prompt.fits]
    if not asked:
        return
    prompts = [question.prompt.markup + question.head for question in asked]
    replies = predictor.engine.complete(prompts, stop=STOP, max_tokens=predictor.frame_tokens)
    for question, reply in zip(asked, replies, strict=True):
        question.said = _joined(question, reply, predictor.frame_tokens)
        tally.redone += 1
        tally.prompt += reply.prompt_tokens - reply.cached_tokens
        tally.decoded += len(reply.logprobs)


def _joined(question: _Question, reply: Completion, limit: int) -> Completion:
    """What the model says from the start of the frame on: the certain head, then `reply`; cut off beyond `limit`."""
    text = joined(question.head, reply.text)
    logprobs = question.logprobs + reply.logprobs
    return Completion(text, Finish.LENGTH if len(logprobs) > limit else reply.finish, logprobs)


def _settled(predictor: Predictor, question: _Question, frames: Sequence[Frame]) -> TeacherForced:
    """The frame that the predictor makes of what was said."""
    outcome = predictor.next(frames[: question.index], said=question.said)
    follows = predictor.written in (None, question.draft) and _is_true(outcome, question.index, frames)
    return TeacherForced(question.index, outcome, follows, predictor.confidence)


def _is_true(outcome: Outcome, index: int, frames: Sequence[Frame]) -> bool:
    if index == len(frames):
        return isinstance(outcome, Ended)
    return isinstance(outcome, Frame) and same_state(outcome, frames[index])
