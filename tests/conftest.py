"""Shared by the tests: threads, the shared folder, a tiny data folder."""

import os
from pathlib import Path

# Before torch is imported: threads that spin while they wait make the suite many times slower on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import pytest
import torch
import trimesh

from tests.published import write_experiment
from tests.published_numbers import write_known_experiment
from tests.tiny_runs import encoder_run, shape_run
from urform.config import PrepareConfig
from urform.prepare import prepare

__all__ = ["encoder_run", "shape_run"]  # fixtures

SHARED = Path(__file__).parents[2] / "shared"

# With `pytest -n 2` there are two processes on as many cores.
torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("needs the folder of real meshes and photographs, which users do not have")
    return SHARED


# The numbers from plain formulas are always there; those that the published code gave, only beside this project.
EXPERIMENTS = ["made here", *(["published"] if SHARED.is_dir() else [])]


@pytest.fixture(scope="session", params=EXPERIMENTS)
def known_experiment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published experiment and its numbers: from plain formulas, and from the published code where that is here."""
    if request.param == "made here":
        return write_known_experiment(tmp_path_factory.mktemp("known") / "experiment")
    return SHARED / "fixtures" / "published_decoder"


@pytest.fixture(scope="session")
def meshes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six small solids in four formats, one of them in a folder of its own."""
    folder = tmp_path_factory.mktemp("meshes")
    for index in range(4):
        box = trimesh.creation.box((1, 0.5 + 0.3 * index, 1))
        box.export(folder / f"box{index}.{('obj', 'ply', 'stl', 'glb')[index]}")
    trimesh.creation.icosphere(2, 3.0).export(folder / "ball.off")
    (folder / "lamp").mkdir()
    trimesh.creation.cylinder(0.3, 2.0).export(folder / "lamp" / "model.obj")
    return folder


TINY = PrepareConfig(
    dataset="tiny", category="solid", samples=2000, surface_points=2000, easy_views=2, hard_views=2, view_size=64
)


@pytest.fixture(scope="session")
def data(meshes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, prepared: `ball` and `box3` are the test split."""
    out = tmp_path_factory.mktemp("data")
    hold_out = out / "held_out.txt"
    hold_out.write_text("ball\nbox3\n")
    reports = prepare(meshes, out, TINY, hold_out, workers=1, time_limit_s=0)
    assert all(report.outcome == "done" for report in reports)
    return out


@pytest.fixture(scope="session")
def split(data: Path) -> Path:
    """Its training split."""
    return data / "splits" / "tiny_solid_train.json"


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """An experiment folder of the published system."""
    return write_experiment(tmp_path / "examples" / "mugs")
