# Explicit target: read every result again and hold it against the record of the job that made it.
# Requires: nothing; what results/provenance tells of. Gives: results/verify.tsv, and an error that names what was changed or removed
# by hand. It has no output, so that it always runs. (No docstring: without input and output, snakefmt 2.1 misplaces it.)

from snakemake.iocontainers import Wildcards

from fringeflow.verification import settings_now


rule verify:
    log:
        "logs/verify.log",
    localrule: True
    conda:
        "../../envs/data.yaml"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        now=lambda wildcards: settings_now(
            {
                rule.name: dict(rule.params.items())
                for rule in workflow.rules
                if rule.output
            },
            lambda name, found: workflow.get_rule(name).expand_input(
                Wildcards(fromdict=found)
            )[0],
        ),
        table="results/verify.tsv",
    message:
        "Verifying all results; {params.table} will list them"
    script:
        "../scripts/verify.py"
