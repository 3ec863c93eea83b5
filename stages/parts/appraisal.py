"""Shared by appraise and deploy: the appraiser of a protocol, and out-of-fold tables with label 1 = patient."""

import pandas as pd

from bulbar.appraisal import calibration
from bulbar.appraisal.appraiser import Appraiser, of_patients
from bulbar.core.digests import seed_of
from bulbar.scoring import intervals
from stages.parts.params import settings, study_settings
from stages.parts.places import stage_table


def appraiser_of(protocol: str) -> Appraiser:
    """The appraiser with the settings of the blocks `appraise` and `bootstrap`."""
    return Appraiser(
        settings=settings("appraise", calibration.Settings),
        bootstrap=settings("bootstrap", intervals.Settings),
        seed=seed_of(study_settings().seed, f"appraise/{protocol}"),
        cross_fits=protocol == "subject_wise",
    )


def patients_table(stage: str, file: str) -> pd.DataFrame:
    """An out-of-fold table of a stage, with label 1 = patient, whichever class is positive."""
    return of_patients(stage_table(stage, file), study_settings().positive_class)
