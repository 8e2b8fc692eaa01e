# Variants of rarer training recordings and pictures, for strategies of kind `augmentation`: mirrored, two left halves, two
# right halves. The views are computed from the varied recordings themselves.
# Requires: a dataset of a collection. Gives: results/datasets/{dataset}/extra/{recipe}/ with samples.parquet and {view}.zarr;
# rule embed_extra embeds them.


rule vary:
    """Choose variants of the rarer classes of the training split."""
    input:
        samples="results/datasets/{dataset}/samples.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
    output:
        samples="results/datasets/{dataset}/extra/{recipe}/samples.parquet",
    log:
        "logs/vary/{dataset}_{recipe}.log",
    benchmark:
        "results/benchmarks/vary/{dataset}_{recipe}.tsv"
    wildcard_constraints:
        dataset=PLAN.datasets("recordings", "pictures"),
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        recipe=PLAN.extra_json,
        code=code_digest("vary"),
    message:
        "Choosing variants {wildcards.recipe} of {wildcards.dataset}"
    script:
        "../scripts/vary.py"


rule vary_view:
    """Compute one view of every variant."""
    input:
        samples="results/datasets/{dataset}/extra/{recipe}/samples.parquet",
        index=PLAN.index_of,
        files=PLAN.variant_files,
    output:
        store="results/datasets/{dataset}/extra/{recipe}/{view}.zarr/zarr.json",
    log:
        "logs/vary_view/{dataset}_{recipe}_{view}.log",
    benchmark:
        "results/benchmarks/vary_view/{dataset}_{recipe}_{view}.tsv"
    wildcard_constraints:
        dataset=PLAN.datasets("recordings", "pictures"),
    conda:
        "../../envs/data.yaml"
    threads: HALF_THE_CORES
    resources:
        mem_mb=SITE.memory(2000, per_largest_mb=3),
        runtime=SITE.minutes(60, per_mb=0.2),
    params:
        settings=PLAN.variant_view_json,
        reading=PLAN.variant_reading_json,
        code=code_digest("vary_view"),
    message:
        "Variants {wildcards.recipe} of {wildcards.dataset} ({wildcards.view})"
    script:
        "../scripts/vary_view.py"
