# Statistics of every run, and the comparison of a dataset's runs.
# Requires: predictions.parquet of runs. Gives: metrics.json and evaluation.png of each run,
# results/comparison/{dataset}.tsv and its picture.


rule evaluate:
    """Score one run with intervals over earthquakes."""
    input:
        predictions="results/runs/{dataset}/{view}/{model}/{strategy}/predictions.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
    output:
        metrics="results/runs/{dataset}/{view}/{model}/{strategy}/metrics.json",
        picture="results/runs/{dataset}/{view}/{model}/{strategy}/evaluation.png",
    log:
        "logs/evaluate/{dataset}_{view}_{model}_{strategy}.log",
    benchmark:
        "results/benchmarks/evaluate/{dataset}_{view}_{model}_{strategy}.tsv"
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=PLAN.json("evaluation"),
        code=code_digest("evaluate"),
    message:
        "Evaluating {wildcards.model} with {wildcards.strategy} on {wildcards.dataset} {wildcards.view}"
    script:
        "../scripts/evaluate.py"


rule compare:
    """Put all runs of a dataset into one table and one picture."""
    input:
        metrics=PLAN.run_files("metrics.json"),
        runs=PLAN.run_files("run.json"),
        timings=PLAN.run_files("timing.json"),
    output:
        table="results/comparison/{dataset}.tsv",
        picture="results/comparison/{dataset}.png",
    log:
        "logs/compare/{dataset}.log",
    benchmark:
        "results/benchmarks/compare/{dataset}.tsv"
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code_digest("compare"),
    message:
        "Comparing the runs of {wildcards.dataset}"
    script:
        "../scripts/compare.py"
