# The wrap/unwrap split of an event's interferograms.
# Requires: results/raw/{event}.json and what it lists. Gives: results/events/{event}/interferograms.zarr.


rule prepare:
    """Align an event's interferograms as wrapped and unwrapped phase with validity."""
    input:
        fetched="results/raw/{event}.json",
    output:
        interferograms="results/events/{event}/interferograms.zarr/zarr.json",
    log:
        "logs/prepare/{event}.log",
    benchmark:
        "results/benchmarks/prepare/{event}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(2000, per_largest_mb=20),
        runtime=SITE.minutes(30 + PLAN.crew_wait_min, per_mb=0.1, share=0.6),
        crews=PLAN.crews,
    params:
        event=PLAN.event_json,
        interferograms=PLAN.interferograms_json,
        settings=PLAN.json("prepare"),
        code=code_digest("prepare"),
    message:
        "Preparing {wildcards.event}"
    script:
        "../scripts/prepare.py"
