"""The configuration of dask: whether one event is worked on by threads of its job or by several nodes of a cluster.

It decides where something is computed, never what: no rule is run again because of it.
"""

from typing import Annotated, Literal

from pydantic import Field

from fringeflow.config.strict import Positive, Strict

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.,:@+-]*$", max_length=64)]


class Dask(Strict):
    """Who prepares, tiles, transforms and scans one event: threads of its own job, or dask workers on several nodes of a SLURM cluster.

    Results are the same, and a change here runs nothing again. See "Dask across nodes" in docs/slurm.md.
    """

    cluster: Literal["local", "slurm"] = Field(
        "local",
        description="`local`: threads of the job. `slurm`: workers that the job submits with sbatch; needs `pip install '.[slurm]'`.",
    )
    workers: int = Field(4, ge=1, le=1000, description="Workers of an event, a SLURM job each.")
    cores: int = Field(4, ge=1, le=1024, description="Cores of a worker; each works on one interferogram at a time.")
    memory_gb: Positive = Field(16.0, description="Memory of a worker, in GB: about 4 for each of its cores.")
    walltime_min: int = Field(240, ge=1, description="Longest life of a worker, in minutes; one that ends early is replaced.")
    partition: Word | None = Field(None, description="Partition of the workers; null: the cluster's default.")
    account: Word | None = Field(None, description="Account that pays for the workers; null: the user's default.")
    sbatch: list[Annotated[str, Field(pattern=r"^--?[A-Za-z][^\r\n]*$")]] = Field(
        [], description='Further options of sbatch, for example ["--qos=short", "--constraint=haswell"].'
    )
    interface: Word | None = Field(
        None,
        description="Network interface through which the job and its workers talk, for example `ib0`; null: the one that leads outside.",
    )
    scratch: str | None = Field(None, description="Folder on each node for what a worker puts aside; null: the node's temporary folder.")
    wait_min: Positive = Field(
        60.0, description="Longest time without any worker, in minutes, before the job gives up and says what squeue shows."
    )
    min_pairs: int = Field(20, ge=1, description="Events with fewer interferograms are prepared, tiled or scanned by their job alone.")
    min_tiles: int = Field(5000, ge=1, description="Events with fewer tiles are transformed to spectrograms by their job alone.")
