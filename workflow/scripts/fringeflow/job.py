"""What a script needs around its one call: a log, threads, seeds, errors that people can read, and a record of its results."""

import json
import logging
import os
import random
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fringeflow.errors import FringeflowError
from fringeflow.lock import follow
from fringeflow.provenance import loaded_digest, loaded_versions, other_versions
from fringeflow.records import Record, begin_record, is_whole, left_by, now

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


@dataclass
class Job:
    """A Snakemake job, seen without Snakemake: `input`, `output`, `params`, `wildcards` by attribute.

    `config` is for what says where something is computed. What says what is computed belongs into `params`: only
    they run a job again.
    """

    input: Any
    output: Any
    params: Any
    wildcards: Any
    threads: int
    config: Mapping[str, Any] = field(default_factory=dict)
    record: Record | None = None
    _beside: list[str | Path] = field(default_factory=list)
    _kept: bool = False

    def settings(self, name: str) -> Any:
        """Return a parameter that the rule passes as canonical JSON, parsed."""
        return json.loads(getattr(self.params, name))

    def leaves(self, *paths: str | Path) -> None:
        """Name files, or folders, that the job writes beside its outputs: they belong to its record.

        A store's files need not be named; its zarr.json is an output.
        """
        self._beside += paths

    def rests_on(self, *paths: str | Path) -> None:
        """Name the inputs, or their folders, that decide the outcome; the others only told which these are.

        The record then holds the digests of those alone, so that an outcome is `unchanged` as long as the same ones are chosen and stay as they are.
        """
        if self.record is not None:
            chosen = {path: digest for path, digest in self.record.inputs.items() if any(Path(path).is_relative_to(one) for one in paths)}
            self.record = replace(self.record, inputs=chosen, asked=sorted(self.record.inputs.keys() - chosen.keys()))

    def unchanged(self) -> bool:
        """Tell whether the outputs come from inputs and parameters of this very content and these libraries, and touch them if so.

        For costly rules: when something far upstream was made again and came out the same, Snakemake still runs
        all that follows. Their outputs are flagged `update`, so that they are still there to be kept.
        """
        made, now = self._made(), self.record
        self._kept = (
            made is not None
            and now is not None
            and (made.inputs, made.params) == (now.inputs, now.params)
            and not other_versions(made.versions)
            and set(map(str, self.output)) == set(made.outputs)
            and all(is_whole(path, left) for path, left in made.files.items())
        )
        if self._kept:
            logging.getLogger("fringeflow").info(
                "inputs, parameters and libraries are the same as before: kept %s", Path(str(self.output[0])).parent
            )
            for path in self.output:
                Path(str(path)).touch()
        return self._kept

    def end(self) -> None:
        """Write down what was made of what.

        Until then the record of what stood here before stays: if this job is killed, it tells the next run what is missing, which
        Snakemake does not make again where all that follows is there.
        """
        if self.record is None:
            return
        if self._kept:
            if (made := self._made()) and made.asked != self.record.asked:
                replace(made, asked=self.record.asked).write()
        else:
            outputs, beside = left_by(map(str, self.output), self._beside)
            replace(self.record, outputs=outputs, beside=beside, versions=loaded_versions(), made=now()).write()

    def _made(self) -> Record | None:
        try:
            return Record.read(self.record.path) if self.record is not None else None
        except (OSError, ValueError):
            return None


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
    """Run one job: log to the rule's file and to stderr, set threads and seeds, end with a record or a clear error.

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
        follow()
        job = Job(snakemake.input, snakemake.output, snakemake.params, snakemake.wildcards, snakemake.threads, snakemake.config)
        if snakemake.output:
            job.record = _record(snakemake)
        yield job
        job.end()
    except FringeflowError as error:
        logger.error("%s: %s", snakemake.rule, error)
        sys.exit(1)
    except Exception:
        logger.error("%s failed unexpectedly:\n%s", snakemake.rule, traceback.format_exc())
        sys.exit(1)


def _record(snakemake: Any) -> Record:
    """Return the record of a job that begins."""
    params = dict(snakemake.params.items())
    return begin_record(
        snakemake.rule,
        dict(snakemake.wildcards.items()),
        snakemake.input,
        params,
        code=params.get("code") or loaded_digest(),
        seed=snakemake.config.get("seed"),
    )
