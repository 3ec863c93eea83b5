"""SHAP values of a fused network: what each clinical column, and the voice, adds to the log-odds of one recording.

Players are the release's columns, not their encoded features, and the voice is one player beside them. A player that
is left out takes another's cell: that of each background recording in turn, encoded as it stands, so that a cell that
is not recorded is left out for one that is, and the other way round. Computed by shap: exactly for up to ten players,
else over random orders of them, forwards and backwards.
Source: Lundberg and Lee, NeurIPS 2017.
"""

from collections.abc import Callable, Sequence

import numpy as np

EXACT_UP_TO = 10
"""Players whose 2^n coalitions are all evaluated."""


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
    """SHAP values, shape (n, players), and the network's mean output for the background, the same for all rows.

    predict: (encoded features (m, features), rows (m,) that name the voice) -> log-odds (m,). encoded, background: of
    the recordings explained and of those that stand in. rows, background_rows: their voices. player_of: each feature's
    player, 0 to players - 2; the last player is the voice. A row's values and the background's output add up to the
    network's output for the row.
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
            """A row of `chosen` holds for each player whose cell it takes."""
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
    """For each row the first that is the same: what does not differ from the background costs shap no evaluation."""
    _, first, inverse = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    return first[inverse.ravel()]
