"""CNNs over the folds with Keras, as one would write it: `keras_loop FOLDER EPOCHS FOLDS SEED S1B/0.3 ...`."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from keras import layers

FILTERS = (16, 32, 64, 128, 256)


def network(code: str, dropout_rate: float) -> keras.Model:
    """Table 1's network of a code such as S3B, compiled."""
    pooling = layers.MaxPooling2D if code[2] == "A" else layers.AveragePooling2D
    model = keras.Sequential([keras.Input((128, 128, 1))])
    for filters in FILTERS[: int(code[1])]:
        model.add(layers.Conv2D(filters, 3, activation="relu"))
        model.add(pooling(2))
        model.add(layers.Dropout(dropout_rate))
    model.add(layers.Flatten())
    model.add(layers.Dense(256, activation="relu"))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(keras.optimizers.Adam(1e-3), loss="binary_crossentropy", metrics=["accuracy"])
    return model


def main(folder: str, epochs: str, folds: str, seed: str, *cells: str) -> None:
    """Train a fresh model per cell and fold; print seconds, epochs and accuracy of each as JSON, by cell."""
    images = np.load(Path(folder) / "images.npy")[..., np.newaxis]
    labels = np.load(Path(folder) / "labels.npy")
    fold_of = np.load(Path(folder) / "folds.npy")
    results = {}
    for cell in cells:
        code, dropout_rate = cell.split("/")
        result = results[cell] = {"seconds": [], "epochs": [], "accuracy": []}
        for fold in range(1, int(folds) + 1):
            started = time.perf_counter()
            keras.backend.clear_session()
            keras.utils.set_random_seed(100 * int(seed) + fold)
            train, test = fold_of != fold, fold_of == fold
            model = network(code, float(dropout_rate))
            with tempfile.TemporaryDirectory() as place:
                best = Path(place) / "best.keras"
                history = model.fit(
                    images[train],
                    labels[train],
                    batch_size=32,
                    epochs=int(epochs),
                    validation_data=(images[test], labels[test]),
                    callbacks=[
                        keras.callbacks.EarlyStopping(patience=10),
                        keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=5, min_lr=1e-6),
                        keras.callbacks.ModelCheckpoint(best, save_best_only=True),
                    ],
                    verbose=0,
                )
                predicted = keras.models.load_model(best).predict(images[test], verbose=0)[:, 0]
            result["accuracy"].append(float(np.mean((predicted >= 0.5) == labels[test])))
            result["epochs"].append(len(history.history["loss"]))
            result["seconds"].append(time.perf_counter() - started)
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
