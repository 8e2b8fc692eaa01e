# Recordings: simulated shot gathers, waveforms of an FDSN data centre, or files in a folder; their index and their views.
# Requires: a collection in the configuration, and its label table. Gives: results/recordings/{collection}/ for what is
# simulated or fetched, and results/collections/{collection}/ with index.parquet, gather.zarr and spectrogram.zarr.


rule simulate_gathers:
    """Write simulated shot gathers as SEG-Y, with their labels."""
    output:
        labels="results/recordings/{collection}/labels.tsv",
        files="results/recordings/{collection}/files.json",
    log:
        "logs/simulate_gathers/{collection}.log",
    benchmark:
        "results/benchmarks/simulate_gathers/{collection}.tsv"
    wildcard_constraints:
        collection=PLAN.collections("simulated"),
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        settings=PLAN.simulated_json,
        seed=PLAN.config.seed,
        folder=PLAN.waveform_folder,
        code=code_digest("simulate_gathers"),
    message:
        "Simulating the gathers of {wildcards.collection}"
    script:
        "../scripts/simulate_gathers.py"


# As in rule fetch, neither the code nor another server or time-out fetches a window again that was fetched and checked.
rule fdsn:
    """Fetch a collection's waveforms from an FDSN data centre, window by window."""
    input:
        requests=PLAN.fdsn_requests,
    output:
        manifest="results/recordings/{collection}/manifest.json",
    log:
        "logs/fdsn/{collection}.log",
    benchmark:
        "results/benchmarks/fdsn/{collection}.tsv"
    wildcard_constraints:
        collection=PLAN.collections("fdsn"),
    localrule: not SITE.download_partition
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        **SITE.downloads,
        mem_mb=SITE.memory(2000),
        runtime=SITE.minutes(1440),
        downloads=1,
    params:
        responses=PLAN.fetches_responses,
    message:
        "Fetching the waveforms of {wildcards.collection}"
    script:
        "../scripts/fdsn.py"


rule index_recordings:
    """List the labelled parts of a collection's recordings, each checked against its file."""
    input:
        labels=PLAN.waveform_labels,
        recordings=PLAN.waveforms,
    output:
        index="results/collections/{collection}/index.parquet",
    log:
        "logs/index_recordings/{collection}.log",
    benchmark:
        "results/benchmarks/index_recordings/{collection}.tsv"
    wildcard_constraints:
        collection=PLAN.collections("simulated", "recordings", "fdsn"),
    conda:
        "../../envs/data.yaml"
    threads: HALF_THE_CORES
    resources:
        mem_mb=SITE.memory(2000, per_largest_mb=3),
        runtime=SITE.minutes(30, per_mb=0.1),
    params:
        folder=PLAN.waveform_folder,
        classes=PLAN.collection_classes,
        reading=PLAN.reading_json,
        code=code_digest("index_recordings"),
    message:
        "Listing the recordings of {wildcards.collection}"
    script:
        "../scripts/index_recordings.py"


rule gather:
    """Picture every recording as amplitudes, time down and traces across."""
    input:
        index="results/collections/{collection}/index.parquet",
        recordings=PLAN.waveforms,
    output:
        gather="results/collections/{collection}/gather.zarr/zarr.json",
    log:
        "logs/gather/{collection}.log",
    benchmark:
        "results/benchmarks/gather/{collection}.tsv"
    wildcard_constraints:
        collection=PLAN.collections("simulated", "recordings", "fdsn"),
    conda:
        "../../envs/data.yaml"
    threads: HALF_THE_CORES
    resources:
        mem_mb=SITE.memory(2000, per_largest_mb=3),
        runtime=SITE.minutes(30, per_mb=0.2),
    params:
        settings=PLAN.waveform_view("gather"),
        reading=PLAN.reading_json,
        code=code_digest("gather"),
    message:
        "Gathers of {wildcards.collection}"
    script:
        "../scripts/gather.py"


rule stft:
    """Compute the spectrogram of every recording."""
    input:
        index="results/collections/{collection}/index.parquet",
        recordings=PLAN.waveforms,
    output:
        spectrogram="results/collections/{collection}/spectrogram.zarr/zarr.json",
    log:
        "logs/stft/{collection}.log",
    benchmark:
        "results/benchmarks/stft/{collection}.tsv"
    wildcard_constraints:
        collection=PLAN.collections("simulated", "recordings", "fdsn"),
    conda:
        "../../envs/data.yaml"
    threads: HALF_THE_CORES
    resources:
        mem_mb=SITE.memory(2000, per_largest_mb=3),
        runtime=SITE.minutes(30, per_mb=0.2),
    params:
        settings=PLAN.waveform_view("spectrogram"),
        reading=PLAN.reading_json,
        code=code_digest("stft"),
    message:
        "Spectrograms of {wildcards.collection}"
    script:
        "../scripts/stft.py"
