"""How well a model tells the cameras of views of shapes that it did not see, and how strange they look to it.

    python benchmarks/pose.py DATA SPLIT [SPLIT ...] [--weights chair] [--symmetric NAME ...]

All views of each shape, easy and hard. Azimuth and elevation in degrees; `turned` is the share of views whose azimuth
is off by more than 30 degrees. Strangeness above 1 gives a warning, above 1.4 a refusal.
"""

import argparse
from pathlib import Path

import numpy as np

import urform
from urform.data import DataFolder, read_split
from urform.files import read_rgba
from urform.models import TRUNK_SIZE
from urform.pictures import frame


def main() -> None:
    """Print a line a split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("split", type=Path, nargs="+")
    parser.add_argument("--weights", default="chair")
    parser.add_argument("--symmetric", nargs="*", default=[], help="instances that look alike from several sides")
    args = parser.parse_args()
    model, folder = urform.load(args.weights), DataFolder(args.data)
    print("split      shapes views | azimuth median  turned | elevation median | strange > 1  > 1.4")
    for split in args.split:
        keys = [key for key in read_split(split) if key.instance not in args.symmetric]
        azimuths, elevations, strange = [], [], []
        for key in keys:
            eyes = folder.eyes(key)
            views = np.stack([frame(read_rgba(path), TRUNK_SIZE) for path in folder.view_files(key)])
            pose = model.pose(views)
            azimuth = np.degrees(np.arctan2(eyes[:, 2], eyes[:, 0]))
            elevation = np.degrees(np.arcsin(eyes[:, 1] / np.linalg.norm(eyes, axis=1)))
            azimuths.append(np.abs((pose.azimuth_deg.numpy() - azimuth + 180) % 360 - 180))
            elevations.append(np.abs(pose.elevation_deg.numpy() - elevation))
            strange.append(model.strangeness(views))
        off, height, odd = map(np.concatenate, (azimuths, elevations, strange))
        print(
            f"{split.stem[:10]:10s} {len(keys):6d} {len(off):5d} | {np.median(off):14.1f} {(off > 30).mean():7.3f} |"
            f" {np.median(height):16.1f} | {(odd > 1).mean():11.3f} {(odd > 1.4).mean():6.3f}"
        )


if __name__ == "__main__":
    main()
