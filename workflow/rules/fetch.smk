# LiCSAR products of an event's interferograms, from the embedded archive or the configured mirrors.
# Requires: results/archive/{event}.json for simulated events. Gives: results/raw/{event}.json, which lists them, and
# results/raw/{frame}/{pair}/ with manifest.json and the products.
# No code digest and no mirror among the parameters: what was downloaded and checked stays valid whatever
# code or mirror brought it, and a changed time-out must not download an archive again.
# One job an event, not one an interferogram: those were two thirds of all jobs. Each file is resumed and kept by itself all the same.


rule fetch:
    """Download, check and list the products of an event's interferograms."""
    input:
        archive=PLAN.archive_of,
        # What another event fetches is not fetched by two jobs at once; what else that one fetches does not matter here.
        shared=ancient(PLAN.fetched_before),
    output:
        fetched="results/raw/{event}.json",
    log:
        "logs/fetch/{event}.log",
    benchmark:
        "results/benchmarks/fetch/{event}.tsv"
    localrule: not SITE.download_partition
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        **SITE.downloads,
        mem_mb=1000,
        runtime=SITE.minutes(720),
        downloads=1,
    params:
        interferograms=PLAN.pairs_json,
    message:
        "Fetching interferograms of {wildcards.event}"
    script:
        "../scripts/fetch.py"
