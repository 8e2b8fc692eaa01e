# The embedded archive: simulated interferograms in a mirror's own layout.
# Requires: nothing. Gives: results/archive/{event}.json, the list of an event's files with their sha256.


rule simulate:
    """Write the simulated interferograms of one event into the embedded archive."""
    output:
        files="results/archive/{event}.json",
    log:
        "logs/simulate/{event}.log",
    benchmark:
        "results/benchmarks/simulate/{event}.tsv"
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        event=PLAN.event_json,
        interferograms=PLAN.interferograms_json,
        settings=PLAN.json("simulation"),
        seed=PLAN.config.seed,
        root=PLAN.archive,
        code=code_digest("simulate"),
    message:
        "Simulating {wildcards.event}"
    script:
        "../scripts/simulate.py"
