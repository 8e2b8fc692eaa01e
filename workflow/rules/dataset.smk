# The index of a dataset: samples, labels, groups and splits; an index, not a copy.
# Requires: tiles.parquet and the stores of its events, or index.parquet and the stores of its collection. Gives: samples.parquet, dataset.json (its digest),
# summary.tsv, and a picture of examples for each view.


rule dataset:
    """Split a dataset's samples by earthquake, recording or original, and write its index."""
    input:
        indexes=PLAN.dataset_indexes,
        stores=PLAN.dataset_stores,
        duplicates=PLAN.duplicates_of,
    output:
        samples="results/datasets/{dataset}/samples.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
        summary="results/datasets/{dataset}/summary.tsv",
    log:
        "logs/dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/dataset/{dataset}.tsv"
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(2000, per_mb=0.002),
        runtime=SITE.minutes(30, per_mb=0.001),
    params:
        settings=PLAN.dataset_json,
        code=code_digest("dataset"),
    message:
        "Building dataset {wildcards.dataset}"
    script:
        "../scripts/dataset.py"


rule examples:
    """Picture example tiles of every class in one view."""
    input:
        samples="results/datasets/{dataset}/samples.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
        stores=PLAN.view_stores,
    output:
        picture="results/datasets/{dataset}/examples_{view}.png",
    log:
        "logs/examples/{dataset}_{view}.log",
    localrule: True
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        code=code_digest("examples"),
    message:
        "Picturing examples of {wildcards.dataset} ({wildcards.view})"
    script:
        "../scripts/examples.py"
