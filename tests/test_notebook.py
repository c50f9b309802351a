"""The notebook of the examples runs, and is kept with its pictures."""

import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXAMPLES)
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    names: dict[str, object] = {}
    for cell in cells:
        exec("".join(cell["source"]).replace("resolution=128", "resolution=24").replace("(128)", "(24)"), names)
    shown = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in shown if output["output_type"] == "error"]
    assert sum("image/jpeg" in output.get("data", {}) for output in shown) >= 6
