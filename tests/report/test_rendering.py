"""How sentences and cells read in HTML and in Markdown."""

import pytest

from bulbar.report.rendering import environment, marked, sort_value
from bulbar.report.results import Value

AUC = Value("0.63", 0.63, "metrics/a.json", "auc")


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (True, '&lt;b&gt; <code>x|y</code> <a class="number" href="../metrics/a.json#auc" title="metrics/a.json: auc">'
               "<span>0.63</span></a>"),
        (False, r"&lt;b> `x\|y` 0.63"),
    ],
)  # fmt: skip
def test_one_sentence_serves_both_and_no_string_becomes_markup(html, expected):
    template = environment(html=html).from_string('{{ word }} {{ "`x|y`" | marked }} {{ value }}')
    assert template.render(word="<b>", value=AUC) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`a` is **b** <i>", "<code>a</code> is <strong>b</strong> &lt;i&gt;"),
        (Value("`a`", None, "f"), '<a class="number" href="../f#" title="f">`a`</a>'),
    ],
)
def test_marks_are_set_in_sentences_alone_and_markup_is_escaped(text, expected):
    assert marked(text) == expected


@pytest.mark.parametrize(("cell", "expected"), [([AUC, " (", Value("2", 2.0, "f"), ")"], "0.63"), ("words", "")])
def test_a_cell_sorts_by_its_first_part(cell, expected):
    assert sort_value(cell) == expected


def test_a_cell_in_markdown_is_the_text_of_its_parts():
    template = environment(html=False).from_string("| {{ cell | plain }} |")
    assert template.render(cell=["a|b ", AUC]) == r"| a\|b 0.63 |"


def test_a_name_that_a_template_lacks_is_an_error_rather_than_nothing():
    with pytest.raises(Exception, match="'nobody' is undefined"):
        environment(html=True).from_string("{{ nobody }}").render()
