"""A workflow of three quick jobs under the project's own guard: a store, weights that are kept if nothing changed, a table."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SNAKEFILE = """
import sys
sys.path.insert(0, "{root}/workflow/scripts")

configfile: "config.yaml"
include: "{root}/workflow/rules/guard.smk"
include: "{root}/workflow/rules/verify.smk"

rule all:
    default_target: True
    input: "results/table.tsv"

rule store:
    output: "results/events/e1/wrapped.zarr/zarr.json"
    params: size=lambda wildcards: config["size"], code="c1"
    log: "logs/store.log"
    script: "store.py"

rule weights:
    input: "results/events/e1/wrapped.zarr/zarr.json", "labels.txt"
    output: update("results/runs/r1/run.json")
    params: settings='{{"seeds":[0,1]}}', code=config["code"]
    log: "logs/weights.log"
    script: "weights.py"

rule table:
    input: "results/runs/r1/run.json"
    output: "results/table.tsv"
    params: code="c3"
    log: "logs/table.log"
    script: "table.py"

onsuccess:
    end_run()
"""
BEGIN = """
import json, time
from pathlib import Path
from fringeflow.files import *
from fringeflow.job import run

def wait():
    while Path("wait").exists():
        Path("waits").touch()
        time.sleep(0.05)
"""
SCRIPTS = {
    "store": """
with run(snakemake) as job:
    wait()
    with atomic(Path(job.output[0]).parent) as part:
        chunks = part / "samples/c"
        chunks.mkdir(parents=True)
        for number in range(3):
            (chunks / str(number)).write_bytes(bytes([number]) * job.params.size)
        (part / "zarr.json").write_text(json.dumps({"size": job.params.size}))
""",
    "weights": """
with run(snakemake) as job:
    if not job.unchanged():
        folder = Path(job.output[0]).parent
        wait()
        with atomic(folder / "model") as part:
            part.mkdir()
            (part / "seed0.bin").write_bytes(b"w" * 4000)
        Path("trained").write_text(Path("trained").read_text() + "x" if Path("trained").exists() else "x")
        write_json(job.output[0], {"labels": sha256_file("labels.txt")})
        job.leaves(folder / "model")
""",
    "table": """
with run(snakemake) as job:
    with atomic(job.output[0]) as part:
        part.write_text("run\\tscore\\nr1\\t0.5\\n")
""",
}
MADE_BY = {
    "results/events/e1/wrapped.zarr/samples/c/1": "store",
    "results/events/e1/wrapped.zarr/zarr.json": "store",
    "results/runs/r1/model/seed0.bin": "weights",
    "results/runs/r1/run.json": "weights",
    "results/table.tsv": "table",
}
"""Files of every kind that it leaves, and the rule that makes each."""


@dataclass
class Mini:
    """A folder with that workflow."""

    folder: Path

    @classmethod
    def lay(cls, folder: Path, root: Path) -> "Mini":
        """Write it into an empty folder."""
        (folder / "Snakefile").write_text(SNAKEFILE.format(root=root))
        for name, text in SCRIPTS.items():
            (folder / f"{name}.py").write_text(BEGIN + text)
        (folder / "config.yaml").write_text("size: 3000\ncode: c2\nseed: 7\n")
        (folder / "labels.txt").write_text("a\n")
        shutil.copytree(root / "profiles/default", folder / "profiles/default")
        return cls(folder)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a run."""
        return [sys.executable, "-m", "snakemake", *(arguments or ("--cores", "1"))]

    def start(self, *arguments: str, **options) -> subprocess.Popen[str]:
        """Start a run."""
        return subprocess.Popen(
            self.command(*arguments), cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
        )

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run, and return what was said."""
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=120)
        assert bool(process.returncode) == fails, said
        return said

    def text(self, name: str) -> str:
        """Read a file of the folder."""
        return (self.folder / name).read_text()

    def results(self) -> dict[str, bytes]:
        """Return the content of every result, of records apart."""
        found = (self.folder / "results").rglob("*")
        names = {path: str(path.relative_to(self.folder / "results")) for path in found if path.is_file()}
        return {name: path.read_bytes() for path, name in sorted(names.items()) if not name.startswith(("provenance/", "verify"))}


def flip(path: Path) -> None:
    """Change one byte of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def cut(path: Path) -> None:
    """Cut a file short."""
    os.truncate(path, path.stat().st_size // 2)


def loop(path: Path) -> None:
    """Put a link in the place of a file that leads to itself."""
    path.unlink()
    path.symlink_to(path.name)
