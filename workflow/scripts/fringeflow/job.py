"""What a script needs around its one call: a log, threads, seeds, and errors that people can read."""

import json
import logging
import os
import random
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fringeflow.errors import FringeflowError
from fringeflow.files import canonical_json, read_json, sha256_file, sha256_text, write_json

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
    "GDAL_NUM_THREADS",
)


LIBRARIES = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}
"""What libraries read when they are imported, unless a user has set it: TensorFlow tells warnings, not its set-up."""


@dataclass(frozen=True)
class Job:
    """A Snakemake job, seen without Snakemake: `input`, `output`, `params`, `wildcards` by attribute."""

    input: Any
    output: Any
    params: Any
    wildcards: Any
    threads: int

    def settings(self, name: str) -> Any:
        """Return a parameter that the rule passes as canonical JSON, parsed."""
        return json.loads(getattr(self.params, name))

    @property
    def _record(self) -> Path:
        """Where `remember` notes what the outputs were made of."""
        return Path(str(self.output[0])).with_name("made.json")

    def _made_of(self) -> str:
        """Return the digest of all inputs' content and of the parameters."""
        inputs = {str(path): sha256_file(path) for path in self.input}
        return sha256_text(canonical_json({"inputs": inputs, "params": dict(self.params.items())}))

    def unchanged(self) -> bool:
        """Tell whether the outputs come from inputs and parameters of this very content, and touch them if so.

        For costly rules: when something far upstream was made again and came out the same, Snakemake still runs
        all that follows. Their outputs are flagged `update`, so that they are still there to be kept.
        """
        if not self._record.is_file():
            return False
        made = read_json(self._record)
        whole = all(Path(path).is_file() and sha256_file(path) == digest for path, digest in made["files"].items())
        if made["of"] != self._made_of() or not whole or not set(map(str, self.output)) <= set(made["files"]):
            return False
        logging.getLogger("fringeflow").info("inputs and parameters are the same as before: kept %s", self._record.parent)
        for path in self.output:
            Path(str(path)).touch()
        return True

    def remember(self, *folders: Path) -> None:
        """Note what the outputs, and the files in some folders, were made of, for the next `unchanged`."""
        files = [*map(str, self.output), *(str(path) for folder in folders for path in sorted(folder.rglob("*")) if path.is_file())]
        write_json(self._record, {"of": self._made_of(), "files": {path: sha256_file(path) for path in files}})


def limit_threads(threads: int) -> None:
    """Bind every numerical library of this process, and of its children, to `threads`."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)


@contextmanager
def run(snakemake: Any) -> Iterator[Job]:
    """Run one job: log to the rule's file and to stderr, set threads and seeds, end with a clear error.

    Parameters
    ----------
    snakemake : snakemake.script.Snakemake
        The object that Snakemake puts into a script.

    Yields
    ------
    Job

    Raises
    ------
    SystemExit
        With code 1 after an error: a `FringeflowError` is told in its own words, any other with its
        traceback; both also stand in the rule's log.
    """
    log = Path(str(snakemake.log[0])) if snakemake.log else None
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log, mode="w", encoding="utf-8"))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S", handlers=handlers)
    handlers[0].setLevel(logging.WARNING)
    logging.captureWarnings(True)
    limit_threads(snakemake.threads)
    for variable, value in LIBRARIES.items():
        os.environ.setdefault(variable, value)
    random.seed(0)
    logger = logging.getLogger("fringeflow")
    try:
        yield Job(snakemake.input, snakemake.output, snakemake.params, snakemake.wildcards, snakemake.threads)
    except FringeflowError as error:
        logger.error("%s: %s", snakemake.rule, error)
        sys.exit(1)
    except Exception:
        logger.error("%s failed unexpectedly:\n%s", snakemake.rule, traceback.format_exc())
        sys.exit(1)
