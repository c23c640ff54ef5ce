"""Optimisers: Muon for the matrices of the layers, AdamW for the others, and the learning rate over a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

ADAM_SHARE = 0.5
"""AdamW's learning rate as a share of Muon's."""


def orthogonal(matrices: Tensor) -> Tensor:
    """Return each matrix of a stack [k, a, b] with its singular values pushed towards 1, in bf16 on a GPU.

    Five quintic Newton-Schulz steps with the coefficients of Keller Jordan's Muon.
    """
    x = matrices.bfloat16() if matrices.device.type == "cuda" else matrices
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    result: Tensor = x.mT if tall else x
    return result


class Muon(torch.optim.Optimizer):
    """Momentum orthogonalised by Newton-Schulz; matrices of one shape are updated as one stack.

    The update has the root mean square of an Adam step (0.2 * sqrt(longer side)), so both share a learning rate.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.1
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault(p.shape, []).append(p)
            for shape, params in shapes.items():
                self._update(params, shape, group)

    def _update(self, params: list[Tensor], shape: torch.Size, group: dict[str, Any]) -> None:
        for p in params:
            if "momentum" not in self.state[p]:
                self.state[p]["momentum"] = torch.zeros_like(p)
        gradients = [p.grad for p in params if p.grad is not None]
        buffers = [self.state[p]["momentum"] for p in params]
        torch._foreach_lerp_(buffers, gradients, 1 - group["momentum"])
        nesterov = torch.stack(gradients).lerp(torch.stack(buffers), group["momentum"])
        updates = orthogonal(nesterov).float() * (0.2 * math.sqrt(max(shape)))
        torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(params, list(updates.unbind(0)), alpha=-group["lr"])


class Optimisers:
    """Both optimisers of a model as one."""

    def __init__(self, model: nn.Module, lr: float) -> None:
        named = list(model.named_parameters())
        matrices = [p for name, p in named if p.ndim == 2 and "layers" in name]
        others = [p for name, p in named if not (p.ndim == 2 and "layers" in name)]
        fused = others[0].device.type == "cuda"
        self.muon = Muon(matrices, lr)
        self.adam = torch.optim.AdamW(others, lr=lr * ADAM_SHARE, betas=(0.9, 0.95), weight_decay=0.0, fused=fused)

    def step(self, lr: float) -> None:
        """Update once with learning rate `lr` (Muon's), then drop the gradients."""
        for group in self.muon.param_groups:
            group["lr"] = lr
        for group in self.adam.param_groups:
            group["lr"] = lr * ADAM_SHARE
        self.muon.step()
        self.adam.step()
        self.muon.zero_grad(set_to_none=True)
        self.adam.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Any]:
        """Return the state that a resumed run needs."""
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])


def rate(peak: float, step: int, done: float, warm_up: int, flat: float) -> float:
    """Return the learning rate: linear over `warm_up` steps, flat until the share `flat` of the run, then linear to 0.

    step: from 0.
    done: share of the run that is over, 0 to 1.
    """
    falling = 1.0 if done < flat else max(0.0, (1 - done) / (1 - flat))
    return peak * min(1.0, (step + 1) / max(1, warm_up)) * falling
