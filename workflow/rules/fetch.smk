# LiCSAR products of one interferogram, from the embedded archive or the configured mirrors.
# Requires: results/archive/{event}.json for simulated events. Gives: results/raw/{frame}/{pair}/manifest.json.
# No code digest and no mirror among the parameters: what was downloaded and checked stays valid whatever
# code or mirror brought it, and a changed time-out must not download an archive again. No parameter at all: there are
# more of these jobs than of all others, and each function of a rule costs a dry-run a millisecond a job.


rule fetch:
    """Download, check and list the products of one interferogram."""
    input:
        archive=PLAN.archive_of,
    output:
        manifest="results/raw/{frame}/{pair}/manifest.json",
    log:
        "logs/fetch/{frame}/{pair}.log",
    benchmark:
        "results/benchmarks/fetch/{frame}_{pair}.tsv"
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=240,
        downloads=1,
    message:
        "Fetching {wildcards.frame} {wildcards.pair}"
    script:
        "../scripts/fetch.py"
