# Study A's table from a dataset's runs, beside its own figures, and its claims; made where `study.datasets` asks for it.
# Requires: predictions of the study's runs and the comparison. Gives: results/comparison/{dataset}_study.tsv, .md, .png
# and the claims.


rule study:
    """Put a dataset's runs into the layout of study A, and decide its claims."""
    input:
        predictions=PLAN.study_predictions,
        comparison="results/comparison/{dataset}.tsv",
        dataset="results/datasets/{dataset}/dataset.json",
    output:
        table="results/comparison/{dataset}_study.tsv",
        claims="results/comparison/{dataset}_study_claims.tsv",
        text="results/comparison/{dataset}_study.md",
        picture="results/comparison/{dataset}_study.png",
    log:
        "logs/study/{dataset}.log",
    benchmark:
        "results/benchmarks/study/{dataset}.tsv"
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(2000, per_mb=50),
        runtime=SITE.minutes(60, per_mb=2),
    params:
        runs=PLAN.study_json,
        settings=PLAN.json("evaluation"),
        code=code_digest("study"),
    message:
        "Putting the runs of {wildcards.dataset} beside study A"
    script:
        "../scripts/study.py"
