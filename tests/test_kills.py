"""Killed with `kill -9` at random moments, and two at once: the same bytes, nothing missing.

URFORM_KILLS=20 makes it 20 moments and 20 pairs instead of a few.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import kills
from tests.test_prepare import without_seconds
from urform.data import read_split
from urform.weights import FILE_NAME

KILLS = int(os.environ.get("URFORM_KILLS", "3"))
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the clock of another process")


def trained(run: Path) -> dict[str, Any]:
    """What a training gives: the bytes of its weights, and its metrics without seconds."""
    assert not list(run.rglob(".*.partial"))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    numbers = [{name: value for name, value in line.items() if not name.endswith("_s")} for line in lines]
    return {"weights": (run / FILE_NAME).read_bytes(), "metrics": numbers}


def prepared(data: Path) -> dict[str, Any]:
    """What a preparation gives: all its files; of the table all but the seconds."""
    content = without_seconds(data)
    return {name: value for name, value in content.items() if not name.endswith("report.csv")}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return kills.begin(tmp_path_factory.mktemp("kills"))


def test_preparation(given: dict[str, Any], tmp_path: Path) -> None:
    kills.same_after_kills(kills.prepare_meshes, tmp_path, given, KILLS, prepared)


@pytest.mark.parametrize("stage", [kills.shape, kills.encoder, kills.joint, kills.contrastive])
def test_training(stage: kills.Work, given: dict[str, Any], tmp_path: Path) -> None:
    kills.same_after_kills(stage, tmp_path, given, KILLS, trained)


def test_two_preparations_at_once_lose_nothing(given: dict[str, Any], tmp_path: Path) -> None:
    expected, rng, refused = prepared(given["data"]), np.random.default_rng(1), 0
    for number in range(KILLS):
        out = tmp_path / str(number)
        processes = [kills.start(kills.prepare_meshes, out, given)]
        time.sleep(rng.uniform(0, 0.3) if number else 0)
        processes.append(kills.start(kills.prepare_meshes, out, given))
        for process in processes:
            process.join()
        codes = sorted(process.exitcode for process in processes if process.exitcode is not None)
        assert codes in ([0, 0], [0, 1])  # the other one was told that somebody is at work
        refused += codes == [0, 1]
        assert prepared(out) == expected
        assert len(read_split(out / "splits" / "shapes_object_train.json")) >= 2
    assert refused  # else they were never at work at once
