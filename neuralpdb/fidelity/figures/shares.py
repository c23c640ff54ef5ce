"""Shares and their certainty: counts of outcomes, Wilson intervals, a bootstrap over programs.

It knows outcomes and numbers, no programs and no frames.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from types import MappingProxyType

from neuralpdb.fidelity.verdicts import RIGHT, WRONG, Fidelity

CONFIDENCE = 0.95
RESAMPLES = 1_000
"""Draws of the bootstrap, enough for each end of the interval to vary by about 2 % of its width from seed to seed."""
SEED = 0
"""Fixed, so that the same comparison gives the same interval."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval; both ends between 0 and 1."""

    low: float
    high: float


@dataclass(frozen=True)
class Share:
    """A count of right tries among all tries. value and interval are None where nothing was tried."""

    right: int
    total: int

    @property
    def value(self) -> float | None:
        return self.right / self.total if self.total else None

    @property
    def interval(self) -> Interval | None:
        """95 % Wilson score interval, as if every try were independent."""
        return wilson(self.right, self.total) if self.total else None


@dataclass(frozen=True)
class Tally:
    """Counts of outcomes. Its share is that of the right among the right and the wrong."""

    counts: Mapping[Fidelity, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", MappingProxyType({each: self.counts.get(each, 0) for each in Fidelity}))

    @classmethod
    def of(cls, outcomes: Iterable[Fidelity]) -> Tally:
        """Count outcomes."""
        return cls(Counter(outcomes))

    @classmethod
    def total(cls, tallies: Iterable[Tally]) -> Tally:
        """Add up tallies."""
        counts: Counter[Fidelity] = Counter()
        for tally in tallies:
            counts.update(tally.counts)
        return cls(counts)

    def __getitem__(self, outcome: Fidelity) -> int:
        return self.counts[outcome]

    @property
    def frames(self) -> int:
        """All frames, also those that count in no share."""
        return sum(self.counts.values())

    @property
    def right(self) -> int:
        return sum(self.counts[each] for each in RIGHT)

    @property
    def wrong(self) -> int:
        return sum(self.counts[each] for each in WRONG)

    @property
    def share(self) -> Share:
        return Share(self.right, self.right + self.wrong)

    @property
    def accuracy(self) -> float | None:
        """right / (right + wrong); None when no frame was right or wrong."""
        return self.share.value

    @property
    def interval(self) -> Interval | None:
        return self.share.interval


def wilson(right: int, total: int, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's score interval (1927) of a share, without continuity correction.

    Raises ValueError unless 0 <= right <= total, 0 < total and 0 < confidence < 1.
    """
    if not 0 <= right <= total or not total or not 0 < confidence < 1:
        raise ValueError(f"no share: {right} of {total} at {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = right / total, z * z / total
    centre = (share + spread / 2) / (1 + spread)
    half = z * sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    low = 0.0 if right == 0 else max(centre - half, 0.0)
    high = 1.0 if right == total else min(centre + half, 1.0)
    return Interval(low, high)


def clustered(shares: Sequence[Share], resamples: int = RESAMPLES, seed: int = SEED) -> Interval | None:
    """Return the 95 % percentile bootstrap interval of the pooled share, drawing whole clusters (programs).

    Clusters are drawn with replacement. Where drawing can change nothing (every try right, or every try wrong) it is
    Wilson's interval with one try a cluster. None for fewer than two clusters that hold a try.
    """
    pairs = [(share.right, share.total) for share in shares if share.total]
    if len(pairs) < 2:
        return None
    right = sum(hit for hit, _ in pairs)
    if right in (0, sum(total for _, total in pairs)):
        return wilson(len(pairs) if right else 0, len(pairs))
    rng = random.Random(seed)
    pooled = sorted(_pooled(rng.choices(pairs, k=len(pairs))) for _ in range(resamples))
    edge = (1 - CONFIDENCE) / 2
    return Interval(quantile(pooled, edge), quantile(pooled, 1 - edge))


def _pooled(pairs: Sequence[tuple[int, int]]) -> float:
    return sum(right for right, _ in pairs) / sum(total for _, total in pairs)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the ordered values lie, linearly between two of them."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share as text, `97.3 %`; `-` for None. Only exactly 1 is written as 100, only exactly 0 as 0."""
    if value is None:
        return "-"
    smallest = 10**-digits
    rounded = round(100 * value, digits)
    if value < 1:
        rounded = min(rounded, 100 - smallest)
    if value > 0:
        rounded = max(rounded, smallest)
    return f"{rounded:.{digits}f} %"


def between(interval: Interval | None, digits: int = 1) -> str:
    """Return both ends of an interval as text, `95.0-98.9 %`; `-` for None."""
    if interval is None:
        return "-"
    return f"{percent(interval.low, digits).removesuffix(' %')}-{percent(interval.high, digits)}"


def plural(count: int, word: str, ending: str = "s") -> str:
    """Return a count with its word, `1 frame`, `1,234 frames`."""
    return f"{count:,} {word}{'' if count == 1 else ending}"
