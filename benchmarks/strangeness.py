"""How many pictures of other things a model refuses or doubts.

    python benchmarks/strangeness.py PICTURE [PICTURE ...] [--weights chair]

Each is cut out as `urform reconstruct` does it. Above 1.4 it is refused, above 1 it gives a warning. Pictures in which
nothing can be cut out are refused before, and counted apart.
"""

import argparse
from pathlib import Path

import urform
from urform.models import TRUNK_SIZE
from urform.pictures import cut_out, frame, read_image


def main() -> None:
    """Print a line a picture and the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, nargs="+")
    parser.add_argument("--weights", default="chair")
    args = parser.parse_args()
    model, found, empty = urform.load(args.weights), {}, 0
    for path in args.picture:
        try:
            rgba = cut_out(read_image(path)).rgba
        except ValueError:
            empty += 1
            continue
        found[path.name] = float(model.strangeness(frame(rgba, TRUNK_SIZE)[None])[0])
    for name, value in sorted(found.items(), key=lambda item: item[1]):
        print(f"{value:5.2f} {name}")
    refused, doubted = (sum(value > level for value in found.values()) for level in (1.4, 1.0))
    print(f"{empty} with nothing to cut out; of {len(found)} others {refused} refused, {doubted - refused} doubted")


if __name__ == "__main__":
    main()
