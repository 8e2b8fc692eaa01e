# Pretraining on simulated scenes that are never stored: `snakemake pretrain --configfile config/pretrain.yaml`.
# Requires: prepared interferograms of the events in `implant` and `real`, if there are any. Gives, in results/pretraining/{name}/:
# {scenes}/ (a run for each number of scenes), transfer.tsv, transfer.png and real_tiles.parquet (how they do on real
# interferograms), package/ (the model to give away, with its card). `update` keeps a network while its job runs: it is
# trained again only if the content of its inputs, its parameters or its code differ from what made it.


rule pretrain_network:
    """Train a network on a number of simulated scenes, as a stream."""
    input:
        implant=PLAN.pretraining_pairs("implant"),
    output:
        run=update("results/pretraining/{name}/{scenes}/run.json"),
        backbone=update("results/pretraining/{name}/{scenes}/backbone.safetensors"),
        head=update("results/pretraining/{name}/{scenes}/model/seed0.safetensors"),
        metrics=update("results/pretraining/{name}/{scenes}/metrics.json"),
        history=update("results/pretraining/{name}/{scenes}/history.parquet"),
    log:
        "logs/pretrain_network/{name}_{scenes}.log",
    benchmark:
        "results/benchmarks/pretrain_network/{name}_{scenes}.tsv"
    wildcard_constraints:
        scenes=r"\d+",
    conda:
        "../../envs/learning.yaml"
    threads: 2
    resources:
        mem_mb=SITE.memory(6000),
        runtime=SITE.minutes(1440),
    params:
        settings=PLAN.pretraining_fit_json,
        pairs=PLAN.pretraining_pairs_json("implant"),
        code=code_digest("pretrain_network", PLAN.pretraining_modules()),
    message:
        "Pretraining {wildcards.name} on {wildcards.scenes} scenes"
    script:
        "../scripts/pretrain_network.py"


rule transfer:
    """Score every pretrained network on real interferograms."""
    input:
        runs=PLAN.pretrained("run.json"),
        metrics=PLAN.pretrained("metrics.json"),
        real=PLAN.pretraining_pairs("real"),
    output:
        table="results/pretraining/{name}/transfer.tsv",
        tiles="results/pretraining/{name}/real_tiles.parquet",
        picture=report(
            "results/pretraining/{name}/transfer.png",
            caption="../report/transfer.rst",
            category="Pretraining",
            labels={"network": "{name}"},
        ),
    log:
        "logs/transfer/{name}.log",
    benchmark:
        "results/benchmarks/transfer/{name}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 2
    resources:
        mem_mb=SITE.memory(3000),
        runtime=SITE.minutes(120),
    params:
        settings=PLAN.pretraining_json("scenes", "implant"),
        pairs=PLAN.pretraining_pairs_json("real"),
        code=code_digest("transfer", PLAN.pretraining_modules()),
    message:
        "Scoring {wildcards.name} on real interferograms"
    script:
        "../scripts/transfer.py"


rule package_model:
    """Package the network that did best on held-out simulated scenes, with a card."""
    input:
        runs=PLAN.pretrained("run.json"),
        metrics=PLAN.pretrained("metrics.json"),
        real=PLAN.pretraining_pairs("real"),
        transfer="results/pretraining/{name}/transfer.tsv",
    output:
        card="results/pretraining/{name}/package/card.md",
        run="results/pretraining/{name}/package/run.json",
        backbone="results/pretraining/{name}/package/backbone.safetensors",
    log:
        "logs/package_model/{name}.log",
    benchmark:
        "results/benchmarks/package_model/{name}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 2
    resources:
        mem_mb=SITE.memory(3000),
        runtime=SITE.minutes(120),
    params:
        settings=PLAN.pretraining_json("scenes", "implant"),
        pairs=PLAN.pretraining_pairs_json("real"),
        code=code_digest("package_model", PLAN.pretraining_modules()),
    message:
        "Packaging {wildcards.name}"
    script:
        "../scripts/package_model.py"


rule pretrain:
    """Pretrain, score and package every network of `pretraining`."""
    input:
        PLAN.pretraining_targets,
