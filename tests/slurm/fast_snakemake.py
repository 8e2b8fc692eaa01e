"""The command line of Snakemake with a short sleep between looks at the queue, for tests only.

The SLURM plugin looks seldom on purpose: after each look that finds nothing ended it waits ten seconds longer. The jobs
themselves start the ordinary Snakemake.
"""

import asyncio
import sys

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def _sleep(self: RemoteExecutor) -> None:
    await asyncio.sleep(1)


RemoteExecutor.sleep = _sleep
sys.exit(main())
