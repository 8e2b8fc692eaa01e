# Features of a frozen backbone, cached by content in results/cache: a new event embeds only its own tiles.
# Requires: a dataset and its stores. Gives: results/datasets/{dataset}/embeddings/{view}/{encoder}.json.


rule embed:
    """Compute the features of a dataset's tiles with one frozen backbone."""
    input:
        samples="results/datasets/{dataset}/samples.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
        stores=PLAN.view_stores,
        weights=PLAN.encoder_weights,
    output:
        embeddings="results/datasets/{dataset}/embeddings/{view}/{encoder}.json",
    log:
        "logs/embed/{dataset}_{view}_{encoder}.log",
    benchmark:
        "results/benchmarks/embed/{dataset}_{view}_{encoder}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: HALF_THE_CORES
    resources:
        **SITE.on_gpu(PLAN.embeds_by_network),
        mem_mb=SITE.memory(3000, per_mb=0.002),
        runtime=SITE.minutes(60, per_mb=0.03),
    params:
        encoder=PLAN.encoder_json,
        bfloat16=PLAN.config.training.bfloat16,
        code=lambda wildcards: code_digest("embed", PLAN.encoder_modules(wildcards)),
    message:
        "Embedding {wildcards.dataset} {wildcards.view} with {wildcards.encoder}"
    script:
        "../scripts/embed.py"
