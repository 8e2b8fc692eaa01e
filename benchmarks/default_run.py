"""The embedded default from an empty folder, then again: seconds against the bars of 10 minutes and 20 s.

Usage: python benchmarks/default_run.py [ARGUMENTS FOR SNAKEMAKE]
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run(folder: Path, arguments: list[str]) -> tuple[float, str]:
    """Run the workflow in a folder; return the seconds and the last lines."""
    command = [sys.executable, "-m", "snakemake", "--cores", "all", "--directory", str(folder), "--snakefile", str(ROOT / "Snakefile")]
    begin = time.monotonic()
    done = subprocess.run([*command, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(done.stdout[-4000:])
    return time.monotonic() - begin, "\n".join(done.stdout.splitlines()[-8:])


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config").symlink_to(ROOT / "config")
        first, said = run(folder, sys.argv[1:])
        second, again = run(folder, sys.argv[1:])
    print(said)
    print(f"first run {first:.0f} s (bar 600 s); second run {second:.1f} s (bar 20 s): {again.splitlines()[-1]}")


if __name__ == "__main__":
    main()
