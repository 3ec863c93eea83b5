import inspect

import pytest
from matplotlib.figure import Figure

from bulbar.explain import alternative_texts, figures

HEADLINE = {
    "sanity": {"grad_cam": {"likeness": 0.91, "verdict": "fails"}},
    "costliest_band": {"from_hz": 812.5, "to_hz": 1000.0, "auc_drop": 0.04},
    "deletion_less_than_random": {"area": -0.04, "low": -0.09, "high": 0.01},
    "fused_all": {"auc_lost_by_recording": 0.43, "shap_share_not_recorded": 0.22},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (alternative_texts.sanity, "Grad-CAM 0.91"),
        (lambda headline: alternative_texts.maps(headline, "class"), "by class, frequency in hertz over time in "
         "seconds, of 1 methods; sanity: Grad-CAM fails."),
        (alternative_texts.occluded, "is 0.04, for the band from 812 to 1000 Hz."),
        (alternative_texts.deletion, "-0.04 (-0.09 to 0.01)"),
        (alternative_texts.permutation, "fused common not defined and fused all 0.43"),
        (alternative_texts.shap, "fused common not defined and fused all 22.0 %"),
    ],
)  # fmt: skip
def test_it_quotes_the_headline_and_marks_what_is_not_defined(text, expected):
    assert expected in text(HEADLINE)
    assert "nan" not in text({}) and "None" not in text({})


def test_every_figure_of_the_page_has_its_alternative_text_under_the_name_of_what_draws_it():
    described = {name for name, one in vars(alternative_texts).items() if inspect.isfunction(one) and name[0] != "_"}
    functions = {name: inspect.signature(one) for name, one in vars(figures).items() if inspect.isfunction(one)}
    drawn = {name for name, signature in functions.items() if signature.return_annotation is Figure}
    of_markdown = {"number_in_words", "with_interval"}
    assert described - of_markdown == drawn - {"recording"}  # that one is of one person, and on no page
