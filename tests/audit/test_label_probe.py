import numpy as np
import pandas as pd
import pytest
import scipy.fft
from scipy.stats import kstest
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from bulbar.audit import label_probe
from bulbar.audit.label_probe import probe_label
from bulbar.core.digests import seed_of
from tests.sweeps import subjects_and_recordings, with_folds


def cohort(protocol: str = "subject_wise", subjects: int = 30, tasks=("A", "PA"), splits: int = 3) -> pd.DataFrame:
    return with_folds(subjects_and_recordings(subjects, tasks), protocol, splits)


def voices(table: pd.DataFrame, columns: int, seed: int, *, spread: float = 0.2) -> np.ndarray:
    """Features shared by a subject's recordings, independent of the label."""
    generator = np.random.default_rng(seed)
    subject_of = pd.factorize(table["subject_id"])[0]
    own = generator.normal(size=(subject_of.max() + 1, columns))
    return own[subject_of] + spread * generator.normal(size=(len(table), columns))


def by_scikit_learn(features: np.ndarray, labels: np.ndarray, fold: np.ndarray, unit: np.ndarray) -> float:
    """The same AUC with one fit a label vector, and scikit-learn's own AUC in each fold. unit: who is scored as one."""
    concordant = pairs = 0.0
    for one in np.unique(fold):
        trained, tested = fold != one, fold == one
        scaler = StandardScaler().fit(features[trained])
        of_class = np.bincount(labels[trained], minlength=2)
        targets = np.where(labels[trained] == 1, 1 / of_class[1], -1 / of_class[0]) * trained.sum() / 2
        model = KernelRidge(alpha=label_probe.PENALTY, kernel="rbf").fit(scaler.transform(features[trained]), targets)
        scored = pd.DataFrame(
            {"score": model.predict(scaler.transform(features[tested])), "label": labels[tested], "unit": unit[tested]}
        )
        units = scored.groupby("unit").agg({"score": "mean", "label": "first"})
        here = float((units["label"] == 1).sum() * (units["label"] == 0).sum())
        concordant += here * roc_auc_score(units["label"], units["score"])
        pairs += here
    return concordant / pairs


@pytest.mark.parametrize("protocol", ["subject_wise", "record_wise"])
def test_every_shuffle_scores_what_scikit_learn_gives_it_in_a_fit_of_its_own(protocol):
    table = cohort(protocol)
    features = voices(table, 3, seed=0)
    found = probe_label(features, table, shuffles=12, draws=100, seed=5)
    by_subject = protocol == "subject_wise"
    subjects = table.groupby("subject_id").agg(label=("label", "first"), fold=("fold", "first"))
    drawn = label_probe.shuffled_labels(subjects, within_folds=by_subject, shuffles=12, seed=seed_of(5, "shuffles"))
    subject_of = pd.factorize(table["subject_id"], sort=True)[0]
    unit = subject_of if by_subject else np.arange(len(table))
    fold = table["fold"].to_numpy()
    expected = [by_scikit_learn(features, labels[subject_of], fold, unit) for labels in drawn.T]
    np.testing.assert_allclose([found.value, *found.null], expected, atol=1e-12)
    assert found.per == ("subject" if by_subject else "recording")
    assert found.p == (np.sum(np.array(expected[1:]) >= expected[0] - 1e-12) + 1) / 13


@pytest.mark.parametrize("within_folds", [True, False])
def test_a_shuffle_deals_the_same_labels_out_anew(within_folds):
    subjects = cohort().drop_duplicates("subject_id").set_index("subject_id")[["label", "fold"]]
    drawn = label_probe.shuffled_labels(subjects, within_folds=within_folds, shuffles=50, seed=1)
    np.testing.assert_array_equal(drawn[:, 0], subjects["label"])
    assert len(np.unique(drawn, axis=1).T) == 51
    for _, places in subjects.groupby("fold").indices.items() if within_folds else [(0, np.arange(len(subjects)))]:
        assert np.all(drawn[places].sum(axis=0) == subjects["label"].to_numpy()[places].sum())


@pytest.mark.parametrize("protocol", ["subject_wise", "record_wise"])
def test_with_nothing_to_learn_p_is_uniform(protocol):
    table = cohort(protocol, subjects=18, splits=2)
    p = [probe_label(voices(table, 2, seed), table, shuffles=39, draws=100, seed=seed).p for seed in range(25)]
    assert kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) <= 0.1) < 0.2


def test_what_differs_between_the_classes_predicts_the_label_and_is_a_leak():
    table = cohort()
    features = voices(table, 1, seed=0) + 3 * table[["label"]].to_numpy()
    found = probe_label(features, table, shuffles=199)
    assert found.low > 0.6
    assert found.p == 1 / 200
    assert found.verdict() == "leak"
    assert found.verdict("sign") == "sign"
    assert found.finding("a probe", "x", "It predicts.").figure == "AUC per subject"


def test_what_is_the_same_for_everyone_predicts_nothing():
    found = probe_label(pd.DataFrame({"rate": 8000, "format": "WAV", "empty": np.nan}, index=range(60)), cohort())
    assert (found.value, found.low, found.high, found.p) == (0.5, 0.5, 0.5, 1.0)
    assert found.verdict() == "clear"


def test_a_category_predicts_as_well_as_the_numbers_that_stand_for_it():
    table = cohort()
    label = table["label"].to_numpy()
    as_words = probe_label(pd.DataFrame({"format": np.where(label == 1, "WAV", "FLAC")}), table, shuffles=99)
    as_number = probe_label(label[:, np.newaxis].astype(float), table, shuffles=99)
    assert as_words.value == as_number.value == 1.0
    np.testing.assert_array_equal(as_words.null, as_number.null)


def test_a_missing_value_is_the_median_of_the_training_rows():
    table = cohort()
    features = pd.DataFrame(voices(table, 2, seed=3))
    fold = table["fold"].to_numpy()
    features.loc[fold == 1, 0] = np.nan
    filled = features.copy()
    filled.loc[fold == 1, 0] = features.loc[fold != 1, 0].median()
    of_fold_1 = [
        probe_label(each, table, per="recording", shuffles=1).table.query("fold == 1") for each in (features, filled)
    ]
    pd.testing.assert_frame_equal(of_fold_1[0], of_fold_1[1])


def test_nothing_is_learned_from_the_rows_that_are_scored():
    table = cohort()
    features = voices(table, 2, seed=4)
    before = probe_label(features, table, per="recording", shuffles=1).table["probability"]
    features[0] = 1e3
    after = probe_label(features, table, per="recording", shuffles=1).table["probability"]
    others = (table["fold"] == table["fold"].iloc[0]).to_numpy() & (np.arange(len(table)) > 0)
    np.testing.assert_array_equal(before[others], after[others])


def test_within_tasks_only_the_difference_from_the_tasks_mean_counts():
    table = cohort()
    task = table["recording_id"].str.split("_").str[1].to_numpy()
    features = voices(table, 2, seed=6)
    moved = np.where(task[:, np.newaxis] == "PA", 10 + 5 * features, features)
    found = [probe_label(each, table, within=task, shuffles=9).table["probability"] for each in (features, moved)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
    assert np.ptp(found[0]) > 0.01


def test_split_by_recording_there_is_no_auc_per_subject():
    table = cohort("record_wise")
    with pytest.raises(ValueError, match="each subject in one fold"):
        probe_label(voices(table, 1, 0), table, per="subject")


def test_a_recordings_summary_is_the_cepstrum_of_its_mean_spectrum_however_it_is_read(tmp_path):
    images = np.random.default_rng(0).random((7, 48, 16)).astype(np.float32)
    np.save(tmp_path / "images.npy", images)
    names = ["b", "b", "a", "c", "c", "c", "d"]
    summary = label_probe.summary_of_images(np.load(tmp_path / "images.npy", mmap_mode="r"), names, rows_at_once=3)
    assert list(summary.index) == ["b", "a", "c", "d"]
    mean_of_b = images[:2].astype(float).mean(axis=(0, 2))
    np.testing.assert_allclose(summary.loc["b"], scipy.fft.dct(mean_of_b, norm="ortho")[:40])
