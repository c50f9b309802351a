"""Contrastive training: pictures a second beside a plain loop, and how well features find an object again.

`speed DATA SPLIT ...`: some batches of `urform train contrastive` (SimCLR, its defaults) beside a loop as one would
write it down first: each view opened with PIL when it is needed, cut out, put on white and augmented singly, 32 bits,
torch's default layout. The same network, loss, optimizer and batch of 64 objects; rounds take turns, the best of each
counts. Also the share of the time of a short run in which the step waited for its batch.

`retrieval DATA --held-out SPLIT ... [--runs RUN ...]`: share of views of held-out objects whose object is found from
another view among one view of every object, for random weights, for EfficientNet-Lite0 with ImageNet's weights (extra
`efficientnet`) and for runs.

    python benchmarks/contrastive.py speed DATA SPLIT ...
    python benchmarks/contrastive.py retrieval DATA --held-out SPLIT ... --runs RUN ...
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from urform.config import ContrastiveConfig, RunConfig
from urform.contrastive import build_backbone, build_method, optimizer_of
from urform.data import DataFolder, read_split
from urform.pictures import frame
from urform.published import load_backbone
from urform.sets import ViewSet
from urform.training import FeatureLook, train_contrastive
from urform.training._contrastive import ContrastiveStage, build_augmentation

ROUNDS, BATCHES = 3, 6


def plain_loop(files: list[list[Path]], config: ContrastiveConfig) -> Callable[[], None]:
    model = build_method(config, build_backbone(config.backbone, config.width))
    model.backbone.to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.AdamW(model.parameters(), optimizer_of(config)[1], weight_decay=config.weight_decay)
    augmentation, rng = build_augmentation(config.image_size), np.random.default_rng(0)

    def picture(path: Path) -> Tensor:
        rgba = frame(np.asarray(Image.open(path).convert("RGBA")), config.image_size)
        pixels = torch.from_numpy(rgba).permute(2, 0, 1).float() / 255
        return augmentation((pixels[:3] * pixels[3:] + 1 - pixels[3:])[None])[0]

    def run() -> None:
        for _ in range(BATCHES):
            chosen = rng.permutation(len(files))[: config.batch_size]
            pairs = [[files[i][j] for j in rng.permutation(len(files[i]))[:2]] for i in chosen]
            one, other = (torch.stack([picture(pair[side]) for pair in pairs]) for side in (0, 1))
            _, _, loss = model(one, other, return_loss=True)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run


def our_loop(stage: ContrastiveStage) -> Callable[[], None]:
    def run() -> None:
        for index in range(BATCHES):
            with torch.autocast("cpu", torch.bfloat16):
                terms, _ = stage.step(stage.batch(0, index % stage.batches_per_epoch), 0)
            stage.optimizer.zero_grad()
            torch.stack(list(terms.values())).sum().backward()
            stage.optimizer.step()

    return run


def speed(data: Path, splits: list[Path]) -> None:
    config, folder = ContrastiveConfig(), DataFolder(data)
    keys = [key for split in splits for key in read_split(split)]
    torch.set_num_threads(1)
    look = FeatureLook(folder, [], keys, config.image_size, ("easy", "hard"))
    stage = ContrastiveStage(ViewSet(folder, keys, config.image_size), keys, config, torch.device("cpu"), look)
    loops = {
        "plain loop": plain_loop([folder.view_files(key) for key in keys], config),
        "ours, batches not made ahead": our_loop(stage),
    }
    best = dict.fromkeys(loops, float("inf"))
    for _ in range(ROUNDS):
        for name, loop in loops.items():
            start = time.process_time()  # one thread: the wall time of a free machine
            loop()
            best[name] = min(best[name], time.process_time() - start)
    pictures = BATCHES * 2 * config.batch_size
    for name, elapsed_s in best.items():
        print(f"{name:30s} {pictures / elapsed_s:8.1f} pictures/s {best['plain loop'] / elapsed_s:6.2f} x")
    with tempfile.TemporaryDirectory() as out:
        short = replace(config, epochs=2)
        train_contrastive(data, splits, Path(out) / "run", short, RunConfig(device="cpu", look_every=0))
        last = json.loads((Path(out) / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    print(f"waiting for batches: {100 * last['waited_s'] / last['elapsed_s']:.1f} % of {last['elapsed_s']:.0f} s")


def retrieval(data: Path, held_out: list[Path], runs: list[Path]) -> None:
    folder = DataFolder(data)
    torch.manual_seed(0)
    networks: dict[str, tuple[nn.Module, int]] = {"random weights": (build_backbone("resnet18", 40), 64)}
    try:
        networks["EfficientNet-Lite0, ImageNet, 64 pixels"] = (build_backbone("efficientnet-lite0"), 64)
        networks["EfficientNet-Lite0, ImageNet, 224 pixels"] = (
            networks["EfficientNet-Lite0, ImageNet, 64 pixels"][0],
            224,
        )
    except ModuleNotFoundError as error:
        print(error)
    for run in runs:
        found = load_backbone(run)
        if found is None or found.image_size is None:
            raise ValueError(f"{run}: no contrastive run")
        network = build_backbone(found.name, found.width)
        network.load_state_dict(found.state)
        networks[f"{run.name} ({found.method})"] = (network, found.image_size)
    looks: dict[int, FeatureLook] = {}
    for name, (network, size) in networks.items():
        looks.setdefault(size, FeatureLook(folder, held_out, [], size, ("easy", "hard"), most=10**6))
        numbers = looks[size](network.eval()).numbers
        print(f"{name:42s} " + "  ".join(f"{key.removeprefix('val_')} {value:.3f}" for key, value in numbers.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("speed", "retrieval"):
        commands.add_parser(name).add_argument("data", type=Path)
    commands.choices["speed"].add_argument("splits", type=Path, nargs="+")
    commands.choices["retrieval"].add_argument("--held-out", type=Path, nargs="+", required=True)
    commands.choices["retrieval"].add_argument("--runs", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    if given.command == "speed":
        speed(given.data, given.splits)
    else:
        retrieval(given.data, given.held_out, given.runs)


if __name__ == "__main__":
    main()
