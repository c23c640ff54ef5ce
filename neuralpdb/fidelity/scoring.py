"""Predictions along a true trace: teacher-forced in one prefill, and free-running from the first frame that differs.

The true trace is the draft. One pass over it shows for every frame whether greedy decoding would have written just
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
    """The prediction of one frame from the true history before it.

    index:      of the frame that is predicted.
    outcome:    the predicted frame, end or trouble.
    follows:    the model wrote just what the true trace has there, so that its own history is still the true one.
    confidence: probability that the model gave to what it wrote; None where that is not known.
    """

    index: int
    outcome: Outcome
    follows: bool
    confidence: float | None = None


@dataclass
class TokenCount:
    """Tokens that a comparison spent.

    scored:  judged in passes over the true text.
    prompt:  further tokens read.
    decoded: written one by one.
    redone:  frames (not tokens) that had to be decoded.
    """

    scored: int = 0
    prompt: int = 0
    decoded: int = 0
    redone: int = 0


@dataclass
class _Question:
    """One frame to predict.

    draft:    the text that the true trace has there.
    head:     the beginning of the draft that the model writes for certain.
    logprobs: log-probabilities of the tokens of the head.
    reply:    the whole text of the model, once it is known.
    """

    index: int
    prompt: ModelPrompt
    draft: Markup
    head: Markup = ()
    logprobs: tuple[float, ...] = ()
    reply: Completion | None = None


def teacher_forced(predictor: Predictor, truth: Trace, spent: TokenCount | None = None) -> list[TeacherForced]:
    """Predict every true frame but the first, and the end if it is known, each from the true history.

    The outcomes are those of `predictor.next` on every prefix: greedy, one decoded after another. Raises ModelError.
    """
    spent = spent if spent is not None else TokenCount()
    questions = list(_questions(predictor, truth))
    if predictor.engine.capabilities.scores:
        for group in _groups(predictor, questions):
            _score(predictor, group, spent)
            _decode(predictor, group, spent)  # at once, while the engine still holds this stretch
    _decode(predictor, questions, spent)
    frames = truth.frames
    return [_settled(predictor, question, frames) for question in questions]


def free_running(predictor: Predictor, truth: Trace, forced: Sequence[TeacherForced], most: int) -> Trace:
    """Let the model run on its own from the first frame on, for at most `most` frames.

    Equals `rollout`, without asking again for what is known.
    forced: the result of `teacher_forced`; it holds the beginning, up to and with the first frame that does not follow.
    """
    history = [truth.frames[0]]
    for prediction in forced:
        if not isinstance(prediction.outcome, Frame):
            return Trace(tuple(history), prediction.outcome)
        history.append(prediction.outcome)
        if len(history) >= most or not prediction.follows:
            break
    return rollout(predictor, history, most)


def rollout(source: FrameSource, history: Sequence[Frame], most: int) -> Trace:
    """Return `history` and what `source` predicts after it, until it ends or there are `most` frames."""
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
    """Yield groups of questions that one pass can answer.

    In a group each prompt is the prompt of the question before it plus its draft, and all of them fit the context.
    """
    context = predictor.engine.capabilities.context
    size = predictor.window.size
    group: list[_Question] = []
    free_tokens = 0
    for question in questions:
        continues = group and question.prompt.markup == group[-1].prompt.markup + group[-1].draft
        if group and not (continues and size(question.draft) <= free_tokens):
            yield group
            group = []
        if not group:
            if not question.prompt.fits:
                continue
            free_tokens = context - predictor.engine.count(question.prompt.markup)
            if size(question.draft) > free_tokens:
                continue
        group.append(question)
        free_tokens -= size(question.draft)
    if group:
        yield group


def _score(predictor: Predictor, group: Sequence[_Question], spent: TokenCount) -> None:
    """Judge the drafts of a group; a draft that greedy decoding writes for certain is taken as the reply."""
    engine = predictor.engine
    text = tuple(piece for question in group for piece in question.draft)
    score = engine.score(group[0].prompt.markup, [text])[0]
    spent.scored += len(score.logprobs)
    first, piece = 0, 0
    for question in group:
        piece += len(question.draft)
        last = score.ends[piece - 1]
        certain = _certain(score, first, last, engine.capabilities.tolerance)
        logprobs = score.logprobs[first : first + certain]
        if certain == last - first:
            question.reply = Completion(question.draft, Finish.STOP, logprobs)
        else:
            question.head = engine.head(question.prompt.markup, question.draft, certain)
            question.logprobs = logprobs if question.head else ()
        first = last


def _certain(score: Score, first: int, last: int, tolerance: float) -> int:
    """Return how many tokens from `first` on, before `last`, greedy decoding writes however its arithmetic differs."""
    places = range(first, last)
    doubtful = (i for i in places if not (score.greedy[i] and score.margins[i] >= tolerance))
    return next(doubtful, last) - first


def _decode(predictor: Predictor, questions: Sequence[_Question], spent: TokenCount) -> None:
    """Ask for the frames that nothing has decided, all in one batch."""
    open_questions = [question for question in questions if question.reply is None and question.prompt.fits]
    if not open_questions:
        return
    prompts = [question.prompt.markup + question.head for question in open_questions]
    replies = predictor.engine.complete(prompts, stop=STOP, max_tokens=predictor.frame_tokens)
    for question, reply in zip(open_questions, replies, strict=True):
        question.reply = _joined(question, reply, predictor.frame_tokens)
        spent.redone += 1
        spent.prompt += reply.prompt_tokens - reply.cached_tokens
        spent.decoded += len(reply.logprobs)


def _joined(question: _Question, reply: Completion, limit: int) -> Completion:
    """Return the model's text of the whole frame: the certain head, then `reply`; cut off beyond `limit` tokens."""
    text = joined(question.head, reply.text)
    logprobs = question.logprobs + reply.logprobs
    return Completion(text, Finish.LENGTH if len(logprobs) > limit else reply.finish, logprobs)


def _settled(predictor: Predictor, question: _Question, frames: Sequence[Frame]) -> TeacherForced:
    """Return the prediction that the predictor makes of the reply."""
    outcome = predictor.next(frames[: question.index], reply=question.reply)
    follows = predictor.written in (None, question.draft) and _is_true(outcome, question.index, frames)
    return TeacherForced(question.index, outcome, follows, predictor.confidence)


def _is_true(outcome: Outcome, index: int, frames: Sequence[Frame]) -> bool:
    if index == len(frames):
        return isinstance(outcome, Ended)
    return isinstance(outcome, Frame) and same_state(outcome, frames[index])
