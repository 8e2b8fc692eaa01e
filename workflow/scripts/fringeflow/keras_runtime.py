"""TensorFlow and Keras, set up before they start: the modules of this framework take both from here."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator

from fringeflow.errors import ModelError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

CHATTER = re.compile(rb"[IWE]0000 |WARNING: All log messages before absl|To enable the following instructions")
"""What TensorFlow says of every processor and of every machine without a GPU, before any log level is read."""


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Keep the greetings of TensorFlow's libraries out of the log; whatever else they say is passed on."""
    with tempfile.TemporaryFile() as told:
        stderr = os.dup(2)
        os.dup2(told.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            told.seek(0)
            os.write(2, b"".join(line for line in told if not CHATTER.match(line)))


with _without_chatter():
    import keras
    import tensorflow as tf

    GPUS = tf.config.list_physical_devices("GPU")

__all__ = ["GPUS", "keras", "start", "tf"]


def start(threads: int | None = None) -> None:
    """Set threads, memory and determinism, whatever a user's ``keras.json`` says.

    A GPU is used where TensorFlow finds one, and takes memory as it needs it. What TensorFlow fixes when it starts
    (threads, memory) stays as the first call of a process set it.

    Parameters
    ----------
    threads : int or None
        Of one operation; None leaves it to TF_NUM_INTRAOP_THREADS, or TensorFlow's own choice.

    Raises
    ------
    ModelError
        If Keras runs on something else than TensorFlow.
    """
    if keras.config.backend() != "tensorflow":
        raise ModelError(f"Keras runs on '{keras.config.backend()}', expected 'tensorflow'; unset KERAS_BACKEND")
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    with contextlib.suppress(RuntimeError):  # TensorFlow has started
        for device in GPUS:
            tf.config.experimental.set_memory_growth(device, True)
        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.experimental.enable_op_determinism()
