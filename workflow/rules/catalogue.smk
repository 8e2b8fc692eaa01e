# Explicit target: look up interferograms of events that have none yet.
# Requires: the events tables and a mirror. Gives: rows in the interferograms table, which is a lock file:
# the workflow itself never changes it while it runs. (No docstring: without input and output, snakefmt 2.1 misplaces it.)


rule catalogue:
    log:
        "logs/catalogue.log",
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=120,
        downloads=1,
    params:
        events=PLAN.portal_events_json,
        table=PLAN.config.catalogue.interferograms[0],
    message:
        "Looking up interferograms for {params.table}"
    script:
        "../scripts/catalogue.py"
