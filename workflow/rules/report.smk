# One self-contained page of everything that was made.
# Requires: all comparisons, pictures and detections that the configuration asks for. Gives: results/report.html. Pretraining is
# shown as far as `snakemake pretrain` has made it: the page asks for none, and is written again when there is more to show.
# Snakemake's own report (`snakemake --report`) shows the rules and their run times beside it.


rule report:
    """Write one page that shows what was run, on what, with which result."""
    input:
        **PLAN.report_files,
    output:
        page=report(
            "results/report.html",
            caption="../report/page.rst",
            category="Start here",
        ),
    log:
        "logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    localrule: True
    conda:
        "../../envs/statistics.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        about=PLAN.report_json,
        card=PLAN.card_digest,
        pretrained=PLAN.pretrained_json,
        benchmarks="results/benchmarks",
        looks=looks_digest(),
        code=code_digest("report"),
    message:
        "Writing the report"
    script:
        "../scripts/report.py"
