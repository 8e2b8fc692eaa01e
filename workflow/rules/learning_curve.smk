# Does more data still help? The test score by the number of training groups: events, recordings or originals.
# Requires: the dataset and the model's embeddings. Gives: results/learning_curves/{dataset}/{view}/{model}/{strategy}/
# with predictions.parquet, curve.tsv and curve.png. `update`: as in rule train.


rule fit_subsets:
    """Fit a model on nested subsets of the training groups; predict the test samples."""
    input:
        samples="results/datasets/{dataset}/samples.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
        embeddings=PLAN.embeddings_of,
        tuned=PLAN.tuned_of,
    output:
        predictions=update(
            "results/learning_curves/{dataset}/{view}/{model}/{strategy}/predictions.parquet"
        ),
    log:
        "logs/fit_subsets/{dataset}_{view}_{model}_{strategy}.log",
    benchmark:
        "results/benchmarks/fit_subsets/{dataset}_{view}_{model}_{strategy}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        **SITE.on_gpu(PLAN.trains_network),
        mem_mb=SITE.memory(3000, per_mb=1000),
        runtime=SITE.minutes(240, per_mb=60),
    params:
        model=PLAN.model_json,
        strategy=PLAN.strategy_json,
        settings=PLAN.training_json,
        curve=PLAN.json("learning_curve"),
        code=lambda wildcards: code_digest("fit_subsets", PLAN.model_modules(wildcards)),
    message:
        "Fitting {wildcards.model} with {wildcards.strategy} on subsets of {wildcards.dataset} {wildcards.view}"
    script:
        "../scripts/fit_subsets.py"


rule learning_curve:
    """Score the subsets with intervals over groups, and say what a doubling of the training groups adds."""
    input:
        predictions="results/learning_curves/{dataset}/{view}/{model}/{strategy}/predictions.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
    output:
        table="results/learning_curves/{dataset}/{view}/{model}/{strategy}/curve.tsv",
        picture="results/learning_curves/{dataset}/{view}/{model}/{strategy}/curve.png",
    log:
        "logs/learning_curve/{dataset}_{view}_{model}_{strategy}.log",
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(2000, per_mb=50),
        runtime=SITE.minutes(30, per_mb=2),
    params:
        settings=PLAN.json("evaluation"),
        code=code_digest("learning_curve"),
    message:
        "Learning curve of {wildcards.model} with {wildcards.strategy} on {wildcards.dataset} {wildcards.view}"
    script:
        "../scripts/learning_curve.py"
