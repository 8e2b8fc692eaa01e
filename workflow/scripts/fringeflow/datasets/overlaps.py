"""Overlapping tiles of one interferogram: who overlaps whom, and whose score stands out from those around it.

Tiles that overlap show much of the same ground, so a model should think alike of them, except where their labels
differ. What is compared is therefore the *residual* of a tile, its score less its label. Tiles of a difficult
earthquake err together and stand out from nobody; a tile at the rim of the deformation has a higher score than the
quiet tiles beside it, and a higher label, too. What remains is a tile that alone is scored otherwise than its label and
its surroundings let expect: its label is wrong, or its score is. Of a lone deformed tile that no model recognises this cannot
tell a wrong label; hence the caps of `most_doubtful`, and a list for people.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.errors import DatasetError


@dataclass(frozen=True)
class Overlaps:
    """Pairs of tiles that overlap; each pair stands twice, once from either side.

    Attributes
    ----------
    count : int
        Tiles in all, n.
    tile, other : ndarray of int, shape (m,)
        Numbers of the two.
    area : ndarray of float64, shape (m,)
        Shared pixels over the pixels of a tile, above 0 and below 1.
    """

    count: int
    tile: np.ndarray
    other: np.ndarray
    area: np.ndarray

    @property
    def neighbours(self) -> np.ndarray:
        """How many tiles overlap each, shape (n,)."""
        return np.bincount(self.tile, minlength=self.count)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Return the mean over the tiles that overlap each, weighted by the shared area.

        Parameters
        ----------
        values : ndarray, shape (n, K)

        Returns
        -------
        ndarray of float64, shape (n, K)
            NaN for a tile that no other overlaps.

        Examples
        --------
        >>> pair = Overlaps(3, np.array([0, 1]), np.array([1, 0]), np.array([0.5, 0.5]))
        >>> pair.mean(np.array([[0.2], [0.6], [0.9]]))[:, 0]
        array([0.6, 0.2, nan])
        """
        total = np.bincount(self.tile, self.area, minlength=self.count)
        columns = [np.bincount(self.tile, self.area * column[self.other], minlength=self.count) for column in np.asarray(values, float).T]
        with np.errstate(invalid="ignore"):
            return np.stack(columns, axis=1) / total[:, None]


def tile_places(samples: pd.DataFrame) -> pd.DataFrame:
    """Return where tiles lie in their interferograms.

    Parameters
    ----------
    samples : DataFrame
        Columns `store` (a folder that also holds `tiles.parquet`) and `row` (place in the store).

    Returns
    -------
    DataFrame
        `row` and `column` of the upper-left pixel, one row a sample in the order of `samples`, numbered from 0.

    Raises
    ------
    DatasetError
        If an index of tiles is missing or shorter than the store.
    """
    places = np.zeros((len(samples), 2), dtype=np.int64)
    stores, rows = samples["store"].to_numpy(dtype=object), samples["row"].to_numpy(dtype=np.int64)
    for store in pd.unique(stores):
        path, here = Path(store) / "tiles.parquet", stores == store
        try:
            tiles = pd.read_parquet(path, columns=["row", "column"])
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path}: cannot be read as a tile index ({error}); run the workflow to make it") from error
        if rows[here].max() >= len(tiles):
            raise DatasetError(f"{path}: lists {len(tiles)} tiles, the dataset asks for number {rows[here].max()}; build the dataset again")
        places[here] = tiles.to_numpy()[rows[here]]
    return pd.DataFrame(places, columns=["row", "column"])


def find_overlaps(samples: pd.DataFrame, places: pd.DataFrame, size: int) -> Overlaps:
    """Find which tiles of the same interferogram overlap.

    Parameters
    ----------
    samples : DataFrame
        Columns `frame` and `pair`.
    places : DataFrame
        From `tile_places`.
    size : int
        Side of a tile, in pixels.

    Returns
    -------
    Overlaps
    """
    row, column = places["row"].to_numpy(), places["column"].to_numpy()
    tiles, others, areas = [], [], []
    for members in samples.reset_index(drop=True).groupby(["frame", "pair"], sort=True).indices.values():
        high = size - np.abs(row[members, None] - row[members])
        wide = size - np.abs(column[members, None] - column[members])
        shared = np.where((high > 0) & (wide > 0), high * wide, 0)
        np.fill_diagonal(shared, 0)
        first, second = np.nonzero(shared)
        tiles.append(members[first])
        others.append(members[second])
        areas.append(shared[first, second] / size**2)
    return Overlaps(len(samples), np.concatenate(tiles), np.concatenate(others), np.concatenate(areas))


def disagreement(labels: np.ndarray, probabilities: np.ndarray, overlaps: Overlaps) -> np.ndarray:
    """Return how far each tile's residual stands out from those of the tiles that overlap it.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        Numbers of the classes.
    probabilities : ndarray, shape (n, K)
        Scores of models that have not seen the tile's earthquake.
    overlaps : Overlaps

    Returns
    -------
    ndarray of float64, shape (n,)
        Half of sum_k |e_k - mean of the neighbours' e_k| with e = p - y (y is 1 for the own class, 0 otherwise), which for two
        classes is |(p - mean p) - (y - mean y)|. 0: scored like its neighbours, as its label lets expect; 1: a wrong
        label amid sure scores, or a score that is wrong by all there is amid right ones; at most 2. NaN for a tile
        that no other overlaps.

    Examples
    --------
    A quiet tile beside a deformed one, both scored as they are labelled, and then with the first label flipped:

    >>> pair = Overlaps(2, np.array([0, 1]), np.array([1, 0]), np.array([0.5, 0.5]))
    >>> sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> disagreement(np.array([0, 1]), sure, pair), disagreement(np.array([1, 1]), sure, pair)
    (array([0., 0.]), array([1., 1.]))
    """
    residual = _residual(labels, probabilities)
    return np.abs(residual - overlaps.mean(residual)).sum(axis=1) / 2


def errs_more(labels: np.ndarray, probabilities: np.ndarray, overlaps: Overlaps) -> np.ndarray:
    """Tell whose score is farther from its label than those around it: the others stand out only since their neighbours err.

    Parameters
    ----------
    labels, probabilities, overlaps
        As `disagreement` takes them.

    Returns
    -------
    ndarray of bool, shape (n,)
        False for a tile that no other overlaps.

    Examples
    --------
    A deformed tile that is recognised, beside one that is not:

    >>> pair = Overlaps(2, np.array([0, 1]), np.array([1, 0]), np.array([0.5, 0.5]))
    >>> errs_more(np.array([1, 1]), np.array([[0.0, 1.0], [0.9, 0.1]]), pair)
    array([False,  True])
    """
    residual = _residual(labels, probabilities)
    return np.abs(residual).sum(axis=1) > np.abs(overlaps.mean(residual)).sum(axis=1)


def _residual(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(probabilities, dtype=np.float64) - np.eye(np.shape(probabilities)[1])[labels]


def most_doubtful(amounts: np.ndarray, labels: np.ndarray, *, threshold: float, share: float) -> np.ndarray:
    """Choose the tiles to doubt, the worst first, and of no class more than a share.

    Parameters
    ----------
    amounts : ndarray, shape (n,)
        From `disagreement`.
    labels : ndarray of int, shape (n,)
    threshold : float
        Smallest amount that is doubted.
    share : float, below 1
        Of each class, at most this part, rounded down: of few samples of a rare class none, and never the last.

    Returns
    -------
    ndarray of int
        Numbers of tiles. Equal amounts stand in the order of the tiles.

    Examples
    --------
    >>> most_doubtful(np.array([0.9, 0.7, 0.8, 0.1, np.nan]), np.array([0, 0, 1, 1, 1]), threshold=0.5, share=0.5)
    array([0, 2])
    """
    order = np.argsort(-np.nan_to_num(amounts, nan=-1.0), kind="stable")
    order = order[amounts[order] >= threshold]
    allowed = np.floor(share * np.bincount(labels) + 1e-9)
    turn = pd.Series(labels[order]).groupby(labels[order]).cumcount().to_numpy() if len(order) else np.zeros(0)
    return order[turn < allowed[labels[order]]]
