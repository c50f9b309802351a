"""One training step of the decoder beside the published form of the same network: speed, gradients, memory.

A step is the forward pass, the four losses, the backward pass and a fused Adam step. The published form feeds the
latent to nn.LSTMCell again for each point and evaluates the batch in one piece. Forms take turns, round by round, and
the best round of each counts, so that other load on the machine falls on all of them alike.

`small` runs on its own batch of 16 x 128 points beside an LSTM of the same width, latent and template; `published` on
8 x 512 points, for its own 24 x 5,000 take more memory than most machines have in one piece (see the last table).
Gradients are compared on the network of the preset `published` with the LSTM of either size, weights copied over. The
profile adds up the time spent in each kind of operation; a large square matrix product in the same run is the limit.

    python benchmarks/train_step.py [threads, default 1] [rounds, default 8]
"""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from urform.config import PRESETS, WITHOUT, ModelConfig, pair_weight_of_sum
from urform.losses import latent_norm_loss, pointpair_loss, pointwise_loss, reconstruction_loss
from urform.models import KEPT_STEPS
from urform.weights import build_decoder

BATCHES = {"small": (16, 128), "published": (8, 512)}  # shapes, points of each
MEMORY_BATCHES = {"small": (16, 128), "published": (24, 250)}
ACCUMULATE = (1, 2, 4, 8)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
KINDS = {
    "matrix products": ("mm", "bmm", "addmm", "baddbmm"),
    "gates, activations": ("sigmoid", "tanh", "relu", "threshold", "sigmoid_backward", "tanh_backward", "dropout"),
    "sines, cosines": ("sin", "cos"),
    "products, sums": ("mul", "add", "addcmul", "sub", "div", "sum", "neg", "abs", "sign", "clamp", "norm", "linalg"),
    "copies": ("cat", "copy", "stack", "clone", "fill", "zero", "empty", "split", "slice", "select", "as_strided"),
    "optimizer": ("_fused_adam", "optimizer"),
}


class PublishedForm(nn.Module):
    """The published decoder, written down directly."""

    def __init__(self, config: ModelConfig, steps: int = 8):
        super().__init__()
        self.steps = steps
        self.lstm = nn.LSTMCell(config.latent_size + 3, config.warp_width)
        self.affine = nn.Linear(config.warp_width, 6)
        layers = []
        for before, after in pairwise((3, *config.dims)):
            linear = nn.utils.parametrizations.weight_norm(nn.Linear(before, after))
            layers += [linear, nn.ReLU(), nn.Dropout(config.dropout)]
        self.template = nn.Sequential(*layers, nn.Linear(config.dims[-1], 1), nn.Tanh())

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

    def beside(self, decoder: Any) -> list[tuple[Tensor, Tensor]]:
        """Each parameter beside that of our form of the same network."""
        pairs: list[tuple[Tensor, Tensor]] = [*zip(self.lstm.parameters(), decoder.warp.lstm.parameters(), strict=True)]
        pairs += zip(self.affine.parameters(), decoder.warp.affine.parameters(), strict=True)
        linears = [module for module in self.template if isinstance(module, nn.Linear)]
        for i, linear in enumerate(linears):
            source = getattr(decoder.template, f"lin{i}")
            pairs.append((linear.bias, source.bias))
            if i + 1 < len(linears):
                for name, factor in (("original0", source.weight_g), ("original1", source.weight_v)):
                    pairs.append((linear.get_parameter(f"parametrizations.weight.{name}"), factor))
            else:
                pairs.append((linear.weight, source.weight))
        return pairs


class Step:
    """A training step on random points."""

    def __init__(self, decoder: Any, config: ModelConfig, batch: tuple[int, int], low_precision: bool = False):
        shapes, points = batch
        generator = torch.Generator().manual_seed(0)
        self.decoder, self._low_precision = decoder.to(DEVICE), low_precision
        self.latent = nn.Parameter((torch.randn(shapes, config.latent_size, generator=generator) / 10).to(DEVICE))
        self._points = (torch.rand(shapes, points, 3, generator=generator) * 2 - 1).to(DEVICE)
        self._target_sdf = (0.1 * torch.randn(shapes, points, generator=generator)).to(DEVICE)
        self._optimizer = torch.optim.Adam([*decoder.parameters(), self.latent], lr=1e-6, fused=True)

    def backward(self, parts: int = 1) -> None:
        self._optimizer.zero_grad()
        pieces = zip(*(x.tensor_split(parts) for x in (self._points, self._target_sdf, self.latent)), strict=True)
        for points, target_sdf, latent in pieces:
            with torch.autocast(DEVICE, torch.bfloat16, enabled=self._low_precision):
                canonical_points, sdf = self.decoder.progressive(points, latent)[:2]
            loss = reconstruction_loss(sdf, target_sdf) + 0.005 * pointwise_loss(canonical_points, points)
            pair_weight = pair_weight_of_sum(2e-5, points.shape[1])
            loss = loss + pair_weight * pointpair_loss(canonical_points[-1], points) + 1e-4 * latent_norm_loss(latent)
            (loss * len(points) / len(self._points)).backward()

    def __call__(self) -> None:
        self.backward()
        self._optimizer.step()
        if DEVICE == "cuda":
            torch.cuda.synchronize()


def build(config: ModelConfig, published_form: bool = False) -> nn.Module:
    return PublishedForm(config) if published_form else build_decoder(config)


def lstm_twin(preset: str) -> ModelConfig:
    """The published network with the sizes of a preset."""
    return replace(PRESETS[preset], warp="lstm", warp_steps=8, **WITHOUT)


def best_times(steps: dict[str, Callable[[], None]], rounds: int, threads: int) -> dict[str, float]:
    # On one thread the processor's time is the wall time of a free machine, whatever else runs.
    clock = time.process_time if threads == 1 and DEVICE == "cpu" else time.perf_counter
    best = dict.fromkeys(steps, float("inf"))
    for number in range(rounds + 1):  # the first warms up
        for name, step in steps.items():
            start = clock()
            step()
            if number:
                best[name] = min(best[name], clock() - start)
    return best


def matmul_limit(rounds: int, threads: int) -> float:
    """Floating point operations a second of a large matrix product in 32 bits."""
    size = 1024 if DEVICE == "cpu" else 8192
    one, other = torch.rand(size, size, device=DEVICE), torch.rand(size, size, device=DEVICE)

    def product() -> None:
        _ = one @ other
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    return 2 * size**3 / best_times({"product": product}, rounds, threads)["product"]


def measure_speed(preset: str, rounds: int, threads: int) -> None:
    config, batch = PRESETS[preset], BATCHES[preset]
    steps = {
        "published form": Step(build(lstm_twin(preset), published_form=True), config, batch),
        "ours, the same LSTM": Step(build(lstm_twin(preset)), config, batch),
        f"ours, preset {preset}": Step(build(config), config, batch),
        f"ours, preset {preset}, bf16": Step(build(config), config, batch, low_precision=True),
    }
    if preset == "published":  # its warp is that LSTM
        del steps[f"ours, preset {preset}"]
    times, count = best_times(steps, rounds, threads), batch[0] * batch[1]
    first = times["published form"]
    print(f"\n{preset}: {batch[0]} x {batch[1]} points a step, {threads} threads, {DEVICE}")
    print(f"{'':32s}  k points/s   times the published form")
    for name, elapsed_s in times.items():
        print(f"{name:32s}{count / elapsed_s / 1e3:12.1f}{first / elapsed_s:16.2f}", flush=True)
    limit = matmul_limit(rounds, threads)
    for name in ("published form", list(steps)[-2]):
        with FlopCounterMode(display=False) as counter:
            steps[name].backward()
        reached = counter.get_total_flops() / times[name]
        print(
            f"{name}: {counter.get_total_flops() / 1e9:.2f} GFLOP of products a step, {reached / 1e9:.1f} GFLOP/s, "
            f"{100 * reached / limit:.0f} % of a large product's {limit / 1e9:.0f} GFLOP/s"
        )
    print_profile(list(steps)[-2], steps[list(steps)[-2]])


def print_profile(name: str, step: Callable[[], None]) -> None:
    activity = ProfilerActivity.CUDA if DEVICE == "cuda" else ProfilerActivity.CPU
    with profile(activities=[activity]) as profiler:
        for _ in range(3):
            step()
    spent: dict[str, float] = {}
    for event in profiler.key_averages():
        operation = event.key.removeprefix("aten::").rstrip("_").lower()
        kind = next((kind for kind, names in KINDS.items() if operation.startswith(names)), "rest")
        own = event.self_device_time_total if DEVICE == "cuda" else event.self_cpu_time_total
        spent[kind] = spent.get(kind, 0.0) + own
    total = sum(spent.values())
    shares = sorted(spent.items(), key=lambda item: -item[1])
    print(f"{name}, where the time goes: " + ", ".join(f"{kind} {100 * own / total:.0f} %" for kind, own in shares))


def _difference(their: Tensor | None, our: Tensor | None) -> float:
    """Largest difference of two gradients, as a share of the largest entry."""
    assert their is not None
    assert our is not None
    return ((their - our).abs().max() / their.abs().max()).item()


def compare_gradients() -> None:
    # In 64 bits: in 32, a sample that rounding moves across a kink of the clamped loss changes what others hide.
    torch.set_default_dtype(torch.float64)
    print("\nlargest difference of a gradient, as a share of the largest entry of its tensor, in 64 bits:")
    for preset in PRESETS:
        config = replace(lstm_twin(preset), dropout=0.0)
        ours, theirs = build(config), PublishedForm(config)
        pairs = theirs.beside(ours)
        with torch.no_grad():
            for their, our in pairs:
                their.copy_(our)
        steps = [Step(decoder, config, (4, 64)) for decoder in (theirs, ours)]
        for step in steps:
            step.backward()
        pairs.append((steps[0].latent, steps[1].latent))
        differences = [_difference(their.grad, our.grad) for their, our in pairs]
        print(f"LSTM of width {config.warp_width}: {max(differences):.1e} ({len(differences)} tensors)")
    torch.set_default_dtype(torch.float32)


def measure_memory() -> None:
    """Each number in a process of its own: what it had at most, less what it had before the step."""
    for preset, (shapes, points) in MEMORY_BATCHES.items():
        found = []
        for parts in ACCUMULATE:
            command = [sys.executable, __file__, "--memory", preset, str(parts)]
            out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            found.append(f"{parts}: {float(out):.0f} MiB")
        print(f"{preset}, {shapes} x {points} points, --accumulate " + ", ".join(found), flush=True)


def print_memory(preset: str, parts: int) -> None:
    config = PRESETS[preset]
    Step(build(config), config, (1, 8))()  # what any step needs: libraries, buffers of the products
    step = Step(build(config), config, MEMORY_BATCHES[preset])
    if DEVICE == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # Linux: forget the highest size so far
    before = peak_mib()
    step.backward(parts)
    print(peak_mib() - before)


def peak_mib() -> float:
    if DEVICE == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def main() -> None:
    torch.manual_seed(0)
    if sys.argv[1:2] == ["--memory"]:
        print_memory(sys.argv[2], int(sys.argv[3]))
        return
    threads, rounds = (int(word) for word in [*sys.argv[1:], *("1", "8")[len(sys.argv) - 1 :]])
    torch.set_num_threads(threads)
    for preset in PRESETS:
        measure_speed(preset, rounds, threads)
    compare_gradients()
    print("\nmost memory of a step:")
    measure_memory()


if __name__ == "__main__":
    main()
