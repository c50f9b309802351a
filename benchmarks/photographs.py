"""Many photographs in one command: how the memory grows.

    python benchmarks/photographs.py [--count 1000] [--size 300] [--resolution 32]

So many pictures of --size pixels, each with a block of another place, size and color, every second one a cut-out, go
through `urform reconstruct`'s own loop with the shipped chairs. Printed are, after 1/20, 1/10, 1/5 ... of them, the
process's memory, what of it C code has in use, the objects of Python, and the seconds. What is kept of a picture would
make all three grow. Memory that is free but not given back to the system is in the first number alone.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

import urform
from urform.inference import reconstruct_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--resolution", type=int, default=32)
    given = parser.parse_args()
    marks = {max(1, round(given.count * share)) for share in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1)}
    with tempfile.TemporaryDirectory() as folder:
        files = [draw(Path(folder) / f"{number}.png", number, given.size) for number in range(given.count)]
        started, failed = time.perf_counter(), 0
        summaries = reconstruct_files(files, Path(folder) / "out", [urform.load("chair")], resolution=given.resolution)
        for number, summary in enumerate(summaries, 1):
            failed += "error" in summary
            if number in marks:
                sizes = f"{memory_mib():7.1f} MiB  {used_mib():7.1f} in use  {len(gc.get_objects()):8d} objects"
                print(f"{number:6d} pictures  {sizes}  {time.perf_counter() - started:7.1f} s", flush=True)
    print(f"{failed} failed, at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f} MiB")


def draw(path: Path, number: int, size: int) -> Path:
    """A picture of a block before a plain background."""
    rng = np.random.default_rng(number)
    rgba = np.full((size, size, 4), 235, np.uint8)
    top, left = rng.integers(size // 10, size // 3, 2)
    bottom, right = rng.integers(size // 2, size - size // 10, 2)
    rgba[..., 3] = 0
    rgba[top:bottom, left:right] = (*rng.integers(0, 160, 3), 255)
    Image.fromarray(rgba if number % 2 else np.ascontiguousarray(rgba[..., :3])).save(path)
    return path


def memory_mib() -> float:
    """What this process has of the memory now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


_MALLINFO = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class _Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in _MALLINFO]


def used_mib() -> float:
    """What C code has in use of the memory of `malloc`, without large blocks (glibc)."""
    mallinfo = ctypes.CDLL("libc.so.6").mallinfo2
    mallinfo.restype = _Mallinfo
    return mallinfo().uordblks / 2**20


if __name__ == "__main__":
    main()
