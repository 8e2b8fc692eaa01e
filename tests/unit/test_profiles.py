"""The profiles, and what rules ask of a cluster."""

import re

import pytest
import yaml

from fringeflow.resources import SAID_OF_A_SITE, Site

ELSEWHERE = {"executor", "jobs", "retries", "groups", "max-threads", "local-cores", "latency-wait", "default-resources"}
"""What only a cluster needs, beside the options of the plugin."""


@pytest.fixture
def profiles(root):
    return {name: yaml.safe_load((root / f"profiles/{name}/config.yaml").read_text()) for name in ("default", "slurm")}


def test_what_is_rebuilt_does_not_depend_on_where_it_runs(profiles):
    slurm = {key: value for key, value in profiles["slurm"].items() if key not in ELSEWHERE and not key.startswith("slurm-")}
    assert slurm == profiles["default"]


def test_the_profile_asks_for_no_job_arrays_and_no_requeueing(profiles):
    """Version 2.8.0 of the plugin checks the first task's outputs for all; a requeued job would be a second writer."""
    assert "slurm-array-jobs" not in profiles["slurm"]
    assert profiles["slurm"]["slurm-no-requeue"] is True
    assert profiles["slurm"]["retries"] >= 1


def test_what_a_user_may_fill_in_is_what_is_understood(root, profiles):
    text = (root / "profiles/slurm/config.yaml").read_text().split("# 2.")[0]
    named = set(re.findall(r"^  (?:# )?(\w+): ", text, re.MULTILINE))
    assert set(SAID_OF_A_SITE) <= named
    assert named <= {*SAID_OF_A_SITE, "slurm_account", "slurm_partition", "qos"}
    assert Site.described(profiles["slurm"]["default-resources"]).gpu == {}


def test_every_rule_is_short_or_asks_for_more_with_every_attempt(root):
    for path in (root / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"\nrule ", path.read_text())[1:]:
            if "script:" in rule and "localrule: True" not in rule and "downloads=1" not in rule:
                name = f"{path.name}: {rule.split(':')[0]}"
                assert "mem_mb=SITE.memory(" in rule, f"{name}: write mem_mb=SITE.memory(…), or `localrule: True` if it takes seconds"
                assert "runtime=SITE.minutes(" in rule, f"{name}: write runtime=SITE.minutes(…)"


def test_every_rule_that_hires_counts_its_crew_by_what_it_hires_by(root):
    """One that is not counted comes on top of the four that a profile allows."""
    counted = {"min_pairs": "PLAN.crews", "min_tiles": "PLAN.spectrogram_crews"}
    rules = "\n".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk")).split("\nrule ")
    found = []
    for script in (root / "workflow/scripts").glob("*.py"):
        if hired := re.search(r"hire\(dask, .*least=dask\.(\w+)", script.read_text()):
            (rule,) = (rule for rule in rules if f'"../scripts/{script.name}"' in rule)
            assert f"crews={counted[hired[1]]}," in rule, f"rule {rule.split(':')[0]}: write crews={counted[hired[1]]}"
            found.append(script.stem)
    assert sorted(found) == ["prepare", "scan", "spectrogram", "tile"]


def test_the_minutes_of_rules_in_one_job_add_up_to_no_more_than_a_partition_gives(root, profiles):
    """SLURM would let the job wait for ever."""
    shares: dict[str, float] = {}
    rules = {rule.split(":")[0]: rule for path in (root / "workflow/rules").glob("*.smk") for rule in path.read_text().split("\nrule ")[1:]}
    for entry in profiles["slurm"]["groups"]:
        rule, group = entry.split("=")
        given = re.search(r"runtime=SITE\.minutes\([^)]*share=([\d.]+)\s*\)", rules[rule])
        assert given, f"rule {rule}: say its share of the longest job, runtime=SITE.minutes(…, share=…)"
        shares[group] = shares.get(group, 0) + float(given[1])
    assert shares and all(total <= 1 + 1e-9 for total in shares.values()), shares
