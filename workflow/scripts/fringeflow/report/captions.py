"""What every picture shows, and how to read it, for someone who was not there."""

from typing import NamedTuple


class Caption(NamedTuple):
    """A picture's title and how to read it."""

    title: str
    text: str


COMPARISON = {
    "": Caption(
        "All runs side by side",
        "A row a run: the dot is its score on the test part, the line its interval. Lines that overlap much are not told apart by "
        "this test part. Dashed: what knowing nothing gives.",
    ),
    "strategies": Caption(
        "Paired differences",
        "Each run against the baseline of the same model and view, on the same draws. A line that touches 0 has not been decided. "
        "Logit adjustment moves the threshold and hardly the ranking: where there are two classes, PR-AUC shows next to nothing of it.",
    ),
    "curves": Caption(
        "Precision and recall",
        "Towards the upper right is better: found more of the rare class (recall) with fewer false alarms (precision). Dashed: prevalence, "
        "the precision of guessing.",
    ),
    "heatmap": Caption("Scores by model and strategy", "Darker is better. Compare along a row to see what a strategy adds to one model."),
    "reliability": Caption(
        "Reliability of probabilities",
        "On the diagonal, of what is called 70 % probable 70 % is right. Below it a model is too sure.",
    ),
    "confusion": Caption("Confusion on the test part", "Rows are what is true, columns what was called; off the diagonal are errors."),
    "classes": Caption(
        "Classes, stages and what is taken for what",
        "F1 of every class and of every stage of a cascade, with intervals; below, what the chosen runs take for what.",
    ),
    "study": Caption("Beside study A", "Scores in the layout of the study, its own figures beside ours; the test parts are not the same."),
}
"""By the kind in the name of a comparison's picture, in the order of the page."""

EXAMPLES = Caption(
    "Examples of every class",
    "Drawn at random from as many groups as there are, the same in every view; what a model is fed is made from these.",
)
GALLERY = Caption(
    "Right and wrong",
    "Test samples that the run called rightly and wrongly, of each kind those it was surest of, and where it looked if it can tell.",
)
CURVE = Caption(
    "Learning curve", "Score on the test part by the number of training {groups}. A curve that still rises asks for more of them."
)
"""Its `groups` are what the dataset calls them."""
SCORES = Caption(
    "Scores of every tile", "The phase of each interferogram, and the probability of fringes that the run gives to each of its tiles."
)
TRANSFER = Caption(
    "Scores by the number of simulated scenes",
    "Left: the area under the ROC curve on simulated scenes held out, and on real tiles. Right: the score of every real tile. Tiles of one "
    "interferogram overlap and share one atmosphere: a handful of interferograms is a handful of samples.",
)
TRANSFER_TITLES = {
    "scenes": ("Scenes", "simulated, that a network was trained on"),
    "real_roc_auc": ("Real: ROC-AUC", "on tiles of real interferograms"),
    "real_deformation": ("Deformation", "tiles of real interferograms that count as deformation"),
    "real_quiet": ("Quiet", "tiles of real interferograms that count as quiet"),
    "deformation_lowest": ("Lowest of deformation", "the least score of a real tile with deformation"),
    "quiet_highest": ("Highest of quiet", "the highest score of a real quiet tile"),
    "implants_roc_auc": ("Implants: ROC-AUC", "of windows of real quiet interferograms, half of them with modelled deformation"),
    "implants_seen": ("Seen", "share of the windows with modelled deformation that reach 0.5"),
    "implants_false_alarms": ("False alarms", "share of those without that reach 0.5"),
    "simulated_roc_auc": ("Simulated: ROC-AUC", "on tiles of held-out scenes"),
    "simulated_pr_auc": ("PR-AUC", "on the same; this chose the network that was packaged"),
    "simulated_volcano_alarms": ("Volcano alarms", "share of simulated tiles of volcanoes above 0.5 at the prevalence of training"),
}  # fmt: skip
"""Columns of a table of transfer: title and meaning."""
QUICKLOOK = Caption("Quicklook", "Wrapped phase and probability of fringes, with numbered outlines of what was detected.")
RUN = {
    "evaluation": Caption("Evaluation on the test part", "Bands and brackets are intervals over groups, not over single samples."),
    "history": Caption(
        "Training",
        "Loss and score by epoch, a line a seed and stage; a ring marks what was kept. A fit without epochs is a single point.",
    ),
    "tuning": Caption("Tuning", "What trials of hyper-parameters scored on folds of the training part; the test part had no hand in them."),
    "gallery": GALLERY,
}
"""By the name of a run's picture, in the order of the page."""
