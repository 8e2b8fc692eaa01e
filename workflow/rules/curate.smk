# Training tiles to doubt: those whose score stands out from the tiles that overlap them.
# Requires: a dataset, the tile indexes of its events, and the embeddings of the model that scores. Gives:
# results/datasets/{dataset}/doubts/{view}/{curate}.parquet (for training), .tsv (the list for people) and .png (a gallery).


rule doubts:
    """Score training tiles by models that have not seen their earthquake; list those that stand out."""
    input:
        samples="results/datasets/{dataset}/samples.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
        embeddings=PLAN.curator_embeddings,
        indexes=PLAN.dataset_indexes,
        stores=PLAN.wrapped_stores,
    output:
        doubts="results/datasets/{dataset}/doubts/{view}/{curate}.parquet",
        table="results/datasets/{dataset}/doubts/{view}/{curate}.tsv",
        picture="results/datasets/{dataset}/doubts/{view}/{curate}.png",
    log:
        "logs/doubts/{dataset}_{view}_{curate}.log",
    benchmark:
        "results/benchmarks/doubts/{dataset}_{view}_{curate}.tsv"
    wildcard_constraints:
        curate="drop|downweight",
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(3000, per_mb=0.01),
        runtime=SITE.minutes(240, per_mb=0.01),
    params:
        model=PLAN.curator_json,
        training=PLAN.curator_training_json,
        curation=PLAN.json("curation"),
        size=PLAN.tile_size,
        code=lambda wildcards: code_digest("doubts", PLAN.curator_modules(wildcards)),
    message:
        "Doubting training tiles of {wildcards.dataset} {wildcards.view} to {wildcards.curate}"
    script:
        "../scripts/doubts.py"
