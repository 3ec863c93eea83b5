"""Answers on what the models are told: which predictors, how they are prepared, and what fills their gaps."""

from bulbar.report.checklist.answers.cohort import checks, missing_values
from bulbar.report.checklist.facts import Facts


def chosen(facts: Facts) -> str:
    """What the models see, and who chose it."""
    clinical, columns = facts["clinical"], facts["cohort"]
    return (
        f"The voice image; {clinical['clinical_columns']['all']} clinical columns (`all`) or"
        f" {clinical['clinical_columns']['common']} that both classes have (`common`: {', '.join(columns['common'])})."
        " Both lists are fixed before any data are read; no predictor is selected by its values."
    )


def definitions(facts: Facts) -> str:
    """How predictors are computed or typed."""
    columns = facts["cohort"]["columns"]
    mel = facts["params"]["spectrogram"]
    return (
        f"Image: {mel['representation']}, frames of {mel['frame_length']} samples every {mel['hop_length']},"
        f" {mel['min_hz']:g} to {mel['max_hz']:g} Hz, pre-emphasis {mel['pre_emphasis']:g}, floor {mel['floor_db']:g}"
        f" dB. Clinical columns: {', '.join(columns)}."
    )


def transformations(facts: Facts) -> str:
    """From the released files to what the networks see."""
    params = facts["params"]
    mel, lasts = params["spectrogram"], facts["audio"]
    masked = ", bands above half the source's sampling rate set to the floor" if mel["mask_dead_bands"] else ""
    return (
        f"Voice: mono, {params['audio']['sample_rate_hz']} Hz, parts more than {params['audio']['top_db']:g} dB below"
        f" the peak removed (mean {lasts['mean_source_duration_s']:.1f} s become {lasts['mean_duration_s']:.1f} s),"
        f" then a {mel['representation']} image of {mel['mel_bands']} bands, its time axis by `{mel['time_axis']}` to"
        f" {mel['frames']} frames, in dB below the recording's own maximum{masked}. Clinical: {_scaling(facts)} The"
        " same steps are taken for everyone."
    )


def checks_and_transformations(facts: Facts) -> str:
    """Quality checks and preprocessing together."""
    return f"{checks(facts)} {transformations(facts)}"


def encoding(facts: Facts) -> str:
    """How predictors enter the models."""
    return f"Image in dB, scaled to 0–1 by fixed limits. Clinical: {_scaling(facts)} Categories become one column each."


def _scaling(facts: Facts) -> str:
    features = facts["clinical"]["features"]
    return (
        f"{features['all']} features (`all`) or {features['common']} (`common`), scaled to 0–1; split by recording,"
        " missing values become 0 and scales are those of the whole table; split by subject, medians, modes and scales"
        " are those of the training subjects."
    )


def missing_data(facts: Facts) -> str:
    """What becomes of missing values."""
    return (
        f"{missing_values(facts)} Split by recording they become 0, as in the paper; split by subject the training"
        " subjects' medians and modes, and whether a value was missing is not told to the model. A recording that is"
        " missing leaves the subject's others."
    )


def poor_input(facts: Facts) -> str:
    """What the pipeline does about input that it cannot use."""
    shortest = facts["params"]["audio"]["min_duration_s"]
    return (
        f"The pipeline refuses a recording that is damaged, all zeros or shorter than {shortest:g} s, also once its"
        " silence is removed, and names it; missing clinical values are filled in as under item 11."
    )
