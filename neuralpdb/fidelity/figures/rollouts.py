"""Rollouts: how far the model, or the debugger, on its own followed the real runs, and to which results it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from neuralpdb.fidelity.comparison import Rollout, Step
from neuralpdb.fidelity.figures.shares import Share, Tally
from neuralpdb.fidelity.verdicts import Fidelity
from neuralpdb.trace.frames import Outcome, Trouble, TroubleKind


@dataclass(frozen=True)
class Rollouts:
    """The model or the debugger on its own, over programs.

    programs:                how many have a rollout.
    result_equal:            programs with an equal result, of those whose results can be compared.
    trace_exact:             programs that followed the truth to its end, of those with a frame that can be compared.
    truncated:               programs that a limit stopped.
    diverged:                programs that left the truth.
    first_divergence_median: over the programs that left the truth; None for none.
    matched:                 true frames that were followed, of those that can be compared.
    matched_mean:            mean over programs of the share of matched frames.
    outcomes:                of the true frames.
    """

    programs: int
    result_equal: Share
    trace_exact: Share
    truncated: int
    diverged: int
    first_divergence_median: float | None
    matched: Share
    matched_mean: float | None
    outcomes: Tally


def could_match(rollout: Rollout) -> int:
    """Return how many true frames the rollout could have followed: all but those that cannot be compared."""
    return sum(verdict.fidelity is not Fidelity.EXCLUDED for verdict in rollout.verdicts)


def rollouts(all_rollouts: Sequence[Rollout]) -> Rollouts | None:
    """Count rollouts; None when there are none."""
    if not all_rollouts:
        return None
    results_equal = [each.equal for each in all_rollouts if each.equal is not None]
    diverged = [each.divergence for each in all_rollouts if each.divergence is not None]
    matched = [Share(sum(verdict.right for verdict in each.verdicts), could_match(each)) for each in all_rollouts]
    shares = [share.value for share in matched if share.value is not None]
    exact = [each.exact for each, share in zip(all_rollouts, matched, strict=True) if share.total]
    return Rollouts(
        programs=len(all_rollouts),
        result_equal=Share(sum(results_equal), len(results_equal)),
        trace_exact=Share(sum(exact), len(exact)),
        truncated=sum(map(stopped, all_rollouts)),
        diverged=len(diverged),
        first_divergence_median=median(diverged) if diverged else None,
        matched=Share(sum(share.right for share in matched), sum(share.total for share in matched)),
        matched_mean=sum(shares) / len(shares) if shares else None,
        outcomes=Tally.of(verdict.fidelity for each in all_rollouts for verdict in each.verdicts),
    )


def reached(rollout: Rollout) -> tuple[Step, ...]:
    """Return the true frames that the rollout came to, as steps; its first divergence is the last of them.

    Up to the divergence it has the true frames before it, as a teacher-forced prediction has.
    """
    outcomes: Sequence[Outcome] = (*rollout.frames, rollout.end)
    judged = enumerate(rollout.verdicts, 1)
    return tuple(
        Step(index, outcomes[min(index, len(outcomes) - 1)], verdict)
        for index, verdict in judged
        if verdict.fidelity is not Fidelity.UNREACHED
    )


def stopped(rollout: Rollout) -> bool:
    """Whether a limit ended the rollout before it came to an end of its own."""
    limits = (TroubleKind.TRUNCATED, TroubleKind.TOO_LONG, TroubleKind.UNAVAILABLE)
    return not rollout.complete and isinstance(rollout.end, Trouble) and rollout.end.kind in limits
