# Trained runs applied to every tile of further events, for example real interferograms.
# Requires: the stores of the event and trained runs. Gives: results/scores/{event}/tiles.tsv and tiles.png.


rule score:
    """Score every tile of an event with trained runs."""
    input:
        index=PLAN.score_index,
        stores=PLAN.score_stores,
        interferograms="results/events/{event}/interferograms.zarr/zarr.json",
        runs=PLAN.score_runs,
        comparisons=PLAN.score_comparisons,
    output:
        table="results/scores/{event}/tiles.tsv",
        picture="results/scores/{event}/tiles.png",
    log:
        "logs/score/{event}.log",
    benchmark:
        "results/benchmarks/score/{event}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 2
    resources:
        mem_mb=SITE.memory(4000, per_largest_mb=6),
        runtime=SITE.minutes(60, per_mb=0.03),
    params:
        settings=PLAN.json("score"),
        code=lambda wildcards: code_digest("score", PLAN.score_modules()),
    message:
        "Scoring the tiles of {wildcards.event}"
    script:
        "../scripts/score.py"
