"""The report in a real browser: what a reader with a mouse, a keyboard, a phone, a printer or a screen reader meets."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from stages import report
from tests.reports import HOSTILE, change, write_gender_inputs, write_inputs

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: `apt-get install chromium`")

PHONE, DESK = 390, 1280


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = write_inputs(tmp_path_factory.mktemp("report"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        report.main()
    return (folder / "report/index.html").as_uri()


@pytest.fixture(scope="module")
def of_gender(tmp_path_factory):
    folder = write_gender_inputs(tmp_path_factory.mktemp("gender"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        report.main("gender")
    return (folder / "report/index.html").as_uri()


@pytest.fixture(params=["address", "of_gender"])
def either(request):
    """The page of the ALS study, and that of the gender study."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM)
        yield started
        started.close()


@pytest.fixture
def visit(browser):
    """Opens a page without network; what it requested and complained of is in `page.requested` and `page.messages`."""
    contexts = []

    def opened(address, width=DESK, scheme="light"):
        contexts.append(
            browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        )
        page = contexts[-1].new_page()
        page.set_default_timeout(120_000)  # ms: another test file runs beside this one
        page.requested, page.messages = [], []
        page.on("request", lambda request: page.requested.append(request.url))
        page.on("console", lambda message: page.messages.append(message.text))
        page.on("pageerror", lambda error: page.messages.append(str(error)))
        page.on("dialog", lambda dialog: (page.messages.append(dialog.message), dialog.dismiss()))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()


UNFOLD = "document.querySelectorAll('details').forEach(folded => folded.open = true)"
CUT_OFF = """Array.from(document.querySelectorAll('th, td, p, figcaption'))
    .filter(part => part.clientWidth > 2 && part.scrollWidth > part.clientWidth + 2).map(part => part.textContent)"""


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "dark"), (DESK, "light")])
def test_it_opens_in_silence_without_network(visit, either, width, scheme):
    page = visit(either, width, scheme)
    assert [url for url in page.requested if not url.startswith("data:")] == [either]
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page itself scrolls sideways"
    page.evaluate(UNFOLD)
    assert page.evaluate(CUT_OFF) == [], "words that run into the next cell"
    assert page.evaluate("Array.from(document.images).every(image => image.naturalWidth > 0)")
    assert not page.messages


FEW_ROWS = """document.querySelectorAll('tbody').forEach(
    body => Array.from(body.rows).slice(3).filter(row => !row.querySelector('.verdict')).forEach(row => row.remove())
)"""
"""The others look the same; with all of them axe-core takes ten seconds."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def barriers(page, within=None, rules=RULES):
    """What axe-core objects to, with the first place."""
    page.evaluate(FEW_ROWS)
    found = Axe().run(page, within, options={"runOnly": rules, "resultTypes": ["violations"]})
    return [(each["id"], each["help"], each["nodes"][0]["html"]) for each in found.response["violations"]]


def test_it_has_no_barrier(visit, either):
    page = visit(either, PHONE)
    page.evaluate(UNFOLD)
    assert barriers(page) == []


@pytest.mark.parametrize(
    ("width", "scheme"), [(DESK, "light"), (PHONE, "dark"), pytest.param(DESK, "dark", marks=pytest.mark.slow)]
)
def test_as_it_opens_it_has_no_barrier_in_any_width_and_light(visit, either, width, scheme):
    assert barriers(visit(either, width, scheme)) == []


BOTTOM = """selector => Math.max(...Array.from(document.querySelectorAll(selector),
    part => part.getBoundingClientRect().bottom))"""


def test_the_first_screen_of_a_desk_holds_run_verdict_picture_and_table(visit, either):
    page = visit(either, DESK)
    assert page.locator("header p:not(.note, .banner)").bounding_box()["height"] < 30, "what was run is one line"
    assert page.locator(".first p").count() == 3
    for part in (".first p", ".first figure img", "#headline"):
        assert page.evaluate(BOTTOM, part) < 900, part
    table, picture = (page.locator(part).bounding_box() for part in ("#headline", ".first figure img"))
    assert picture["x"] > table["x"] + table["width"], "side by side"


def test_the_first_screen_of_a_phone_holds_title_and_verdict(visit, either):
    assert visit(either, PHONE).evaluate(BOTTOM, ".first > div > p") < 844


def open_sections(page):
    return page.locator(".folds > details[open] > summary h2").evaluate_all("found => found.map(one => one.id)")


def test_sections_are_folded_and_open_by_the_keyboard_and_then_stand_in_the_address(visit, either):
    page = visit(either)
    assert open_sections(page) == []
    page.locator(".folds > details > summary").nth(1).focus()
    page.keyboard.press("Enter")
    (name,) = open_sections(page)
    assert page.url == f"{either}#{name}"
    page.keyboard.press("Enter")
    assert open_sections(page) == []
    page.locator("#all").focus()
    page.keyboard.press("Enter")
    assert len(open_sections(page)) == page.locator(".folds").count() > 5
    page.wait_for_function("document.getElementById('all').textContent.startsWith('Fold')")
    page.keyboard.press("Enter")
    assert open_sections(page) == []


@pytest.mark.parametrize(
    ("link", "section"), [("explanations", "explanations"), ("findings", "audit"), ("versions", "run")]
)
def test_a_link_opens_the_section_and_the_table_that_it_leads_to(visit, address, link, section):
    page = visit(f"{address}#{link}")
    assert open_sections(page) == [section]
    assert page.locator(f"#{link}").is_visible()
    assert 0 <= page.locator(f"#{link}").bounding_box()["y"] < 900
    page.evaluate("location.hash = 'curves'")
    page.wait_for_function("document.querySelector('details:has(#curves)').open")


def test_its_colours_stand_out_in_the_dark_at_a_desk(visit, address):
    page = visit(address, DESK, "dark")
    page.evaluate(UNFOLD)
    assert barriers(page, rules=["color-contrast"]) == []
    page.locator("#main p").first.evaluate("paragraph => paragraph.style.color = '#333'")
    assert [name for name, *_ in barriers(page, "#main p", rules=["color-contrast"])] == ["color-contrast"]


def test_axe_finds_the_barrier_that_is_put_up(visit, address):
    page = visit(address)
    page.evaluate(UNFOLD)
    page.evaluate("document.querySelector('#paper-record_wise ~ .figures img').removeAttribute('alt')")
    assert [name for name, *_ in barriers(page, "#paper-record_wise ~ .figures")] == ["image-alt"]


def column(page, table, place):
    """The sort values of a column's cells, as numbers; None where not defined."""
    cells = page.locator(f"#{table} tbody tr td:nth-child({place})")
    values = cells.evaluate_all("cells => cells.map(cell => cell.dataset.sort)")
    return [None if value == "none" else float(value) for value in values]


def test_the_keyboard_sorts_a_table_up_and_down_and_leaves_what_is_not_defined_last(visit, address):
    page = visit(address)
    page.evaluate(UNFOLD)
    place = page.locator("#findings thead th").all_inner_texts().index("p") + 1
    heading = page.locator(f"#findings thead th:nth-child({place})")
    values = column(page, "findings", place)
    known = sorted(value for value in values if value is not None)
    assert None in values and len(set(known)) > 3
    assert heading.get_attribute("aria-sort") is None
    for order, expected in (("ascending", known), ("descending", known[::-1])):
        heading.locator("button").focus()
        page.keyboard.press("Enter")
        assert heading.get_attribute("aria-sort") == order
        assert column(page, "findings", place) == expected + [None] * values.count(None)
        assert page.locator("#status").inner_text() == f"Sorted by p, {order}"
    other = page.locator("#findings thead th").first
    other.locator("button").click()
    names = page.locator("#findings tbody th").all_inner_texts()
    assert [name.split(":")[0] for name in names] == sorted(name.split(":")[0] for name in names)
    assert (other.get_attribute("aria-sort"), heading.get_attribute("aria-sort")) == ("ascending", None)


def test_averages_stay_below_when_table_4_is_sorted(visit, address):
    page = visit(address)
    page.evaluate(UNFOLD)
    page.locator("#table-4-subject_wise thead button").nth(1).click()
    assert column(page, "table-4-subject_wise", 2) == sorted(column(page, "table-4-subject_wise", 2))
    assert page.locator("#table-4-subject_wise tr th").last.inner_text() == "average"


@pytest.mark.parametrize("width", [pytest.param(PHONE, marks=pytest.mark.slow), DESK])
def test_a_figure_opens_wider_and_closes_by_the_keyboard(visit, address, width):
    page = visit(address, width)
    page.evaluate(UNFOLD)
    figure = page.locator("figure").nth(1)
    small = figure.locator("img").bounding_box()["width"]
    button = figure.get_by_role("button", name="Enlarge")
    button.focus()
    page.keyboard.press("Enter")
    shown = page.locator("dialog img")
    assert page.get_by_role("dialog").is_visible()
    assert shown.bounding_box()["width"] > 1.5 * small
    assert shown.get_attribute("alt") == figure.locator("img").get_attribute("alt")
    assert barriers(page, "dialog") == []
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    assert button.evaluate("button => button === document.activeElement")
    figure.locator("img").click()
    page.get_by_role("button", name="Close").click()
    assert not page.locator("dialog").is_visible()


def test_on_paper_everything_is_unfolded_and_nothing_is_cut_off(visit, address):
    page = visit(address)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1000})  # A4 without margins of 1 cm, in CSS pixels
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
    assert page.locator("#all").is_hidden()
    assert page.pdf().startswith(b"%PDF")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0


def test_without_scripts_all_tables_and_pictures_are_there(browser, address):
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(address)
    assert page.locator("table").count() > 12
    assert page.locator("img").count() > 20
    context.close()


def test_markup_in_a_runs_strings_does_nothing(visit, tmp_path, monkeypatch):
    folder = write_inputs(tmp_path)
    change(
        folder / "metrics/audit.json",
        lambda value: value + HOSTILE if isinstance(value, str) and len(value) > 30 else value,
    )
    monkeypatch.chdir(folder)
    report.main()
    page = visit((folder / "report/index.html").as_uri())
    assert "window.taken" in page.locator("#findings").text_content()
    assert page.evaluate("window.taken") is None
    assert not page.messages and len([url for url in page.requested if not url.startswith("data:")]) == 1
