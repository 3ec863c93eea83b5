"""What appraise and deploy share: the appraiser of a protocol, and out-of-fold tables about patients."""

import pandas as pd

from bulbar.appraisal import calibration
from bulbar.appraisal.appraiser import Appraiser, of_patients
from bulbar.core.digests import seed_of
from bulbar.scoring import intervals
from stages.parts.params import settings, study_settings
from stages.parts.places import stage_table


def appraiser_of(protocol: str) -> Appraiser:
    """The appraiser that the blocks `appraise` and `bootstrap` describe."""
    return Appraiser(
        settings=settings("appraise", calibration.Settings),
        bootstrap=settings("bootstrap", intervals.Settings),
        seed=seed_of(study_settings().seed, f"appraise/{protocol}"),
        cross_fits=protocol == "subject_wise",
    )


def patients_table(stage: str, file: str) -> pd.DataFrame:
    """An out-of-fold table of a stage; label 1 = patient, whichever the positive class is."""
    return of_patients(stage_table(stage, file), study_settings().positive_class)
