# Hyper-parameters by Optuna, for models with `tune`: trials on folds of the training split, shared by `tune.workers` jobs.
# Requires: what training requires. Gives: results/tuning/{dataset}/{view}/{model}/{strategy}/ with best.json, trials.tsv and
# tuning.png. The trials themselves stand in study/, which no job removes: a killed study goes on.


rule tune_worker:
    """Try hyper-parameters until the study has all its trials."""
    input:
        samples="results/datasets/{dataset}/samples.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
        embeddings=PLAN.embeddings_of,
        extra=PLAN.extra_of,
        doubts=PLAN.doubts_of,
    output:
        done="results/tuning/{dataset}/{view}/{model}/{strategy}/worker{worker}.json",
    log:
        "logs/tune_worker/{dataset}_{view}_{model}_{strategy}_{worker}.log",
    benchmark:
        "results/benchmarks/tune_worker/{dataset}_{view}_{model}_{strategy}_{worker}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        **SITE.on_gpu(PLAN.trains_network),
        mem_mb=SITE.memory(3000, per_mb=1000),
        runtime=SITE.minutes(480, per_mb=120),
    params:
        model=PLAN.model_json,
        strategy=PLAN.strategy_json,
        settings=PLAN.training_json,
        tune=PLAN.tune_json,
        code=lambda wildcards: code_digest("tune_worker", PLAN.model_modules(wildcards)),
    message:
        "Tuning {wildcards.model} with {wildcards.strategy} on {wildcards.dataset} {wildcards.view} (worker {wildcards.worker})"
    script:
        "../scripts/tune_worker.py"


rule tune:
    """Gather the trials of a study: the best hyper-parameters, a table, and a picture."""
    input:
        workers=PLAN.tune_workers,
    output:
        best="results/tuning/{dataset}/{view}/{model}/{strategy}/best.json",
        trials="results/tuning/{dataset}/{view}/{model}/{strategy}/trials.tsv",
        picture="results/tuning/{dataset}/{view}/{model}/{strategy}/tuning.png",
    log:
        "logs/tune/{dataset}_{view}_{model}_{strategy}.log",
    benchmark:
        "results/benchmarks/tune/{dataset}_{view}_{model}_{strategy}.tsv"
    localrule: True
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=15,
    params:
        trials=PLAN.trials,
        code=code_digest("tune"),
    message:
        "Gathering the trials of {wildcards.model} with {wildcards.strategy} on {wildcards.dataset} {wildcards.view}"
    script:
        "../scripts/tune.py"
