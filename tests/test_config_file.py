import json
import subprocess
import sys
from pathlib import Path

import pytest

from urform.cli import main
from urform.cli._config_file import with_config_file
from urform.cli._parser import parse

RECIPES = sorted((Path(__file__).parents[1] / "recipes").rglob("*.yaml"))


def test_a_file_stands_for_its_flags_and_given_ones_win(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        "epochs: 7\nlr_warp: 1e-3\nsplit: [a.json, b.json]\nschedule: step\nstep_interval: 9\ncurriculum: false\n"
        "data: from_file\nclip-norm: null\n"
    )
    words = with_config_file(["--out", "run", "--data=given", "--config", str(file), "--curriculum"])
    command = parse(["train", "shape", *words])
    assert (command.config.epochs, command.config.lr_warp) == (7, 1e-3)
    assert (command.config.rates.schedule, command.config.rates.step_interval) == ("step", 9)
    assert command.split == (Path("a.json"), Path("b.json"))
    assert (command.data, command.out) == (Path("given"), Path("run"))
    assert command.config.curriculum
    assert command.config.clip_norm is None


def test_a_preset_may_stand_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"preset": "published", "curriculum": False, "epochs": 3}))
    # In a process of its own: the tests' type checks do not know that tyro fills in what is missing.
    program = (
        "import sys; from urform.cli._parser import parse; from urform.cli._config_file import with_config_file\n"
        "config = parse(with_config_file(['train', 'shape', *sys.argv[1:]])).config\n"
        "print(config.model.latent_size, config.curriculum, config.epochs)"
    )
    flags = ["--config", str(tmp_path / "run.json"), "--data", "d", "--split", "s", "--out", "o", "--epochs", "5"]
    done = subprocess.run([sys.executable, "-c", program, *flags], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["256", "False", "5"]


@pytest.mark.parametrize("path", RECIPES, ids=[path.stem for path in RECIPES])
def test_every_shipped_config_loads(path: Path) -> None:
    init = ["--init", "i"] if path.stem.startswith("encoder") else []
    words = with_config_file(["--config", str(path), "--data", "d", "--split", "s", "--out", "o", *init])
    assert parse(["train", path.stem.partition("_")[0], *words]).out == Path("o")


def test_messages(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    cases = {
        "{epochs: [1": r": not YAML (",
        "- epochs": ": must hold flags and their values, got list",
        "3: 4": ": 3 must be the name of a flag",
        "epochs: [[1]]": ": epochs must be a value or a list of values",
        "epoch: 3": "--epochs",
        "epochs: 3\nseed: 1\nepochs: 4": ": not YAML ('epochs' is there twice)",
        "config: other.yaml": ": must not name another config file",
        "&a {epochs: *a}": ": epochs must be a value or a list of values",
    }
    for number, (content, message) in enumerate(cases.items()):
        file = tmp_path / f"{number}.yaml"
        file.write_text(content)
        command = ["train", "shape", "--config", str(file), "--data", "d", "--split", "s", "--out", str(tmp_path / "o")]
        assert main(command) == 2
        err = capsys.readouterr().err
        assert message in err, err
        assert len(err.splitlines()) == 1
    assert main(["train", "shape", "--config", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml: no such config file" in capsys.readouterr().err
    assert main(["train", "shape", "--config"]) == 2
    assert "--config needs a file" in capsys.readouterr().err
