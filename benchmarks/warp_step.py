"""Points a second of one training step of the decoder, for the two warps and the published form, in one run.

A step is the forward pass, the four losses, the backward pass and a fused Adam step, on 16 shapes of 512 points with a
latent of 64. The forms take turns, round by round, and the best round of each counts: other load on the machine then
falls on all of them alike. "bf16" is the same step under torch.autocast. The published form feeds the latent to
nn.LSTMCell again for each point and evaluates everything in one piece.

    PYTHONPATH=src python benchmarks/warp_step.py [rounds, default 6] [numbers of threads, default 1 2]
"""

import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from itertools import pairwise

import torch
from torch import Tensor, nn

from urform.losses import latent_norm_loss, pointpair_loss, pointwise_loss, reconstruction_loss
from urform.models import KEPT_STEPS, Decoder, LstmWarp, MlpWarp, Template

SHAPES, POINTS, LATENT = 16, 512, 64


class PublishedForm(nn.Module):
    """The published decoder, written down directly."""

    def __init__(self, hidden_size: int, steps: int = 8):
        super().__init__()
        self.steps = steps
        self.lstm = nn.LSTMCell(LATENT + 3, hidden_size)
        self.affine = nn.Linear(hidden_size, 6)
        sizes = [3, *[hidden_size] * 5]
        layers = []
        for before, after in pairwise(sizes):
            layers += [nn.utils.parametrizations.weight_norm(nn.Linear(before, after)), nn.ReLU()]
        self.template = nn.Sequential(*layers, nn.Linear(hidden_size, 1), nn.Tanh())

    def progressive(self, points: Tensor, latent: Tensor) -> tuple[Tensor, Tensor]:
        x = points.reshape(-1, 3)
        latent = latent.repeat_interleave(points.shape[1], dim=0)
        state, kept = None, []
        for i in range(1, self.steps + 1):
            state = self.lstm(torch.cat([latent, x], dim=1), state)
            affine = self.affine(state[0])
            x = x * (1 + affine[:, :3]) + affine[:, 3:]
            if i % (self.steps // KEPT_STEPS) == 0:
                kept.append(x)
        sdf = torch.stack([self.template(x) for x in kept])
        return torch.stack(kept).view(-1, *points.shape), sdf.view(-1, *points.shape[:2])


def training_step(decoder: Decoder | PublishedForm, low_precision: bool = False) -> Callable[[], None]:
    latent = nn.Parameter(torch.randn(SHAPES, LATENT) / LATENT**0.5)
    optimizer = torch.optim.Adam([*decoder.parameters(), latent], lr=1e-4, fused=True)
    points, target_sdf = torch.rand(SHAPES, POINTS, 3) * 2 - 1, 0.1 * torch.randn(SHAPES, POINTS)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16) if low_precision else nullcontext():
            canonical_points, sdf = decoder.progressive(points, latent)
        loss = reconstruction_loss(sdf, target_sdf) + 0.005 * pointwise_loss(canonical_points, points)
        loss = loss + 2e-5 * pointpair_loss(canonical_points[-1], points) + 1e-4 * latent_norm_loss(latent)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def forms() -> dict[str, Callable[[], None]]:
    def template(width: int, dropout: float = 0.0) -> Template:
        return Template((width,) * 5, dropout=dropout)

    steps = {"published form, LSTM 128": training_step(PublishedForm(128))}
    steps["published form, LSTM 64"] = training_step(PublishedForm(64))
    for hidden_size in (128, 64):
        for low in (False, True):
            decoder = Decoder(LstmWarp(LATENT, hidden_size), template(hidden_size))
            steps[f"LstmWarp {hidden_size}{', bf16' if low else ''}"] = training_step(decoder, low)
    for width in (128, 96):
        for low in (False, True):
            decoder = Decoder(MlpWarp(LATENT, width), template(width))
            steps[f"MlpWarp {width}{', bf16' if low else ''}"] = training_step(decoder, low)
    steps["MlpWarp 96, dropout 0.05"] = training_step(Decoder(MlpWarp(LATENT, 96), template(96, dropout=0.05)))
    return steps


def measure(threads: int, rounds: int) -> None:
    """Prints a table of all forms."""
    torch.set_num_threads(threads)
    # On one thread the processor's time is the wall time of a free machine, whatever else runs.
    clock = time.process_time if threads == 1 else time.perf_counter
    steps = forms()
    best = dict.fromkeys(steps, float("inf"))
    for _ in range(rounds):
        for name, step in steps.items():
            start = clock()
            step()
            best[name] = min(best[name], clock() - start)
    first = next(iter(best.values()))
    print(f"\n{threads} threads{'':18s} k points/s   times the first line")
    for name, elapsed_s in best.items():
        print(f"{name:30s}{SHAPES * POINTS / elapsed_s / 1e3:7.1f}{first / elapsed_s:17.1f}", flush=True)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    torch.manual_seed(0)
    for threads in [int(a) for a in sys.argv[2:]] or (1, 2):
        measure(threads, rounds)


if __name__ == "__main__":
    main()
