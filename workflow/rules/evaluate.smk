# Statistics of every run, and the comparison of a dataset's runs and strategies.
# Requires: predictions.parquet of runs. Gives: metrics.json and evaluation.png of each run,
# results/comparison/{dataset}.tsv and its picture, {dataset}_strategies.tsv, {dataset}_events.tsv and their pictures; and where
# no class is the one to be found {dataset}_classes.tsv, {dataset}_cascades.tsv.


rule evaluate:
    """Score one run with intervals over earthquakes, recordings or originals."""
    input:
        predictions="results/runs/{dataset}/{view}/{model}/{strategy}/predictions.parquet",
        history="results/runs/{dataset}/{view}/{model}/{strategy}/history.parquet",
        run="results/runs/{dataset}/{view}/{model}/{strategy}/run.json",
        dataset="results/datasets/{dataset}/dataset.json",
    output:
        metrics="results/runs/{dataset}/{view}/{model}/{strategy}/metrics.json",
        picture="results/runs/{dataset}/{view}/{model}/{strategy}/evaluation.png",
        training="results/runs/{dataset}/{view}/{model}/{strategy}/history.png",
    log:
        "logs/evaluate/{dataset}_{view}_{model}_{strategy}.log",
    benchmark:
        "results/benchmarks/evaluate/{dataset}_{view}_{model}_{strategy}.tsv"
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        **SITE.on_gpu(PLAN.trains_network),  # with its training in one job, see profiles/slurm
        mem_mb=SITE.memory(2000, per_mb=100, of=samples_of),
        runtime=SITE.minutes(30, per_mb=4, of=samples_of, share=0.1),
    params:
        settings=PLAN.json("evaluation"),
        stages=PLAN.stages_json,
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
        picture=report(
            "results/comparison/{dataset}.png",
            caption="../report/comparison.rst",
            category="Comparison",
            labels={"dataset": "{dataset}", "picture": "all runs"},
        ),
    log:
        "logs/compare/{dataset}.log",
    benchmark:
        "results/benchmarks/compare/{dataset}.tsv"
    localrule: True
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=15,
    params:
        code=code_digest("compare"),
    message:
        "Comparing the runs of {wildcards.dataset}"
    script:
        "../scripts/compare.py"


rule strategies:
    """Pair every run of a dataset with its baseline: differences, pictures by model and strategy, each event's detection."""
    input:
        predictions=PLAN.run_files("predictions.parquet"),
        dataset="results/datasets/{dataset}/dataset.json",
    output:
        table="results/comparison/{dataset}_strategies.tsv",
        events="results/comparison/{dataset}_events.tsv",
        differences=report(
            "results/comparison/{dataset}_strategies.png",
            caption="../report/strategies.rst",
            category="Comparison",
            labels={"dataset": "{dataset}", "picture": "paired differences"},
        ),
        heatmap="results/comparison/{dataset}_heatmap.png",
        curves="results/comparison/{dataset}_curves.png",
        reliability="results/comparison/{dataset}_reliability.png",
        confusion="results/comparison/{dataset}_confusion.png",
    log:
        "logs/strategies/{dataset}.log",
    benchmark:
        "results/benchmarks/strategies/{dataset}.tsv"
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(2000, per_mb=50),
        runtime=SITE.minutes(60, per_mb=2),
    params:
        settings=PLAN.json("evaluation"),
        code=code_digest("strategies"),
    message:
        "Pairing the strategies of {wildcards.dataset}"
    script:
        "../scripts/strategies.py"


rule classes:
    """Score every class of every run, each stage of cascades, and pair cascades with what tells all classes apart at once."""
    input:
        metrics=PLAN.run_files("metrics.json"),
        predictions=PLAN.run_files("predictions.parquet"),
        runs=PLAN.run_files("run.json"),
        dataset="results/datasets/{dataset}/dataset.json",
    output:
        table="results/comparison/{dataset}_classes.tsv",
        picture="results/comparison/{dataset}_classes.png",
        cascades="results/comparison/{dataset}_cascades.tsv",
    log:
        "logs/classes/{dataset}.log",
    benchmark:
        "results/benchmarks/classes/{dataset}.tsv"
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(2000, per_mb=50),
        runtime=SITE.minutes(60, per_mb=2),
    params:
        settings=PLAN.json("evaluation"),
        code=code_digest("classes"),
    message:
        "Scoring the classes of {wildcards.dataset}"
    script:
        "../scripts/classes.py"
