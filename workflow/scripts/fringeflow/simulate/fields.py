"""Random fields with a power-law spectrum: the shape of both mountains and weather."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Field = NDArray[np.float32]


def power_law_field(
    rng: np.random.Generator,
    shape: tuple[int, int],
    pixel_km: tuple[float, float],
    *,
    exponents: Sequence[float],
    breaks_km: Sequence[float] = (),
    outer_km: float = 1e6,
) -> Field:
    """Draw an isotropic Gaussian field whose two-dimensional power falls as k**-exponent.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (rows, columns)
    pixel_km : (float, float)
        Height and width of a pixel, km.
    exponents : sequence of float
        Of the power per wavenumber area, from long waves to short; one more than `breaks_km`.
        A profile across the field has each exponent less 1.
    breaks_km : sequence of float
        Wavelengths, descending, where one exponent hands over to the next; the power is continuous.
    outer_km : float
        Waves longer than this have no more power than it has.

    Returns
    -------
    ndarray of float32, `shape`
        Mean 0 and standard deviation 1 over the field. Its edges do not match: a larger periodic field
        is drawn and cut.

    Raises
    ------
    ValueError
        If the numbers of exponents and breaks do not fit.
    """
    if len(exponents) != len(breaks_km) + 1:
        raise ValueError(f"{len(exponents)} exponents need {len(exponents) - 1} breaks_km, not {len(breaks_km)}")
    rows, columns = (fft.next_fast_len(size + size // 4, real=True) for size in shape)
    k_row = np.fft.fftfreq(rows, pixel_km[0])[:, None]
    k_column = np.fft.rfftfreq(columns, pixel_km[1])[None, :]
    k = np.maximum(np.hypot(k_row, k_column), max(1.0 / outer_km, 1e-9))
    log_power = -exponents[0] * np.log(k)
    for before, after, wavelength in zip(exponents, exponents[1:], breaks_km, strict=False):
        log_power -= (after - before) * np.log(np.maximum(k * wavelength, 1.0))
    amplitude = np.exp(0.5 * (log_power - log_power.max())).astype(np.float32)
    amplitude[0, 0] = 0.0
    white = rng.standard_normal((rows, columns), dtype=np.float32)
    field = fft.irfft2(fft.rfft2(white) * amplitude, s=(rows, columns))[: shape[0], : shape[1]]
    field = field - field.mean()
    return (field / max(float(field.std()), 1e-12)).astype(np.float32)
