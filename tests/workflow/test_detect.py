"""What `snakemake detect` asks of Snakemake itself."""

from datetime import date, timedelta

PAIRS = 5
"""Of a frame, all of them quiet."""


def dependencies(workspace, frames: int) -> int:
    """Lay out a folder of quiet interferograms, and count which jobs of their detection wait for which."""
    names = [f"{number + 1:03d}A_{number:05d}_131313" for number in range(frames)]
    for name in names:
        for days in (timedelta(days=12 * number) for number in range(PAIRS)):
            pair = f"{date(2020, 1, 1) + days:%Y%m%d}_{date(2020, 1, 13) + days:%Y%m%d}"
            (workspace.folder / f"folder/{int(name[:3])}/{name}/interferograms/{pair}").mkdir(parents=True, exist_ok=True)
    workspace.configure(detect={"folder": "folder", "quiet": names, "run": "fringeflow-base"})
    return workspace.snakemake("--dag", "dot", "detect").stdout.count(" -> ")


def test_twice_the_interferograms_are_twice_the_dependencies(fresh):
    """Though every threshold rests on all that are quiet: it waits for one table of them."""
    workspace = fresh("detect")
    few, more, many = (dependencies(workspace, frames) for frames in (2, 4, 6))
    assert many - more == more - few
    assert many < 10 * 6 * PAIRS
