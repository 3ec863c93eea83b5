"""SHAP values of a fused network: what each clinical column and the voice add to the log-odds of one recording.

The players are the columns of the release (not their encoded features) and the voice. A left-out player takes the cell
of each background recording in turn, recorded or not: a missing cell may be replaced by a recorded one and vice versa.
Computed by the library shap: exactly for up to ten players, otherwise over random orders, forwards and backwards.
Source: Lundberg and Lee, NeurIPS 2017.
"""

from collections.abc import Callable, Sequence

import numpy as np

EXACT_UP_TO = 10
"""Up to this number of players, all 2^n coalitions are evaluated."""


def values(
    predict: Callable[[np.ndarray, np.ndarray], np.ndarray],
    encoded: np.ndarray,
    rows: np.ndarray,
    background: np.ndarray,
    background_rows: np.ndarray,
    player_of: Sequence[int],
    *,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute SHAP values of clinical columns and voice.

    Parameters
    ----------
    predict : callable
        (encoded features (m, features), rows (m,) that identify the voice) -> log-odds (m,).
    encoded, background : array, shape (n, features) and (m, features)
        Features of the explained recordings and of the background recordings.
    rows, background_rows : array of int
        Their voices, as `predict` identifies them.
    player_of : sequence of int
        Player of each feature, 0 to players - 2. The last player is the voice.
    seed : int
        Random seed of the orders of players.

    Returns
    -------
    values : array, shape (n, players)
        SHAP values, in log-odds. A row's values plus its base add up to the network's output.
    base : array, shape (n,)
        Mean output of the network for the background, the same for all rows.
    """
    import shap

    players = max(player_of) + 2
    feature, owner = np.arange(encoded.shape[1]), np.asarray(player_of)
    found, bases = np.zeros((len(encoded), players)), np.zeros(len(encoded))
    for at, (features, row) in enumerate(zip(encoded, rows, strict=True)):
        pool, voices = np.vstack([background, features]), np.append(background_rows, row)
        same = [_first_equal(pool[:, owner == player]) for player in range(players - 1)]
        donors = np.stack([*same, _first_equal(voices[:, np.newaxis])], axis=1)

        def answer(chosen: np.ndarray, pool: np.ndarray = pool, voices: np.ndarray = voices) -> np.ndarray:
            """Log-odds of mixed inputs: a row of `chosen` names, for each player, the recording that gives its cell."""
            donor = chosen.astype(int)
            return predict(pool[donor[:, owner], feature], voices[donor[:, -1]])

        masker = shap.maskers.Independent(donors[:-1], max_samples=len(background))
        if players <= EXACT_UP_TO:
            explainer = shap.ExactExplainer(answer, masker)
        else:
            explainer = shap.PermutationExplainer(answer, masker, seed=seed)
        explanation = explainer(donors[-1:], silent=True)
        found[at], bases[at] = explanation.values[0], explanation.base_values[0]
    return found, bases


def _first_equal(cells: np.ndarray) -> np.ndarray:
    """Index of the first equal row, for each row: shap skips evaluations of cells equal to the background."""
    _, first, inverse = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    return first[inverse.ravel()]
