# Galleries: test tiles that a run got right and wrong, with where the network looked.
# Requires: a run with its metrics, or for the best one the comparison and all runs of the view.
# Gives: results/runs/{dataset}/{view}/{model}/{strategy}/gallery.png, results/comparison/{dataset}/gallery_{view}.png. `update`:
# the latter is kept as long as validation chooses the same run and that run is the same.


rule gallery:
    """Picture what one run got right and wrong."""
    input:
        run="results/runs/{dataset}/{view}/{model}/{strategy}/run.json",
        predictions="results/runs/{dataset}/{view}/{model}/{strategy}/predictions.parquet",
        metrics="results/runs/{dataset}/{view}/{model}/{strategy}/metrics.json",
        samples="results/datasets/{dataset}/samples.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
        stores=PLAN.view_stores,
    output:
        picture="results/runs/{dataset}/{view}/{model}/{strategy}/gallery.png",
    log:
        "logs/gallery/{dataset}_{view}_{model}_{strategy}.log",
    benchmark:
        "results/benchmarks/gallery/{dataset}_{view}_{model}_{strategy}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(3000),
        runtime=SITE.minutes(30),
    params:
        settings=PLAN.json("gallery"),
        code=lambda wildcards: code_digest("gallery", PLAN.gallery_modules(wildcards)),
    message:
        "Gallery of {wildcards.model} with {wildcards.strategy} on {wildcards.dataset} {wildcards.view}"
    script:
        "../scripts/gallery.py"


rule best_gallery:
    """Picture what the run of a view that validation chooses got right and wrong."""
    input:
        comparison="results/comparison/{dataset}.tsv",
        runs=PLAN.view_files("run.json"),
        predictions=PLAN.view_files("predictions.parquet"),
        metrics=PLAN.view_files("metrics.json"),
        samples="results/datasets/{dataset}/samples.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
        stores=PLAN.view_stores,
    output:
        picture=update("results/comparison/{dataset}/gallery_{view}.png"),
    log:
        "logs/best_gallery/{dataset}_{view}.log",
    benchmark:
        "results/benchmarks/best_gallery/{dataset}_{view}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(3000),
        runtime=SITE.minutes(30),
    params:
        settings=PLAN.json("gallery"),
        code=lambda wildcards: code_digest(
            "best_gallery", PLAN.gallery_modules(wildcards)
        ),
    message:
        "Gallery of the best run on {wildcards.dataset} {wildcards.view}"
    script:
        "../scripts/best_gallery.py"
