# Extra training samples, for strategies that ask for them: altered copies of rarer classes (`augment`), or modelled
# deformation in quiet training tiles (`implant`). A recipe is a kind and a ratio; strategies with the same one share it.
# Requires: a dataset, the tiles of its events and their index, and its embeddings, whose number format those of extra
# samples take: on machines of several kinds the rarer classes would be told by it. Gives: results/datasets/{dataset}/extra/{recipe}/
# with samples.parquet, wrapped.zarr, unwrapped.zarr, spectrogram.zarr, and embeddings/{view}/{encoder}.json.


rule extra:
    """Make extra training samples of the rarer classes from the training split."""
    input:
        samples="results/datasets/{dataset}/samples.parquet",
        dataset="results/datasets/{dataset}/dataset.json",
        sources=PLAN.extra_sources,
    output:
        samples="results/datasets/{dataset}/extra/{recipe}/samples.parquet",
        wrapped="results/datasets/{dataset}/extra/{recipe}/wrapped.zarr/zarr.json",
        unwrapped="results/datasets/{dataset}/extra/{recipe}/unwrapped.zarr/zarr.json",
    log:
        "logs/extra/{dataset}_{recipe}.log",
    benchmark:
        "results/benchmarks/extra/{dataset}_{recipe}.tsv"
    wildcard_constraints:
        dataset=PLAN.datasets("interferograms"),
    conda:
        "../../envs/data.yaml"
    threads: HALF_THE_CORES
    resources:
        mem_mb=SITE.memory(2000, per_mb=0.01),
        runtime=SITE.minutes(60, per_mb=0.01),
    params:
        recipe=PLAN.extra_json,
        code=code_digest("extra"),
    message:
        "Making extra samples {wildcards.recipe} of {wildcards.dataset}"
    script:
        "../scripts/extra.py"


rule spectrogram_extra:
    """Compute the 2-D spectrogram of exp(i phase) of every extra sample."""
    input:
        wrapped="results/datasets/{dataset}/extra/{recipe}/wrapped.zarr/zarr.json",
    output:
        spectrogram="results/datasets/{dataset}/extra/{recipe}/spectrogram.zarr/zarr.json",
    log:
        "logs/spectrogram_extra/{dataset}_{recipe}.log",
    benchmark:
        "results/benchmarks/spectrogram_extra/{dataset}_{recipe}.tsv"
    wildcard_constraints:
        dataset=PLAN.datasets("interferograms"),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(1500),
        runtime=SITE.minutes(15, per_mb=0.02),
    params:
        settings=PLAN.json("spectrogram"),
        code=code_digest("spectrogram_extra"),
    message:
        "Spectrograms of extra samples {wildcards.recipe} of {wildcards.dataset}"
    script:
        "../scripts/spectrogram_extra.py"


rule embed_extra:
    """Compute the features of extra samples with one frozen backbone."""
    input:
        samples="results/datasets/{dataset}/extra/{recipe}/samples.parquet",
        store="results/datasets/{dataset}/extra/{recipe}/{view}.zarr/zarr.json",
        like="results/datasets/{dataset}/embeddings/{view}/{encoder}.json",
        weights=PLAN.encoder_weights,
    output:
        embeddings="results/datasets/{dataset}/extra/{recipe}/embeddings/{view}/{encoder}.json",
    log:
        "logs/embed_extra/{dataset}_{recipe}_{view}_{encoder}.log",
    benchmark:
        "results/benchmarks/embed_extra/{dataset}_{recipe}_{view}_{encoder}.tsv"
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
        code=lambda wildcards: code_digest(
            "embed_extra", PLAN.encoder_modules(wildcards)
        ),
    message:
        "Embedding extra samples {wildcards.recipe} of {wildcards.dataset} {wildcards.view} with {wildcards.encoder}"
    script:
        "../scripts/embed_extra.py"
