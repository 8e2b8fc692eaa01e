"""TensorFlow and Keras, set up before they start: the modules of this framework take both from here."""

import contextlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import tensorflow as tf

from fringeflow.errors import ModelError

__all__ = ["keras", "start", "tf"]


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
        for device in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(device, True)
        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.experimental.enable_op_determinism()
