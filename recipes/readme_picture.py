"""Make the picture at the head of the README from previews of `urform reconstruct`.

    urform reconstruct examples/*.jpg --out out
    python recipes/readme_picture.py out/*.png

Of each preview it takes the picture and two views of the mesh, and puts them in two columns.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

PANELS = 3
PICTURE = Path(__file__).parents[1] / "docs" / "readme.jpg"


def main() -> None:
    """Put the previews together."""
    cells = []
    for name in sys.argv[1:]:
        pixels = np.asarray(Image.open(name).convert("RGB"))
        cells.append(pixels[:, : PANELS * pixels.shape[0]])
    rows = [np.concatenate(cells[place : place + 2], axis=1) for place in range(0, len(cells), 2)]
    sheet = Image.fromarray(np.concatenate(rows))
    sheet.resize((1152, 192 * len(rows)), Image.Resampling.LANCZOS).save(PICTURE, quality=85)


if __name__ == "__main__":
    main()
