# Scanning of interferograms for fringes: `snakemake detect` makes results/detections/summary.tsv.
# Requires: prepared interferograms of detect.events and detect.folder, and a trained run. Gives, for each in
# results/detections/{frame}/{pair}/: probability.tif, windows.parquet, point.json (its threshold and what that rests on),
# detections.geojson, quicklook.png. The first two are what results/detections/scans/{event}.json lists.
# One job scans an event, not one an interferogram: each would load the network anew. An interferogram that is scanned already is kept.


rule detector:
    """Write down which trained run scans."""
    input:
        comparisons=PLAN.detector_comparisons,
        runs=PLAN.detector_runs,
        metrics=PLAN.detector_metrics,
    output:
        detector="results/detections/detector.json",
    log:
        "logs/detector.log",
    localrule: True
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        sizes=PLAN.sizes_json,
        packaged=PLAN.packaged,
        packaged_digest=PLAN.packaged_digest,
        code=code_digest("detector"),
    message:
        "Choosing the run that scans"
    script:
        "../scripts/detector.py"


rule scan:
    """Slide a trained run over an event's interferograms; blend each one's windows into a map of probability."""
    input:
        interferograms="results/events/{event}/interferograms.zarr/zarr.json",
        detector="results/detections/detector.json",
    output:
        scanned="results/detections/scans/{event}.json",
    log:
        "logs/scan/{event}.log",
    benchmark:
        "results/benchmarks/scan/{event}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 2
    resources:
        mem_mb=SITE.memory(3000, per_largest_mb=10),
        runtime=SITE.minutes(60 + PLAN.crew_wait_min, per_mb=0.2),
        crews=PLAN.crews,
    params:
        interferograms=PLAN.scan_keys,
        settings=PLAN.detect_json("stride", "min_valid"),
        spectrogram=PLAN.json("spectrogram"),
        code=lambda wildcards: code_digest("scan", PLAN.detector_modules()),
    message:
        "Scanning interferograms of {wildcards.event}"
    script:
        "../scripts/scan.py"


rule quiet:
    """Gather what all real quiet interferograms show into one table, on which thresholds rest."""
    input:
        scans=PLAN.quiet_scans,
    output:
        quiet="results/detections/quiet.parquet",
    log:
        "logs/quiet.log",
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        interferograms=PLAN.quiet_keys,
        code=code_digest("quiet"),
    message:
        "Gathering what quiet interferograms show"
    script:
        "../scripts/quiet.py"


rule outline:
    """Choose the threshold of an interferogram from quiet ones, outline what reaches it, and picture it."""
    input:
        interferograms=PLAN.scanned_interferograms,
        scan=PLAN.scan_of,
        detector="results/detections/detector.json",
        quiet=PLAN.quiet_table,
        samples=PLAN.detector_samples,
    output:
        point="results/detections/{frame}/{pair}/point.json",
        detections="results/detections/{frame}/{pair}/detections.geojson",
        quicklook=report(
            "results/detections/{frame}/{pair}/quicklook.png",
            caption="../report/quicklook.rst",
            category="Detections",
            labels={"frame": "{frame}", "pair": "{pair}"},
        ),
    log:
        "logs/outline/{frame}_{pair}.log",
    benchmark:
        "results/benchmarks/outline/{frame}_{pair}.tsv"
    conda:
        "../../envs/learning.yaml"
    threads: 1
    resources:
        mem_mb=SITE.memory(2000, per_largest_mb=6),
        runtime=SITE.minutes(30, per_mb=0.02),
    params:
        settings=PLAN.detect_json(
            "false_alarm_rate", "min_area_km2", "min_valid", "near_km", "stride"
        ),
        packaged_digest=PLAN.packaged_digest,
        events=PLAN.detection_events_json,
        code=code_digest("outline"),
    message:
        "Outlining detections in {wildcards.frame} {wildcards.pair}"
    script:
        "../scripts/outline.py"


rule detections:
    """Rank the scanned interferograms, those most likely to hold fringes first."""
    input:
        scans=PLAN.scans,
        points=PLAN.detection_files("point.json"),
        detections=PLAN.detection_files("detections.geojson"),
    output:
        summary="results/detections/summary.tsv",
    log:
        "logs/detections.log",
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        events=PLAN.detection_owners,
        code=code_digest("detections"),
    message:
        "Ranking the scanned interferograms"
    script:
        "../scripts/detections.py"


rule detect:
    """Scan every interferogram of detect.events and detect.folder."""
    input:
        PLAN.detection_targets,
