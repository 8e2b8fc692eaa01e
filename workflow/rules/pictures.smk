# Pictures in folders of classes: their index, a check for look-alikes in two parts, and their store.
# Requires: a collection of pictures in the configuration. Gives: results/collections/{collection}/ with index.parquet,
# duplicates.tsv and images.zarr.


rule index_pictures:
    """List a collection's pictures; find those that look alike in two parts."""
    input:
        pictures=PLAN.pictures,
    output:
        index="results/collections/{collection}/index.parquet",
        duplicates="results/collections/{collection}/duplicates.tsv",
    log:
        "logs/index_pictures/{collection}.log",
    benchmark:
        "results/benchmarks/index_pictures/{collection}.tsv"
    wildcard_constraints:
        collection=PLAN.collections("pictures"),
    conda:
        "../../envs/data.yaml"
    threads: HALF_THE_CORES
    resources:
        mem_mb=SITE.memory(2000),
        runtime=SITE.minutes(30, per_mb=0.1),
    params:
        pictures=PLAN.pictures_json,
        code=code_digest("index_pictures"),
    message:
        "Listing the pictures of {wildcards.collection}"
    script:
        "../scripts/index_pictures.py"


rule images:
    """Crop and resize every picture."""
    input:
        index="results/collections/{collection}/index.parquet",
        pictures=PLAN.pictures,
    output:
        images="results/collections/{collection}/images.zarr/zarr.json",
    log:
        "logs/images/{collection}.log",
    benchmark:
        "results/benchmarks/images/{collection}.tsv"
    wildcard_constraints:
        collection=PLAN.collections("pictures"),
    conda:
        "../../envs/data.yaml"
    threads: HALF_THE_CORES
    resources:
        mem_mb=SITE.memory(2000),
        runtime=SITE.minutes(30, per_mb=0.1),
    params:
        settings=PLAN.pictures_json,
        code=code_digest("images"),
    message:
        "Pictures of {wildcards.collection}"
    script:
        "../scripts/images.py"
