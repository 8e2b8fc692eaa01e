# The wrap/unwrap split of an event's interferograms.
# Requires: results/raw/{frame}/{pair}/manifest.json. Gives: results/events/{event}/interferograms.zarr.


rule prepare:
    """Align an event's interferograms as wrapped and unwrapped phase with validity."""
    input:
        manifests=PLAN.manifests,
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
        mem_mb=4000,
        runtime=240,
    params:
        event=PLAN.event_json,
        interferograms=PLAN.interferograms_json,
        settings=PLAN.json("prepare"),
        code=code_digest("prepare"),
    message:
        "Preparing {wildcards.event}"
    script:
        "../scripts/prepare.py"
