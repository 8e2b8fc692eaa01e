# 2-D spectrograms of an event's tiles: local fringe frequency.
# Requires: wrapped.zarr of a tiling. Gives: spectrogram.zarr beside it, in the same order.


rule spectrogram:
    """Compute the 2-D spectrogram of exp(i phase) of every tile."""
    input:
        wrapped="results/events/{event}/{tiling}/wrapped.zarr/zarr.json",
    output:
        spectrogram="results/events/{event}/{tiling}/spectrogram.zarr/zarr.json",
    log:
        "logs/spectrogram/{event}_{tiling}.log",
    benchmark:
        "results/benchmarks/spectrogram/{event}_{tiling}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(1500),
        runtime=SITE.minutes(
            15 + PLAN.crew_wait_min, per_mb=0.02, of=fetched_of, share=0.2
        ),
        crews=PLAN.spectrogram_crews,
    params:
        settings=PLAN.json("spectrogram"),
        code=code_digest("spectrogram"),
    message:
        "Spectrograms of {wildcards.event} ({wildcards.tiling})"
    script:
        "../scripts/spectrogram.py"
