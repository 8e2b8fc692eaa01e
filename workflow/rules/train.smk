# One run: a model under an imbalance strategy on one view of a dataset, for every seed.
# Requires: the dataset and the model's embeddings, and what its strategy wants of extra samples and doubts.
# Gives: results/runs/{dataset}/{view}/{model}/{strategy}/ with model/, run.json, history.parquet, predictions.parquet
# and timing.json. `update` keeps them while a job runs: it trains again only if the content of its inputs, its
# parameters or its code differ from what made them.


rule train:
    """Fit a head, or a network, with every seed; predict validation and test afterwards."""
    input:
        samples="results/datasets/{dataset}/samples.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
        embeddings=PLAN.embeddings_of,
        extra=PLAN.extra_of,
        doubts=PLAN.doubts_of,
        tuned=PLAN.tuned_of,
    output:
        run=update("results/runs/{dataset}/{view}/{model}/{strategy}/run.json"),
        history=update(
            "results/runs/{dataset}/{view}/{model}/{strategy}/history.parquet"
        ),
        predictions=update(
            "results/runs/{dataset}/{view}/{model}/{strategy}/predictions.parquet"
        ),
        timing=update("results/runs/{dataset}/{view}/{model}/{strategy}/timing.json"),
    log:
        "logs/train/{dataset}_{view}_{model}_{strategy}.log",
    benchmark:
        "results/benchmarks/train/{dataset}_{view}_{model}_{strategy}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        **SITE.on_gpu(PLAN.trains_network),
        mem_mb=SITE.memory(3000, per_mb=1000),
        runtime=SITE.minutes(240, per_mb=60, share=0.9),
    params:
        model=PLAN.model_json,
        strategy=PLAN.strategy_json,
        settings=PLAN.training_json,
        code=lambda wildcards: code_digest("train", PLAN.model_modules(wildcards)),
    message:
        "Training {wildcards.model} with {wildcards.strategy} on {wildcards.dataset} {wildcards.view}"
    script:
        "../scripts/train.py"
