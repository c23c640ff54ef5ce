"""A trial of this machine's arithmetic: whether rows get the bits together that each of them gets alone.

That a kernel computes the rows of a matrix alike, however many there are and however many threads share them, is how
some are made, no promise. A difference in the last bit of an fp32 number mostly vanishes in the bf16 numbers that come
after it, and shows once in hundreds of tokens; so every step is tried by itself, on numbers that leave nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Step = Callable[[slice], torch.Tensor]
"""From which rows to what a step makes of them, one row each."""


def alike(step: Step, n: int, threads: int) -> bool:
    """Whether the first `n` rows have the bits in one pass that they have alone, on one thread; three are looked at."""
    torch.set_num_threads(threads)
    together = step(slice(0, n))
    torch.set_num_threads(1)
    return all(torch.equal(together[i : i + 1], step(slice(i, i + 1))) for i in {0, n // 2, n - 1})


def cancelling(weights: torch.Size, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a matrix of the shape `weights`, of small integers, and `n` rows whose products with it are zero.

    What comes out is nothing but rounding: a sum in another order gives another result, and not only in its last bit.
    """
    size = weights[1]
    half = size // 2
    order = torch.randperm(size, generator=generator)
    one, other = order[:half], order[half : 2 * half]
    matrix, rows = torch.zeros(weights), torch.zeros(n, size)
    matrix[:, one] = torch.randint(-127, 128, (weights[0], half), generator=generator).float()
    matrix[:, other] = -matrix[:, one]
    # Of very different size, so that every sum of two is rounded; bf16 numbers, as the int8 kernel would make them.
    numbers = torch.randn(n, half, generator=generator) * torch.randn(n, half, generator=generator).mul_(4).exp_()
    rows[:, one] = rows[:, other] = numbers.bfloat16().float()
    return matrix, rows
