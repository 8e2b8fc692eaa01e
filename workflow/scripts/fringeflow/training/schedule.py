"""How large a step is: a linear warm-up, then constant or down by a cosine; the same for every framework."""

from math import cos, pi

from fringeflow.config.models import Training


def rates(settings: Training, epoch: int, steps: int) -> list[float]:
    """Return the learning rate of every step of an epoch.

    Parameters
    ----------
    settings : Training
        Its `learning_rate`, `schedule`, `warmup` and `epochs`: the cosine ends with the last of all epochs, whether or not
        training stops before.
    epoch : int
        From 1.
    steps : int
        Of an epoch.

    Returns
    -------
    list of float
        None of them is 0: a warm-up of W steps rises by 1 / W a step, and reaches the whole rate with its last one.

    References
    ----------
    Loshchilov and Hutter (2017), arXiv:1608.03983 (cosine, without restarts); Goyal et al. (2017), arXiv:1706.02677 (warm-up).

    Examples
    --------
    >>> slow = Training(epochs=2, learning_rate=1.0, warmup=0.5, schedule="cosine")
    >>> [round(rate, 2) for epoch in (1, 2) for rate in rates(slow, epoch, 4)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.85, 0.5, 0.15]
    """
    total = settings.epochs * steps
    rising = settings.warmup * total
    found = []
    for step in range((epoch - 1) * steps, epoch * steps):
        share = 1.0
        if step < rising:
            share = min(1.0, (step + 1) / rising)
        elif settings.schedule == "cosine":
            share = (1 + cos(pi * (step - rising) / (total - rising))) / 2
        found.append(settings.learning_rate * share)
    return found
