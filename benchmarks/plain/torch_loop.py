"""CNNs over the folds with PyTorch, as one would write it: `torch_loop FOLDER EPOCHS FOLDS SEED S1B/0.3 ...`."""

import copy
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

FILTERS = (16, 32, 64, 128, 256)


def network(code: str, dropout_rate: float) -> nn.Module:
    """Table 1's network of a code such as S3B; it gives logits."""
    pooling = nn.MaxPool2d if code[2] == "A" else nn.AvgPool2d
    steps: list[nn.Module] = []
    channels, side = 1, 128
    for filters in FILTERS[: int(code[1])]:
        steps += [nn.Conv2d(channels, filters, 3), nn.ReLU(), pooling(2), nn.Dropout(dropout_rate)]
        channels, side = filters, (side - 2) // 2
    flat = channels * side * side
    return nn.Sequential(*steps, nn.Flatten(), nn.Linear(flat, 256), nn.ReLU(), nn.Linear(256, 1))


def watched(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    """Loss and accuracy on the rows that are watched."""
    model.eval()
    with torch.inference_mode():
        logits = torch.cat([model(batch)[:, 0] for batch in images.split(32)])
    loss = nn.functional.binary_cross_entropy_with_logits(logits, labels)
    return float(loss), float(((logits >= 0).float() == labels).float().mean())


def fit(
    model: nn.Module, train: tuple[torch.Tensor, torch.Tensor], test: tuple[torch.Tensor, torch.Tensor], epochs: int
) -> tuple[int, float]:
    """Train with early stopping and a falling learning rate; epochs done, and accuracy at the lowest loss."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=4, min_lr=1e-6)
    data = torch.utils.data.TensorDataset(*train)
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True)
    lowest, best, since, accuracy, done = float("inf"), None, 0, 0.0, 0
    while done < epochs and since < 10:
        model.train()
        for images, labels in loader:
            optimizer.zero_grad()
            nn.functional.binary_cross_entropy_with_logits(model(images)[:, 0], labels).backward()
            optimizer.step()
        loss, now = watched(model, *test)
        plateau.step(loss)
        done, since = done + 1, since + 1
        if loss < lowest:
            lowest, best, since, accuracy = loss, copy.deepcopy(model.state_dict()), 0, now
    if best is not None:
        model.load_state_dict(best)
    return done, accuracy


def main(folder: str, epochs: str, folds: str, seed: str, *cells: str) -> None:
    """Train a fresh model per cell and fold; print seconds, epochs and accuracy of each as JSON, by cell."""
    images = torch.from_numpy(np.load(Path(folder) / "images.npy"))[:, None]
    labels = torch.from_numpy(np.load(Path(folder) / "labels.npy").astype(np.float32))
    fold_of = torch.from_numpy(np.load(Path(folder) / "folds.npy"))
    results = {}
    for cell in cells:
        code, dropout_rate = cell.split("/")
        result = results[cell] = {"seconds": [], "epochs": [], "accuracy": []}
        for fold in range(1, int(folds) + 1):
            started = time.perf_counter()
            torch.manual_seed(100 * int(seed) + fold)
            train, test = fold_of != fold, fold_of == fold
            model = network(code, float(dropout_rate))
            done, accuracy = fit(model, (images[train], labels[train]), (images[test], labels[test]), int(epochs))
            result["accuracy"].append(accuracy)
            result["epochs"].append(done)
            result["seconds"].append(time.perf_counter() - started)
    print(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
