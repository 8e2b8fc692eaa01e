"""Fringeflow: from LiCSAR interferograms to a comparison of models with honest statistics.

Run `snakemake --cores all`, or `make run`. Every setting is explained in config/README.md.
"""

from snakemake.utils import min_version

min_version("9.0")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/guard.smk"
include: "workflow/rules/simulate.smk"
include: "workflow/rules/catalogue.smk"
include: "workflow/rules/fetch.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/tile.smk"
include: "workflow/rules/spectrogram.smk"
include: "workflow/rules/recordings.smk"
include: "workflow/rules/pictures.smk"
include: "workflow/rules/dataset.smk"
include: "workflow/rules/embed.smk"
include: "workflow/rules/extra.smk"
include: "workflow/rules/vary.smk"
include: "workflow/rules/curate.smk"
include: "workflow/rules/tune.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/learning_curve.smk"
include: "workflow/rules/study.smk"
include: "workflow/rules/gallery.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/pretrain.smk"
include: "workflow/rules/detect.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/verify.smk"


rule all:
    """Compare every configured run, picture every dataset, score every further event."""
    default_target: True
    input:
        PLAN.targets,


onsuccess:
    end_run()
    print(PLAN.summary())
