"""A small experiment as the published system writes it, with the numbers that it must give.

    python tests/published_numbers.py FOLDER

The parameters are random. The numbers come from the formulas of docs/formats.md and docs/training.md, written out in
plain Python, one point and one unit at a time. Nothing of urform is used, so that none of its mistakes can be in them.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

SHAPES, POINTS, LATENT, HIDDEN, STEPS, DIMS = 3, 16, 4, 6, 8, (7, 5, 6)
KEPT = 4
CLAMP, TOLERANCES, HARDNESSES = 0.1, (0.025, 0.01, 0.0025, 0.0), (0.0, 0.1, 0.2, 0.5)
STEP = {"Type": "Step", "Initial": 0.001, "Interval": 500, "Factor": 0.5}
SPECS: dict[str, Any] = {
    "Description": "random weights",
    "DataSource": "./data",
    "TrainSplit": "split.json",
    "TestSplit": "split.json",
    "NetworkArch": "deep_implicit_template_decoder",
    "NetworkSpecs": {
        "warper_kargs": {"hidden_size": HIDDEN, "steps": STEPS},
        "decoder_kargs": {
            "dims": DIMS,
            "dropout": [0, 1, 2],
            "dropout_prob": 0.05,
            "norm_layers": [0, 1, 2],
            "xyz_in_all": False,
            "weight_norm": True,
        },
    },
    "CodeLength": LATENT,
    "NumEpochs": 2001,
    "SnapshotFrequency": 1000,
    "AdditionalSnapshots": [100, 500],
    "LearningRateSchedule": [{**STEP, "Initial": 0.0005}, STEP, STEP],
    "SamplesPerScene": 5000,
    "ScenesPerBatch": 24,
    "DataLoaderThreads": 8,
    "ClampingDistance": CLAMP,
    "CodeRegularization": True,
    "CodeRegularizationLambda": 0.0001,
    "CodeBound": 1.0,
    "UsePointwiseLoss": True,
    "PointwiseLossWeight": 0.005,
    "UsePointpairLoss": True,
    "PointpairLossWeight": 2e-05,
    "UseCurriculum": True,
}

Numbers = list[float]


def write_known_experiment(folder: Path) -> Path:
    """Write specs, split, parameters, latents, and the numbers that they give as expected.npz."""
    rng = np.random.default_rng(0)
    state, latents = _parameters(rng), rng.normal(0, 0.5, (SHAPES, LATENT)).astype(np.float32)
    folder.mkdir(parents=True)
    (folder / "specs.json").write_text(json.dumps(SPECS))
    (folder / "split.json").write_text(json.dumps({"ShapeNetV2": {"03001627": ["2" * 32, "0" * 32, "1" * 32]}}))
    parameters = {f"module.{name}": torch.from_numpy(value) for name, value in state.items()}
    for place, content in (
        ("ModelParameters", {"model_state_dict": parameters}),
        ("LatentCodes", {"latent_codes": {"weight": torch.from_numpy(latents)}}),
    ):
        (folder / place).mkdir()
        torch.save({"epoch": 2001, **content}, folder / place / "latest.pth")
    points = rng.uniform(-1, 1, (SHAPES, POINTS, 3)).astype(np.float32)
    target = rng.normal(0, 0.08, (SHAPES, POINTS)).astype(np.float32)
    numbers: dict[str, Any] = _expected(state, latents, points, target)
    np.savez(folder / "expected.npz", **numbers)
    return folder


def _parameters(rng: np.random.Generator) -> dict[str, np.ndarray]:
    def drawn(*shape: int, scale: float) -> np.ndarray:
        return rng.normal(0, scale, shape).astype(np.float32)

    state = {
        "warper.lstm.weight_ih": drawn(4 * HIDDEN, LATENT + 3, scale=0.6),
        "warper.lstm.weight_hh": drawn(4 * HIDDEN, HIDDEN, scale=0.6),
        "warper.lstm.bias_ih": drawn(4 * HIDDEN, scale=0.3),
        "warper.lstm.bias_hh": drawn(4 * HIDDEN, scale=0.3),
        "warper.out_layer_coord_affine.weight": drawn(6, HIDDEN, scale=0.05),
        "warper.out_layer_coord_affine.bias": drawn(6, scale=0.03),
    }
    width = 3
    for index, units in enumerate(DIMS):
        name = f"sdf_decoder.lin{index}"
        state[f"{name}.weight_v"] = drawn(units, width, scale=1.0)
        state[f"{name}.weight_g"] = np.abs(drawn(units, 1, scale=1.0)) + np.float32(0.2)
        state[f"{name}.bias"] = drawn(units, scale=0.2)
        width = units
    last = f"sdf_decoder.lin{len(DIMS)}"
    return state | {f"{last}.weight": drawn(1, width, scale=0.2), f"{last}.bias": np.array([-0.2], np.float32)}


def _expected(
    state: dict[str, np.ndarray], latents: np.ndarray, points: np.ndarray, target: np.ndarray
) -> dict[str, Any]:
    lists = {name: value.astype(float).tolist() for name, value in state.items()}
    places = points.astype(float).tolist()
    kept = [
        [_warped(lists, latent, point) for point in shape]
        for latent, shape in zip(latents.astype(float).tolist(), places, strict=True)
    ]
    warped = [[[kept[b][n][k] for n in range(POINTS)] for b in range(SHAPES)] for k in range(KEPT)]
    sdf = [[[_template(lists, point) for point in shape] for shape in step] for step in warped]
    return {
        "points": points,
        "latents": latents,
        "target_sdf": target,
        "progressive_warped": np.array(warped, np.float32),
        "progressive_sdf": np.array(sdf, np.float32),
        "warped": np.array(warped[-1], np.float32),
        "sdf": np.array(sdf[-1], np.float32),
        "template_sdf": np.array([[_template(lists, point) for point in shape] for shape in places], np.float32),
        "loss_reconstruction": np.float64(_reconstruction(sdf, target.astype(float).tolist())),
        "loss_pointwise": np.float64(_pointwise(warped, places)),
        "loss_pointpair": np.float64(_pointpair(warped[-1], places)),
    }


def _linear(weight: list[Numbers], bias: Numbers, x: Numbers) -> Numbers:
    return [sum(w * value for w, value in zip(row, x, strict=True)) + b for row, b in zip(weight, bias, strict=True)]


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _warped(state: dict[str, Any], latent: Numbers, point: Numbers) -> list[Numbers]:
    """The point after each quarter of the steps."""
    x, hidden, cell, kept = point, [0.0] * HIDDEN, [0.0] * HIDDEN, []
    for step in range(1, STEPS + 1):
        from_input = _linear(state["warper.lstm.weight_ih"], state["warper.lstm.bias_ih"], [*latent, *x])
        from_state = _linear(state["warper.lstm.weight_hh"], state["warper.lstm.bias_hh"], hidden)
        gates = [a + b for a, b in zip(from_input, from_state, strict=True)]
        taken, kept_share, candidate, shown = (gates[i * HIDDEN : (i + 1) * HIDDEN] for i in range(4))
        for h in range(HIDDEN):
            cell[h] = _sigmoid(kept_share[h]) * cell[h] + _sigmoid(taken[h]) * math.tanh(candidate[h])
            hidden[h] = _sigmoid(shown[h]) * math.tanh(cell[h])
        affine = "warper.out_layer_coord_affine"
        a = _linear(state[f"{affine}.weight"], state[f"{affine}.bias"], hidden)
        x = [x[axis] * (1 + a[axis]) + a[3 + axis] for axis in range(3)]
        if step % (STEPS // KEPT) == 0:
            kept.append(x)
    return kept


def _template(state: dict[str, Any], x: Numbers) -> float:
    """Signed distance of a canonical point."""
    for index in range(len(DIMS)):
        name = f"sdf_decoder.lin{index}"
        weight = [
            [scale * v / math.sqrt(sum(u * u for u in row)) for v in row]
            for (scale,), row in zip(state[f"{name}.weight_g"], state[f"{name}.weight_v"], strict=True)
        ]
        x = [max(value, 0.0) for value in _linear(weight, state[f"{name}.bias"], x)]
    last = f"sdf_decoder.lin{len(DIMS)}"
    return math.tanh(_linear(state[f"{last}.weight"], state[f"{last}.bias"], x)[0])


def _sign(x: float) -> int:
    return (x > 0) - (x < 0)


def _reconstruction(sdf: list[list[Numbers]], target: list[Numbers]) -> float:
    total = 0.0
    for k in range(KEPT):
        for b in range(SHAPES):
            for n in range(POINTS):
                s, t = (max(-CLAMP, min(CLAMP, value)) for value in (sdf[k][b][n], target[b][n]))
                weight = 1 + HARDNESSES[k] * _sign(t) * _sign(t - s)
                total += max(abs(s - t) - TOLERANCES[k], 0) * weight
    return total / (KEPT * SHAPES * POINTS)


def _pointwise(warped: list[list[list[Numbers]]], points: list[list[Numbers]]) -> float:
    total = 0.0
    for k in range(KEPT):
        for b in range(SHAPES):
            for n in range(POINTS):
                moved = math.dist(warped[k][b][n], points[b][n])
                total += moved**2 / 2 if moved <= 0.25 else 0.25 * (moved - 0.125)
    return total / (KEPT * SHAPES * POINTS)


def _pointpair(warped: list[list[Numbers]], points: list[list[Numbers]]) -> float:
    """The published term: a sum over pairs, divided by the points; the mean over shapes."""
    total = 0.0
    for b in range(SHAPES):
        moved = [[c - p for c, p in zip(*pair, strict=True)] for pair in zip(warped[b], points[b], strict=True)]
        for i in range(POINTS // 8):
            for j in range(POINTS // 8, POINTS):
                stretch = math.dist(moved[i], moved[j]) / (math.dist(points[b][i], points[b][j]) + 0.001)
                total += min(max(stretch - 0.5, 0), 5) / POINTS
    return total / SHAPES


if __name__ == "__main__":
    write_known_experiment(Path(sys.argv[1]))
