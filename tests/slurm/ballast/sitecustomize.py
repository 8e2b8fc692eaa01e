"""Troubles for jobs of rule `prepare`, by the plan of a test: with this folder on PYTHONPATH every Python reads this file.

A job announces itself in $FRINGEFLOW_TROUBLE and waits for `plan.json` there, which names its event's trouble: `memory`
(takes 2.4 GB, at every attempt) or `hang` (once). Other events go on.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

PATIENCE_S = 900


def _trouble(folder: Path, script: Path) -> None:
    event = re.search(rb"sim\d+_\w+", script.read_bytes())[0].decode()
    first = not list(folder.glob(f"{event}.*"))
    here = {"event": event, "job": os.environ["SLURM_JOB_ID"], "node": os.environ["SLURMD_NODENAME"]}
    (folder / f"{event}.{here['job']}.part").write_text(json.dumps(here))
    (folder / f"{event}.{here['job']}.part").rename(folder / f"{event}.{here['job']}.here")
    deadline = time.monotonic() + PATIENCE_S
    while not (folder / "plan.json").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    trouble = json.loads((folder / "plan.json").read_text()).get(event)
    if trouble == "memory":
        held = [bytearray(b"\1" * 100_000_000) for _ in range(24)]
        time.sleep(5)
        del held
    elif trouble == "hang" and first:
        time.sleep(PATIENCE_S)


if "FRINGEFLOW_TROUBLE" in os.environ and sys.orig_argv[-1].endswith("prepare.py"):
    _trouble(Path(os.environ["FRINGEFLOW_TROUBLE"]), Path(sys.orig_argv[-1]))
