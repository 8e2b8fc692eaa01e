"""Preparing and tiling against only reading: wall time as a ratio, and peak memory.

    python benchmarks/prepare_tile.py [--rows 3000] [--columns 2700] [--pairs 10] [--repeat 3]

Writes one synthetic frame into a temporary folder: smooth phase with noise, swath edges slanted as
a real frame's are, deflated GeoTIFFs as in the archive (diff_pha, unw, cc). Then times, each in a
fresh Python process and with the files in the page cache, (a) reading every raster with rasterio and
(b) `prepare_event` followed, in a process of its own, by `tile_event`, on two threads. Bars: ratio at
most 3, peak memory below 2 GB. Run it on an idle machine: (a) uses one core and (b) two.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PACKAGE = Path(__file__).resolve().parents[1] / "workflow" / "scripts"
FRAME = "102A_05000_131313"

COMMON = """
import sys
from pathlib import Path
from fringeflow.config.interferograms import Prepare, Tiling
from fringeflow.config.tables import Event, Interferogram
root = Path(sys.argv[1])
event = Event(event="bench", time="2021-03-03T10:16:08", latitude=39.0, longitude=23.0, depth_km=8, magnitude=6.3,
              strike_deg=314, dip_deg=36, rake_deg=-88)
interferograms = [Interferogram(event="bench", frame=path.parents[1].name, pair=path.parent.name)
                  for path in sorted((root / "raw").glob("*/*/manifest.json"))]
"""
STEPS = {
    "read": """
import sys, rasterio
from pathlib import Path
START
for path in sorted(Path(sys.argv[1], "raw").rglob("*.tif")):
    with rasterio.open(path) as source:
        source.read(1)
""",
    "prepare": COMMON
    + """
import dask.array  # imported late by the reader, since a fetch job does without it
from fringeflow.insar.prepare import prepare_event
START
prepare_event(event, interferograms, root / "raw", Prepare(), root / "interferograms.zarr")
""",
    "tile": COMMON
    + """
from fringeflow.insar.tiles import tile_event
START
tile_event(event, interferograms, root / "interferograms.zarr", Tiling(), None, index=root / "tiles.parquet",
           wrapped=root / "wrapped.zarr", unwrapped=root / "unwrapped.zarr")
""",
}
OUTPUTS = {"prepare": ["interferograms.zarr"], "tile": ["wrapped.zarr", "unwrapped.zarr"]}
START = "import time; begin = time.perf_counter()"
FINISH = """
import resource
print(time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@dataclass(frozen=True)
class Measure:
    """Seconds of a whole process, seconds after its imports, and its peak memory."""

    process_s: float
    work_s: float
    peak_gb: float


def write_frame(root: Path, rows: int, columns: int, pairs: int) -> None:
    """Write the interferograms of one frame under `root/raw`."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin
    from scipy.ndimage import gaussian_filter, zoom

    rng = np.random.default_rng(0)
    y, x = np.mgrid[:rows, :columns]
    across = x / columns + 0.18 * (y / rows - 0.5)
    down = y / rows - 0.12 * (x / columns - 0.5)
    seen = (across > 0.09) & (across < 0.91) & (down > 0.06) & (down < 0.94)
    for number in range(pairs):
        pair = f"2021{number + 1:02d}01_2021{number + 2:02d}13" if number < 10 else f"2022{number - 9:02d}01_2022{number - 8:02d}13"
        coarse = gaussian_filter(rng.normal(size=(rows // 10 + 2, columns // 10 + 2)), 12)
        coherence = np.clip(0.6 + 0.5 * zoom(gaussian_filter(rng.normal(size=coarse.shape), 3), 10, order=1)[:rows, :columns], 0.05, 0.98)
        phase = 12 * zoom(coarse / coarse.std(), 10, order=1)[:rows, :columns]
        phase = (phase + rng.normal(size=(rows, columns)) * np.sqrt((1 - coherence**2) / (40 * coherence**2))).astype("f4")
        rasters = {
            "diff_pha": np.where(seen, np.angle(np.exp(1j * phase)), 0).astype("f4"),
            "unw": np.where(seen & (coherence > 0.15), phase, 0).astype("f4"),
            "cc": np.where(seen, np.round(255 * coherence), 0).astype("u1"),
        }
        folder = root / "raw" / FRAME / pair
        folder.mkdir(parents=True)
        products = {}
        for name, values in rasters.items():
            path = folder / f"{pair}.geo.{name}.tif"
            grid = from_origin(21.65, 40.5, 0.001, 0.001)
            profile = {"driver": "GTiff", "height": rows, "width": columns, "count": 1, "dtype": values.dtype, "crs": "EPSG:4326"}
            with rasterio.open(path, "w", **profile, transform=grid, compress="deflate") as target:
                target.write(values, 1)
            products[name] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        (folder / "manifest.json").write_text(json.dumps({"frame": FRAME, "pair": pair, "products": products}))


def measure(step: str, root: Path) -> Measure:
    """Run a step in a fresh process; what an earlier run wrote is removed first."""
    for name in OUTPUTS.get(step, ()):
        shutil.rmtree(root / name, ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "OMP_NUM_THREADS": "2"}
    code = STEPS[step].replace("START", START) + FINISH
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, str(root)], env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if done.returncode:
        sys.exit(f"{step} failed:\n{done.stderr}")
    work, peak_kb = done.stdout.split()[-2:]
    return Measure(seconds, float(work), int(peak_kb) / 1e6)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--columns", type=int, default=2700)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fringeflow-bench-") as folder:
        root = Path(folder)
        write_frame(root, options.rows, options.columns, options.pairs)
        measure("read", root)
        runs = [{step: measure(step, root) for step in STEPS} for _ in range(options.repeat)]
    best = {step: min((run[step] for run in runs), key=lambda one: one.process_s) for step in STEPS}
    for step, one in best.items():
        print(f"{step:8} {one.process_s:6.2f} s, of which {one.work_s:6.2f} s after imports   peak {one.peak_gb:.2f} GB")
    for name, what in (("work_s", "after imports"), ("process_s", "whole processes")):
        ratios = [(getattr(run["prepare"], name) + getattr(run["tile"], name)) / getattr(run["read"], name) for run in runs]
        print(f"prepare + tile over read, {what}: {median(ratios):.2f} (median of {len(ratios)}; bar: 3)")
    print(f"peak memory: {max(one.peak_gb for run in runs for one in (run['prepare'], run['tile'])):.2f} GB (bar: 2)")


if __name__ == "__main__":
    main()
