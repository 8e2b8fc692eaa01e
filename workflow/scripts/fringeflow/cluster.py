"""A crew of dask workers on several nodes of a SLURM cluster, for events that outgrow one node.

Each worker is a SLURM job. They share the file system with the job that hires them, and write what they make there; only
small results come back. What they say to each other is encrypted with keys made for this one crew: whoever reached an
open port of a dask scheduler could run code as the user.

distributed and dask_jobqueue take a second to import, and are not needed elsewhere: they are imported when a crew is.
"""

import logging
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import dask

from fringeflow.config.cluster import Dask
from fringeflow.crew import Crew
from fringeflow.errors import ClusterError
from fringeflow.progress import progress_bar
from fringeflow.provenance import SCRIPTS

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")
logger = logging.getLogger(__name__)

LOGS = Path("logs/dask")
"""Where the workers' own output goes, a file each."""
PEEK_S = 5.0
"""How often is looked whether workers are still there."""
PATIENCE_S = 30.0
"""How long pieces under way are waited for after an error; what longer ones leave behind, the next run removes."""


class Nodes:
    """Workers of a dask cluster, as a crew.

    Parameters
    ----------
    client : distributed.Client
    wait_s : float
        Longest time without any worker, in seconds.
    renew : callable
        Asks for workers in place of those that are gone; called every few seconds.
    explain : callable
        Returns what is known about workers that do not come.
    """

    def __init__(self, client: "Client", *, wait_s: float, renew: Callable[[], object], explain: Callable[[], str]):
        self._client = client
        self._wait_s = wait_s
        self._renew = renew
        self._explain = explain

    def each(self, work: Callable[..., T], pieces: Sequence[tuple[Any, ...]], *, desc: str, unit: str) -> list[T]:
        """Do `work(*piece)` for every piece and return the results in order; a piece whose worker is lost is given to another.

        Raises
        ------
        ClusterError
            If no worker is there for too long, or one piece after the other loses its worker.
        """
        from distributed import as_completed
        from distributed.scheduler import KilledWorker

        futures = self._client.map(_alone, [work] * len(pieces), list(pieces), pure=False)
        places = {future.key: place for place, future in enumerate(futures)}
        results: dict[int, T] = {}
        finished = as_completed(futures, loop=self._client.loop)
        seen = peeked = time.monotonic()
        try:
            with progress_bar(len(futures), desc=desc, unit=unit) as bar:
                while finished.count():
                    if finished.has_ready():
                        for future in finished.next_batch(block=False):
                            results[places[future.key]] = future.result()
                            bar.update()
                        continue
                    time.sleep(0.02)
                    now = time.monotonic()
                    if now - peeked > PEEK_S:
                        peeked = now
                        seen = now if self._client.nthreads() else seen
                        self._renew()
                    if now - seen > self._wait_s:
                        raise ClusterError(f"{desc}: no worker in {self._wait_s / 60:.3g} minutes. {self._explain()}")
        except BaseException as error:
            with suppress(Exception):
                self._call_off(futures)
            if isinstance(error, KilledWorker):
                raise ClusterError(
                    f"{desc}: a {unit} lost its worker {error.allowed_failures + 1} times, last {error.last_worker.address}: it was likely "
                    f"killed for its memory or its time; raise dask.memory_gb or dask.walltime_min, or lower dask.cores. Its output is in {LOGS}"
                ) from error
            raise
        return [results[place] for place in range(len(futures))]

    def _call_off(self, futures: list[Any]) -> None:
        """Let no piece begin any more, and wait a little for those under way: they write into folders that are about to be removed."""
        self._client.cancel(futures)
        deadline = time.monotonic() + PATIENCE_S
        while any(self._client.run(_busy).values()) and time.monotonic() < deadline:
            time.sleep(0.1)


def _busy(dask_worker: Any) -> bool:
    """Tell whether a worker is at work on anything, wanted or not."""
    return bool(dask_worker.state.executing)


def _alone(work: Callable[..., T], piece: tuple[Any, ...]) -> T:
    """Do a piece of work in a worker: what it computes with dask itself stays in its thread."""
    dask.config.set(scheduler="synchronous")  # for the whole process, whose other threads want the same
    return work(*piece)


@contextmanager
def hire(settings: Dask, *, size: int, least: int, name: str) -> Iterator[Crew | None]:
    """Give a crew if the configuration wants one for work of this size, and None if the job should do it alone.

    Parameters
    ----------
    settings : Dask
    size : int
        Of the work: interferograms or tiles.
    least : int
        Size from which a crew is worth its start.
    name : str
        Of the workers' SLURM jobs.

    Yields
    ------
    Crew or None
        Its workers are sent home at the end.

    Raises
    ------
    ClusterError
        If a package or a command is missing, SLURM refuses such jobs, or the network interface is unknown.
    """
    if settings.cluster == "local" or size < least:
        yield None
        return
    cluster_class, client_class = _packages()
    for command in ("sbatch", "squeue", "scancel"):
        if shutil.which(command) is None:
            raise ClusterError(
                f"dask.cluster is 'slurm', but there is no command '{command}' on {os.uname().nodename}; "
                "load the module that brings it, run this rule on a node that has it, or set dask.cluster to local"
            )
    _check_interface(settings.interface)
    LOGS.mkdir(parents=True, exist_ok=True)
    logging.getLogger("distributed").setLevel(logging.WARNING)
    with cluster_class(**_options(settings, name)) as cluster:
        try:
            _check_submission(cluster.job_script())
            cluster.scale(jobs=settings.workers)
            logger.info("%s: asked SLURM for %d workers of %d cores", name, settings.workers, settings.cores)
            with client_class(cluster, set_as_default=False) as client:
                yield Nodes(
                    client,
                    wait_s=60 * settings.wait_min,
                    renew=lambda: cluster.scale(jobs=settings.workers),
                    explain=lambda: _what_squeue_shows(name),
                )
        finally:
            # The files of its keys would stay until this process ends.
            for kept in vars(cluster).values():
                if isinstance(kept, tempfile._TemporaryFileWrapper):
                    kept.close()


def _packages() -> tuple[Any, Any]:
    """Import what only a crew needs."""
    try:
        from dask_jobqueue import SLURMCluster
        from distributed import Client
    except ImportError as error:
        raise ClusterError(
            f"dask.cluster is 'slurm', but {error.name} cannot be imported; run `pip install '.[slurm]'`, or set dask.cluster to local"
        ) from error
    return SLURMCluster, Client


def _options(settings: Dask, name: str) -> dict[str, Any]:
    """Return the arguments of a SLURMCluster."""
    one_thread = [
        f"export {variable}=1" for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
    ]
    return {
        "cores": settings.cores,
        "processes": 1,
        "memory": f"{int(settings.memory_gb * 1000)}MB",
        "walltime": str(settings.walltime_min),
        "queue": settings.partition,
        "account": settings.account,
        "interface": settings.interface,
        "local_directory": settings.scratch,
        "job_name": name,
        "job_extra_directives": settings.sbatch,
        "job_script_prologue": [f"export PYTHONPATH={SCRIPTS}${{PYTHONPATH:+:$PYTHONPATH}}", *one_thread],
        "log_directory": str(LOGS.absolute()),
        "scheduler_options": {"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        "security": True,
        "shared_temp_directory": str(LOGS.absolute()),
    }


def _check_interface(interface: str | None) -> None:
    import psutil

    known = sorted(psutil.net_if_addrs())
    if interface is not None and interface not in known:
        raise ClusterError(
            f"dask.interface: {os.uname().nodename} has no network interface '{interface}', it has {', '.join(known)}; name one that the "
            "nodes have as well, or null"
        )


def _check_submission(script: str) -> None:
    """Ask SLURM whether it would take such a job."""
    asked = subprocess.run(["sbatch", "--test-only"], input=script, capture_output=True, text=True)
    if asked.returncode:
        directives = "\n".join(f"  {line}" for line in script.splitlines() if line.startswith("#SBATCH"))
        raise ClusterError(
            f"SLURM refuses the workers' jobs: {asked.stderr.strip()}\nThey were to be:\n{directives}\n"
            "Correct the section dask of the configuration, or try again later if SLURM itself was away"
        )


def _what_squeue_shows(name: str) -> str:
    """Return the state of the workers' jobs, and the last words of the one that spoke last."""
    command = ["squeue", "--name", name, "--format", "%i %T %R"]
    shown = subprocess.run(command, capture_output=True, text=True)
    text = f"`{' '.join(command)}` shows:\n{(shown.stdout or shown.stderr).strip()}"
    outputs = sorted(LOGS.glob(f"{name}-*.err"), key=lambda path: path.stat().st_mtime)
    if outputs:
        text += f"\nThe end of {outputs[-1]}:\n" + "\n".join(outputs[-1].read_text(errors="replace").splitlines()[-5:])
    return f"{text}\nIf the jobs only wait, raise dask.wait_min or lower what dask asks for"
