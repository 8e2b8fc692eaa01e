"""Surface displacement of a finite rectangular dislocation in an elastic half-space (Okada 1985).

The equation numbers in the comments are those of the paper.

References
----------
Okada, Y. (1985). Surface deformation due to shear and tensile faults in a half-space.
Bulletin of the Seismological Society of America 75(4), 1135-1154.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
TINY = 1e-9
"""Below this fraction of the fault's size a term counts as zero, as the paper's rules for singular points ask."""


class Displacement(NamedTuple):
    """Displacement along the fault's axes: `x` along strike, `y` to the left of it, `z` up; metres."""

    x: Array
    y: Array
    z: Array


def surface_displacement(
    x: ArrayLike,
    y: ArrayLike,
    *,
    depth: float,
    dip_deg: float,
    length: float,
    width: float,
    strike_slip: float = 0.0,
    dip_slip: float = 0.0,
    tensile: float = 0.0,
    poisson: float = 0.25,
) -> Displacement:
    """Displace the free surface by uniform slip on a rectangle.

    Parameters
    ----------
    x, y : array_like, shapes that broadcast
        Positions along strike and to the left of it, in any one unit of length, from the surface point
        above the corner of the fault's *lower* edge where the strike direction starts (figure 1 of the
        paper). The plane dips to the right of strike, so its upper edge lies towards positive `y`.
    depth : float
        Depth of the lower edge, same unit, positive.
    dip_deg : float
        Dip, degrees.
    length, width : float
        Along strike and along dip, same unit.
    strike_slip, dip_slip, tensile : float
        Components of the dislocation (U1 left-lateral, U2 reverse, U3 opening), metres.
    poisson : float
        Poisson's ratio.

    Returns
    -------
    Displacement
        Three arrays of the broadcast shape, in the unit of the dislocation.

    Raises
    ------
    ValueError
        If the rectangle is empty or rises above the surface.

    Examples
    --------
    Table 2, case 2, strike-slip:

    >>> u = surface_displacement(2, 3, depth=4, dip_deg=70, length=3, width=2, strike_slip=1)
    >>> [float(f"{value:.3e}") for value in u]
    [-0.008689, -0.004298, -0.002747]
    """
    sine, cosine = float(np.sin(np.radians(dip_deg))), float(np.cos(np.radians(dip_deg)))
    if abs(cosine) < 1e-5:  # (28) loses its digits as 1 / cos(dip)^2; within 0.0006 degrees of vertical (29) is closer
        sine, cosine = float(np.sign(sine)), 0.0
    if not (length > 0 and width > 0):
        raise ValueError(f"a fault needs length ({length}) and width ({width}) above 0")
    if depth - width * sine < -TINY * width:
        raise ValueError(f"the fault rises above the surface: lower edge at {depth}, upper edge at {depth - width * sine}")
    x, y = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    p = y * cosine + depth * sine  # (30)
    q = y * sine - depth * cosine
    total = [np.zeros(x.shape), np.zeros(x.shape), np.zeros(x.shape)]
    # Chinnery's notation (24): f(x, p) - f(x, p - W) - f(x - L, p) + f(x - L, p - W)
    for sign, xi, eta in ((1, x, p), (-1, x, p - width), (-1, x - length, p), (1, x - length, p - width)):
        corner = _Corner(xi, eta, q, sine, cosine, 1.0 - 2.0 * poisson, TINY * max(length, width))
        for slip, terms in ((strike_slip, corner.strike), (dip_slip, corner.dip), (tensile, corner.tensile)):
            if slip:
                for component, value in zip(total, terms(), strict=True):
                    component += sign * slip / (2.0 * np.pi) * value
    return Displacement(*total)


class _Corner:
    """The terms of (25)-(29) at one corner of the rectangle; slips of unit size, without 1 / (2 pi)."""

    def __init__(self, xi: Array, eta: Array, q: Array, sine: float, cosine: float, mu_ratio: float, tiny: float):
        """Take `mu_ratio` = mu / (lambda + mu) = 1 - 2 poisson."""
        self.xi, self.q, self.sine, self.cosine = xi, q, sine, cosine
        self.y = eta * cosine + q * sine  # (30), with tilde in the paper
        self.d = eta * sine - q * cosine
        self.r = np.sqrt(xi * xi + eta * eta + q * q)
        with np.errstate(divide="ignore", invalid="ignore"):
            regular = self.r + eta > tiny  # rule (iii): R + eta = 0
            inverse = np.where(regular, 1.0 / (self.r * (self.r + eta)), 0.0)
            log_r_eta = np.where(regular, np.log(self.r + eta), -np.log(self.r - eta))
            self.inverse_eta = np.where(self.r > tiny, inverse, 0.0)
            inverse_xi = 1.0 / (self.r * (self.r + xi))
            self.inverse_xi = np.where((self.r + xi > tiny) & (self.r > tiny), inverse_xi, 0.0)
            self.angle = np.where(np.abs(q) > tiny, np.arctan(xi * eta / (q * self.r)), 0.0)  # rule (i): q = 0
            self._fill_i(eta, mu_ratio, log_r_eta, tiny)

    def _fill_i(self, eta: Array, mu_ratio: float, log_r_eta: Array, tiny: float) -> None:
        """Compute I1 to I5."""
        xi, q, y, r, sine, cosine = self.xi, self.q, self.y, self.r, self.sine, self.cosine
        r_d = r + self.d
        if cosine == 0.0:  # (29)
            self.i5 = -mu_ratio * xi * sine / r_d
            self.i4 = -mu_ratio * q / r_d
            self.i3 = mu_ratio / 2.0 * (eta / r_d + y * q / r_d**2 - log_r_eta)
            self.i1 = -mu_ratio / 2.0 * xi * q / r_d**2
        else:  # (28)
            big_x = np.sqrt(xi * xi + q * q)
            angle = np.arctan((eta * (big_x + q * cosine) + big_x * (r + big_x) * sine) / (xi * (r + big_x) * cosine))
            self.i5 = mu_ratio * 2.0 / cosine * np.where(np.abs(xi) > tiny, angle, 0.0)  # rule (ii): xi = 0
            self.i4 = mu_ratio / cosine * (np.log(r_d) - sine * log_r_eta)
            self.i3 = mu_ratio * (y / (cosine * r_d) - log_r_eta) + sine / cosine * self.i4
            self.i1 = -mu_ratio * xi / (cosine * r_d) - sine / cosine * self.i5
        self.i2 = -mu_ratio * log_r_eta - self.i3

    def strike(self) -> tuple[Array, Array, Array]:
        """Strike-slip (25)."""
        q, sine, cosine, inverse = self.q, self.sine, self.cosine, self.inverse_eta
        return (
            -(self.xi * q * inverse + self.angle + self.i1 * sine),
            -(self.y * q * inverse + q * cosine * self.r * inverse + self.i2 * sine),
            -(self.d * q * inverse + q * sine * self.r * inverse + self.i4 * sine),
        )

    def dip(self) -> tuple[Array, Array, Array]:
        """Dip-slip (26)."""
        q, sine, cosine = self.q, self.sine, self.cosine
        with np.errstate(divide="ignore", invalid="ignore"):
            q_r = np.where(self.r > 0, q / self.r, 0.0)
        return (
            -(q_r - self.i3 * sine * cosine),
            -(self.y * q * self.inverse_xi + cosine * self.angle - self.i1 * sine * cosine),
            -(self.d * q * self.inverse_xi + sine * self.angle - self.i5 * sine * cosine),
        )

    def tensile(self) -> tuple[Array, Array, Array]:
        """Tensile opening (27)."""
        q, sine, cosine = self.q, self.sine, self.cosine
        twist = self.xi * q * self.inverse_eta - self.angle
        return (
            q * q * self.inverse_eta - self.i3 * sine**2,
            -self.d * q * self.inverse_xi - sine * twist - self.i1 * sine**2,
            self.y * q * self.inverse_xi + cosine * twist - self.i5 * sine**2,
        )
