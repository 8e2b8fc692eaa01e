# Overlapping labelled tiles of an event under one tiling.
# Requires: interferograms.zarr. Gives: wrapped.zarr, unwrapped.zarr and tiles.parquet.


rule tile:
    """Cut an event's interferograms into overlapping labelled tiles."""
    input:
        interferograms="results/events/{event}/interferograms.zarr/zarr.json",
        polygons=PLAN.polygons_of,
    output:
        index="results/events/{event}/{tiling}/tiles.parquet",
        wrapped="results/events/{event}/{tiling}/wrapped.zarr/zarr.json",
        unwrapped="results/events/{event}/{tiling}/unwrapped.zarr/zarr.json",
    log:
        "logs/tile/{event}_{tiling}.log",
    benchmark:
        "results/benchmarks/tile/{event}_{tiling}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(1500, per_largest_mb=6, of=fetched_of),
        runtime=SITE.minutes(
            20 + PLAN.crew_wait_min, per_mb=0.02, of=fetched_of, share=0.2
        ),
        crews=PLAN.crews,
    params:
        event=PLAN.event_json,
        interferograms=PLAN.interferograms_json,
        others=PLAN.others_json,
        tiling=PLAN.tiling_json,
        code=code_digest("tile"),
    message:
        "Tiling {wildcards.event} ({wildcards.tiling})"
    script:
        "../scripts/tile.py"
