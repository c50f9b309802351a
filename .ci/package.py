"""Builds sdist and wheel, installs the wheel in a clean environment, and makes a mesh with it.

    python .ci/package.py [--constraint FILE]

Prints both sizes. It fails where the wheel lacks a file, so it is run from a folder that has none of the sources.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_MB = 60  # a package index takes 100


def run(*words: object, folder: Path) -> str:
    """Run a program in a folder, away from this checkout; give what it prints."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    words = tuple(map(str, words))
    return subprocess.run(words, check=True, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    """Build, install, try."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--constraint", type=Path)
    args = parser.parse_args()
    constraint = [] if args.constraint is None else ["--constraint", args.constraint.resolve()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run(sys.executable, "-m", "build", "--outdir", folder / "dist", ROOT, folder=folder)
        (wheel,) = (folder / "dist").glob("*.whl")
        (sdist,) = (folder / "dist").glob("*.tar.gz")
        for path in (wheel, sdist):
            size_mb = path.stat().st_size / 2**20
            print(f"{path.name}: {size_mb:.1f} MiB", flush=True)
            if size_mb > MOST_MB:
                raise SystemExit(f"{path.name} is larger than {MOST_MB} MiB")
        venv.create(folder / "clean", with_pip=True)
        programs = folder / "clean" / ("Scripts" if os.name == "nt" else "bin")
        run(programs / "python", "-m", "pip", "install", "--quiet", "--no-compile", *constraint, wheel, folder=folder)
        picture = ROOT / "examples" / "armchair.jpg"
        said = json.loads(run(programs / "urform", "reconstruct", picture, "--out", folder / "out", folder=folder))
        if not said["watertight"]:
            raise SystemExit(f"the mesh of the installed wheel is not watertight: {said}")
        version = run(programs / "urform", "--version", folder=folder).strip()
        print(f"urform {version} installed from its wheel: {said['faces']} faces, watertight")


if __name__ == "__main__":
    main()
