"""How many pictures of other things `--category auto` refuses or warns of.

    python benchmarks/categories.py PICTURE [PICTURE ...]

Each is cut out as `urform reconstruct` does it. A picture passes where its strangeness to the chosen category is at
most 1 and nothing speaks against the choice. Pictures in which nothing can be cut out are refused.
"""

import argparse
from collections import Counter
from pathlib import Path

import urform
from urform.models import TRUNK_SIZE
from urform.pictures import cut_out, frame, read_image

REFUSED, DOUBTED = 1.4, 1.0  # strangeness


def main() -> None:
    """Print a line a picture and the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, nargs="+")
    args = parser.parse_args()
    models, counts = urform.load_models(), Counter()
    for path in args.picture:
        try:
            cut = cut_out(read_image(path))
        except ValueError:
            outcome, shown = "refused", "nothing to cut out"
        else:
            choice = models.choose(cut)
            strangeness = float(choice.model.strangeness(frame(cut.rgba, TRUNK_SIZE)[None])[0])
            doubtful = strangeness > DOUBTED or bool(choice.doubts())
            outcome = "refused" if strangeness > REFUSED else "warned" if doubtful else "passed"
            chances = ", ".join(f"{name} {chance:.2f}" for name, chance in choice.probabilities.items())
            shown = f"{choice.model.category}, strangeness {strangeness:.2f}; {chances}"
        counts[outcome] += 1
        print(f"{outcome:8}{path.name}: {shown}")
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()))


if __name__ == "__main__":
    main()
