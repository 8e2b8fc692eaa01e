# What every rule stands on: the checked configuration as PLAN, and the code digest.
# Requires: config/config.yaml and the tables it names. Gives: PLAN, code_digest.

import re
import sys

sys.path.insert(0, f"{workflow.basedir}/workflow/scripts")

from fringeflow.errors import ConfigError
from fringeflow.plan import Plan
from fringeflow.provenance import code_digest
from fringeflow.report.looks import looks_digest

try:
    PLAN = Plan.load(
        config,
        files=[
            f"{workflow.basedir}/config/config.yaml",
            *workflow.overwrite_configfiles,
        ],
    )
except ConfigError as error:
    raise WorkflowError(str(error)) from None

# While Snakemake 9 limits the rate of jobs (100/1s unless told otherwise), every job that ends leaves a timer behind
# that walks through all ready jobs once a second from then on (its pull request 3744): a fifth of a core after 100
# jobs, and all of it after 1,000. Without the limit there are no timers.
if workflow.scheduling_settings:  # there are none while linting
    workflow.scheduling_settings.max_jobs_per_timespan = None

# Two networks side by side use the cores better than one after the other: loading them keeps a single core busy.
# `workflow.cores` would stop `snakemake --unlock`, which needs none.
cores = workflow.resource_settings.cores if workflow.resource_settings else None
HALF_THE_CORES = max(1, (cores or 2) // 2)


wildcard_constraints:
    event=r"[^/]+",
    frame=r"\d{3}[AD]_\d{5}_\d{6}",
    pair=r"\d{8}_\d{8}",
    tiling=r"[^/]+",
    dataset="|".join(map(re.escape, sorted(PLAN.config.datasets))) or r"[^/]+",
    collection=r"[^/]+",
    worker=r"\d+",
    recipe=r"(augment|implant)-[^/]+",
    view=r"[^/]+",
    model=r"[^/]+",
    strategy=r"[^/]+",
    encoder=r"[^/]+",
