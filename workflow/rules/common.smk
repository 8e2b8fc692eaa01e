# What every rule stands on: the checked configuration as PLAN, and the code digest.
# Requires: config/config.yaml and the tables it names. Gives: PLAN, code_digest, SITE (what a cluster's jobs may ask for).

import re
import sys

sys.path.insert(0, f"{workflow.basedir}/workflow/scripts")

from fringeflow.errors import ConfigError
from fringeflow.plan import Plan
from fringeflow.provenance import code_digest
from fringeflow.report.looks import looks_digest
from fringeflow.resources import Site, fetched_of, samples_of

try:
    PLAN = Plan.load(
        config,
        files=[
            f"{workflow.basedir}/config/config.yaml",
            *workflow.overwrite_configfiles,
        ],
    )
    # What the profile of a cluster says in `default-resources`; nothing on a workstation.
    given = workflow.resource_settings and workflow.resource_settings.default_resources
    SITE = Site.described(
        {name: getattr(value, "raw", value) for name, value in (given or {}).items()}
    )
except ConfigError as error:
    raise WorkflowError(str(error)) from None

# Two networks side by side use the cores better than one after the other: loading them keeps a single core busy.
# `workflow.cores` would stop `snakemake --unlock`, which needs none. On a cluster this process does not know the cores of
# a node, and the job there must not take more than it was given: there `max-threads` of the profile says how many.
cores = workflow.resource_settings.cores if workflow.resource_settings else None
most = workflow.resource_settings.max_threads if workflow.resource_settings else None
HALF_THE_CORES = most or max(1, (cores or 2) // 2)


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
