"""The report's page as people use it: in a real browser, with a mouse, a keyboard, a phone, in the dark."""

from __future__ import annotations

import base64
import itertools
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from playwright.sync_api import expect

from ecr_cleaner import DOCUMENTATION
from ecr_cleaner.model.account_results import AccountResult, AccountStatus, OtherAccountsResult
from ecr_cleaner.model.finding import FindingKind
from ecr_cleaner.model.report import Changes, Named
from ecr_cleaner.report import html_page
from ecr_cleaner.report.remedies import WHAT_TO_DO
from tests.builders import ACCOUNT, REGION
from tests.report_page.made import HOSTILE, Night, document, recorder

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.report_page.conftest import Open, Opened

pytestmark = pytest.mark.browser

AXE: Final = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
PHONE: Final[dict[str, Any]] = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
DARK: Final[dict[str, Any]] = {"color_scheme": "dark"}
MANY: Final = 50_000
SECTIONS: Final = ("images", "usages", "findings", "repositories", "sources")


@pytest.fixture(scope="module")
def night() -> Night:
    """A real night with failures."""
    return Night(240)


@pytest.fixture(scope="module")
def html(night: Night) -> bytes:
    """Its page."""
    return night.page()


def names(opened: Opened, section: str = "images") -> list[str]:
    """The rows in view, from the top."""
    rows = opened.page.locator(f"#{section}-table .tabulator-row")
    placed = [(row.bounding_box(), row.locator("button.name").inner_text()) for row in rows.all()]
    return [name for box, name in sorted(placed, key=lambda one: one[0]["y"] if one[0] else 0)]


def press(opened: Opened, button: Locator) -> None:
    """Clicks as a person does, who sees the rows first: a table that was scrolled into sight is laid out once more."""
    button.evaluate("button => button.scrollIntoView({ block: 'center' })")
    opened.page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    button.click()


def hits(opened: Opened, section: str = "images") -> Locator:
    """What is said of how many rows fit."""
    return opened.page.locator(f"#{section}-hits")


def choose(opened: Opened, label: str, value: str, section: str = "images") -> None:
    """Choose something above a table."""
    opened.page.locator(f"#{section}-tools").get_by_label(label).select_option(value)


def test_it_opens_from_disk_and_asks_for_nothing(opened: Open, html: bytes) -> None:
    """No address but its own, and nothing that the browser or its own policy would complain of."""
    found = opened(html)
    assert [address.rsplit("/", 1)[-1] for address in found.requests] == ["report.html"]
    assert found.requests[0].startswith("file://")
    assert found.complaints == []


def test_it_says_first_what_a_reader_wants_to_know(opened: Open, html: bytes) -> None:
    """How it ended, what kept it from more, and the sums."""
    found = opened(html)
    expect(found.page.locator("#status")).to_contain_text("Failed")
    expect(found.page.locator("#causes li")).to_have_text(
        ["repository shop/api: 1 images could not be removed (KmsError x1)"]
    )
    cards = {card.locator("dt").inner_text(): card.inner_text() for card in found.page.locator("#totals > div").all()}
    assert "\n240\n" in cards["Images"]
    assert "at most" in cards["Saved"]
    assert "$" in cards["Saved"]
    expect(found.page.locator("#savings-words")).to_contain_text("upper bounds")


def test_a_run_that_archives_says_so(opened: Open) -> None:
    """Nothing was saved by it, and each image says what became of it and where it lies."""
    found = opened(Night(240, archives=True).page())
    cards = {card.locator("dt").inner_text(): card.inner_text() for card in found.page.locator("#totals > div").all()}
    assert "\n0\n" in cards["Removed"]
    assert "\n0\n" not in cards["Archived"]
    assert "$0.00" in cards["Saved"]
    expect(found.page.locator("#savings-words")).to_contain_text("what is moved there saves nothing")
    choose(found, "Outcome", "Archived")
    expect(hits(found)).not_to_have_text("0 of 240 images")
    press(found, found.page.locator("#images-table button.name").first)
    expect(found.page.get_by_role("dialog")).to_contain_text("Storage class")


def test_a_dry_run_that_would_archive_says_so(opened: Open) -> None:
    """It is another thing than to go."""
    found = opened(Night(240, archives=True, dry_run=True).page())
    choose(found, "Outcome", "Would be archived")
    expect(hits(found)).not_to_have_text("0 of 240 images")


def test_its_pictures_are_told_in_words(opened: Open, html: bytes) -> None:
    """Whoever cannot see them is told the same numbers."""
    found = opened(html)
    storage = found.page.get_by_role("img").nth(0).get_attribute("aria-label")
    trend = found.page.get_by_role("img").nth(1).get_attribute("aria-label")
    assert storage
    assert "shop/payments" in storage
    assert "of it removed" in storage
    assert trend
    assert "31 runs" in trend
    drawn = found.page.evaluate(
        "[...document.querySelectorAll('canvas')].map((c) => new Set(c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data).size)"
    )
    assert min(drawn) > 10


def test_a_first_run_has_no_trend(opened: Open, night: Night) -> None:
    """It says so instead of drawing a dot."""
    found = opened(night.page(runs=0))
    expect(found.page.locator("#trend-words")).to_contain_text("first recorded run")
    expect(found.page.locator("canvas")).to_have_count(1)
    assert found.complaints == []


def test_it_begins_with_one_sentence(opened: Open, html: bytes, night: Night) -> None:
    """The one that the mail has too."""
    found = opened(html)
    sentence = document(night.recorder, night.summary)["headline"]
    assert "were removed from 6 repositories on 1 March 2026; 1 repository was skipped." in sentence
    expect(found.page.locator("#headline")).to_have_text(sentence)


def test_what_went_comes_first(opened: Open, html: bytes, night: Night) -> None:
    """Of a real run what it removed, then what failed; the rest after it."""
    found = opened(html)
    images = document(night.recorder, night.summary)["images"]
    removed = [one for one in images if one["removal"] and one["removal"]["status"] == "removed"]
    oldest = max(one["age_days"] for one in removed)
    first = found.page.locator("#images-table .tabulator-row").first
    expect(first).to_contain_text("Removed")
    expect(first).to_contain_text(f"{oldest} d")
    order = found.page.evaluate("Tabulator.findTable('#images-table')[0].getData('active').map((one) => one.outcome)")
    assert [outcome for outcome, _ in itertools.groupby(order)] == ["removed", "failed", "kept"]
    assert order.count("removed") == len(removed)


def test_of_a_dry_run_what_would_go_comes_first(opened: Open) -> None:
    """Likewise."""
    found = opened(Night(240, dry_run=True).page())
    expect(found.page.locator("#images-table .tabulator-row").first).to_contain_text("Would be removed")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            Changes("2026-02-28T03:00:00+00:00", "", Named(3, ("a:1", "b:2")), Named(0, ())),
            "Compared with the run of 2026-02-28 03:00 UTC. Now old and unused: 3 (a:1, b:2, and 1 more)",
        ),
        (Changes("2026-02-28T03:00:00+00:00"), "Nothing else changed since the run of 2026-02-28 03:00 UTC."),
        (Changes(unknown="there is no earlier report"), "What changed is not known: there is no earlier report."),
    ],
)
def test_it_says_what_changed(opened: Open, changes: Changes, told: str) -> None:
    """Or that this is not known."""
    night = Night(12)
    night.summary = replace(night.summary, changes=changes)
    words = opened(night.page()).page.locator("#changes").inner_text().split("\n", 1)[1]
    assert " ".join(words.split()) == told


def test_where_nothing_opted_in_it_says_how(opened: Open) -> None:
    """With the command."""
    night = Night(0, 0)
    night.summary = replace(night.summary, repositories={})
    found = opened(night.page())
    expect(found.page.locator("#headline")).to_contain_text("because no repository opted in")
    expect(found.page.locator("#next-command")).to_contain_text("aws ecr tag-resource --region")


def test_a_finding_says_what_to_do(opened: Open, html: bytes) -> None:
    """At whatever hour somebody reads it."""
    found = opened(html)
    press(found, found.page.locator("#findings-table button.name").first)
    expect(found.page.get_by_role("dialog")).to_contain_text(WHAT_TO_DO[FindingKind.DANGLING_REFERENCE])
    link = found.page.get_by_role("link", name="What each kind means").get_attribute("href")
    assert link == f"{DOCUMENTATION}/results.md#findings"


@pytest.mark.parametrize(
    ("tag", "rows"), [(None, {"data/exporter", "legacy/billing", "media/thumbnails"}), ("team", {"shop", "data"})]
)
def test_savings_are_summed(opened: Open, tag: str | None, rows: set[str]) -> None:
    """By repository, or by the values of the tag that somebody chose."""
    found = opened(Night(240, tag=tag).page())
    expect(found.page.locator("#savings-heading")).to_have_text(f"Savings by {tag or 'repository'}")
    assert rows <= set(names(found, "savings"))
    assert tag is None or len(names(found, "savings")) == 4
    expect(found.page.get_by_role("link", name="Savings")).to_be_visible()
    expect(found.page.locator("#savings-table .tabulator-row").first).to_contain_text("$")


OTHERS: Final = OtherAccountsResult(
    (
        AccountResult("222233334444", AccountStatus.COMPLETE, ("eu-west-1", "us-east-1")),
        AccountResult(
            "333344445555", AccountStatus.FAILED, (), (f"no such role{HOSTILE}; apply modules/usage-reader",)
        ),
        AccountResult("444455556666", AccountStatus.EXCEPTED),
    ),
    (f"account 333344445555: no such role{HOSTILE}; apply modules/usage-reader",),
)


def degraded() -> Night:
    """A night in which one of two other accounts could not be looked at."""
    made = Night(60, dry_run=True)
    made.summary = replace(made.summary, other_accounts=OTHERS)
    return made


def test_it_says_which_accounts_were_looked_at(opened: Open) -> None:
    """Those first that were not, with what mends it; and that this is no failure."""
    found = opened(degraded().page())
    expect(found.page.locator("#status")).to_contain_text("Degraded")
    expect(found.page.locator("#causes h2")).to_have_text("What could not be looked at, so that what it may pull stays")
    expect(found.page.locator("#causes li")).to_have_text([OTHERS.causes[0]])
    link = found.page.locator("#causes a")
    expect(link).to_have_attribute("href", f"{DOCUMENTATION}/operations.md#degraded-runs")
    assert names(found, "accounts") == ["333344445555", "444455556666", "222233334444"]
    expect(found.page.locator("#accounts-table .tabulator-row").first).to_contain_text("Failed")
    found.page.locator("#accounts-search").fill("eu-west-1")
    expect(hits(found, "accounts")).to_have_text("1 of 3 accounts")
    found.page.locator("#accounts-search").fill("usage-reader")
    press(found, found.page.locator("#accounts-table button.name"))
    expect(found.page.get_by_role("dialog")).to_contain_text("apply modules/usage-reader")
    assert found.page.evaluate("window.hacked") is None
    assert found.complaints == []


def test_where_no_other_account_is_looked_at_none_is_spoken_of(opened: Open, html: bytes) -> None:
    """Most registries have none."""
    found = opened(html)
    expect(found.page.locator("#accounts")).to_be_hidden()
    expect(found.page.locator("#accounts-link")).to_be_hidden()
    expect(found.page.locator("#causes a")).to_have_attribute(
        "href", f"{DOCUMENTATION}/operations.md#failed-and-refused-runs"
    )


def test_on_paper_every_row_stands_in_a_table(opened: Open, html: bytes, night: Night, tmp_path: Path) -> None:
    """Not only those in view, and of a search those that it left; on the screen nothing is left of it."""
    found = opened(html)
    found.page.locator("#images-search").fill("billing")
    expect(hits(found)).to_have_text("40 of 240 images")
    found.page.emulate_media(media="print")
    expect(found.page.locator("#images-printed")).to_be_visible()
    expect(found.page.locator("#images-printed tbody tr")).to_have_count(40)
    expect(found.page.locator("#images-printed")).to_contain_text("legacy/billing:v")
    expect(found.page.locator("#findings-printed")).to_contain_text("What to do")
    told = document(night.recorder, night.summary)
    for section in ("usages", "repositories", "sources"):
        expect(found.page.locator(f"#{section}-table")).to_be_hidden()
        expect(found.page.locator(f"#{section}-printed tbody tr")).to_have_count(len(told[section]))
    expect(found.page.locator("#images-tools")).to_be_hidden()
    found.page.emulate_media(media="screen")
    expect(found.page.locator(".printed")).to_have_count(0)
    assert found.complaints == []
    # And by the browser's own printing, which tells the page before and after it.
    paper = tmp_path / "report.pdf"
    found.page.pdf(path=paper)
    assert paper.stat().st_size > 20_000
    expect(found.page.locator(".printed")).to_have_count(0)


def test_images_are_searched(opened: Open, html: bytes, night: Night) -> None:
    """Each word has to occur somewhere: in a name, a tag, a digest, a reason, a consumer; the hits are announced."""
    found = opened(html)
    expect(hits(found)).to_have_text("240 images")
    search = found.page.locator("#images-search")
    search.fill("ecs service prod/shop-api-19,")
    expect(hits(found)).to_have_text("1 of 240 images")
    assert names(found) == ["shop/api:v19"]
    whole = document(night.recorder, night.summary)["images"][7]
    search.fill("nothing")
    expect(hits(found)).to_have_text("0 of 240 images")
    search.fill(whole["digest"][7:30].upper())
    expect(hits(found)).to_have_text("1 of 240 images")
    search.fill("shop/web young")
    expect(hits(found)).to_have_text("9 of 240 images")
    assert {name.split(":")[0].split("@")[0] for name in names(found)} == {"shop/web"}
    search.fill("nothing is called so")
    expect(hits(found)).to_have_text("0 of 240 images")
    expect(found.page.locator("#images-table")).to_contain_text("Nothing matches the search.")
    search.fill("")
    expect(hits(found)).to_have_text("240 images")
    assert hits(found).get_attribute("aria-live") == "polite"


def test_images_are_filtered(opened: Open, html: bytes) -> None:
    """Filters and search hold together."""
    found = opened(html)
    choose(found, "Outcome", "Failed")
    expect(hits(found)).to_have_text("1 of 240 images")
    choose(found, "Repository", "shop/web")
    expect(hits(found)).to_have_text("0 of 240 images")
    choose(found, "Outcome", "")
    expect(hits(found)).to_have_text("40 of 240 images")
    choose(found, "Reason", "In use")
    found.page.locator("#images-search").fill("v10")
    expect(hits(found)).to_have_text("1 of 240 images")


def test_images_are_sorted(opened: Open, html: bytes, night: Night) -> None:
    """By the list, and by a click on a column."""
    found = opened(html)
    images = document(night.recorder, night.summary)["images"]
    largest = max(image["bytes"] for image in images)
    choose(found, "Sort by", "Largest")
    shown = {
        f"{i['repository']}:{i['tags'][0]}" if i["tags"] else f"{i['repository']}@{i['digest'][:19]}": i for i in images
    }
    found.page.wait_for_function("document.querySelector('#images-table [aria-sort=descending]')")
    assert shown[names(found)[0]]["bytes"] == largest
    header = found.page.get_by_role("columnheader", name="Age", exact=True)
    header.click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    assert shown[names(found)[0]]["age_days"] == 1
    header.click()
    expect(header).to_have_attribute("aria-sort", "descending")
    assert shown[names(found)[0]]["age_days"] == max(image["age_days"] for image in images)


def test_all_of_it_works_by_keyboard(opened: Open, html: bytes) -> None:
    """Skip to the images, search, sort, open one, close it, and be where one was."""
    found = opened(html)
    keys = found.page.keyboard
    keys.press("Tab")
    assert _focused(found.page) == "Skip to the images"
    keys.press("Enter")
    keys.press("Tab")
    assert found.page.evaluate("document.activeElement.id") == "images-search"
    keys.type("billing")
    expect(hits(found)).to_have_text("40 of 240 images")
    header = found.page.get_by_role("columnheader", name="Size", exact=True)
    header.focus()
    keys.press("Enter")
    expect(header).to_have_attribute("aria-sort", "ascending")
    keys.press(" ")
    expect(header).to_have_attribute("aria-sort", "descending")
    for _ in range(10):
        keys.press("Tab")
        if found.page.evaluate("document.activeElement.className") == "name":
            break
    name = _focused(found.page)
    assert name.startswith("legacy/billing")
    keys.press("Enter")
    dialog = found.page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("heading")).to_have_text(name)
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    # The browser gives the focus back after it has hidden the dialog.
    expect(found.page.locator(":focus")).to_have_text(name)


def _focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.textContent"))


def test_an_image_tells_all_of_itself(opened: Open, html: bytes) -> None:
    """Every consumer, the whole digest, how its removal ended."""
    found = opened(html)
    found.page.locator("#images-search").fill("shop/api:v19")
    expect(hits(found)).to_have_text("1 of 240 images")
    press(found, found.page.get_by_role("button", name="shop/api:v19"))
    dialog = found.page.get_by_role("dialog")
    for text in ("In use", "ecs service prod/shop-api-19, task definition shop-api-19:3", "sha256:", "58 days ago"):
        expect(dialog).to_contain_text(text)
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    choose(found, "Outcome", "Failed")
    expect(hits(found)).to_have_text("0 of 240 images")
    found.page.locator("#images-search").fill("KmsError")
    expect(hits(found)).to_have_text("1 of 240 images")
    press(found, found.page.locator("#images-table button.name"))
    expect(dialog).to_contain_text("the key is disabled")


@pytest.mark.parametrize(
    ("section", "word", "left"),
    [
        ("usages", "shop-web-1, shop/web", "1 of 30 usages"),
        ("findings", "old-1", "1 of 3 findings"),
        ("repositories", "pull-through", "1 of 7 repositories"),
        ("sources", "lambda", "1 of 4 sources"),
    ],
)
def test_the_other_tables_are_searched_too(opened: Open, html: bytes, section: str, word: str, left: str) -> None:
    """And their rows tell more when asked."""
    found = opened(html)
    found.page.locator(f"#{section}-search").fill(word)
    expect(hits(found, section)).to_have_text(left)
    press(found, found.page.locator(f"#{section}-table button.name"))
    expect(found.page.get_by_role("dialog")).to_be_visible()


def test_calls_and_the_slowest_sources_are_told(opened: Open, html: bytes) -> None:
    """In words, and of each source in its row's details."""
    found = opened(html)
    expect(found.page.locator("#calls-words")).to_have_text(
        "The run made 1,244 calls of AWS, retries included, 3 of which AWS throttled."
        f" The slowest sources: ecs in {ACCOUNT}/{REGION} (31.24 s, 1,204 calls);"
        f" lambda in {ACCOUNT}/{REGION} (2 s, 1 call)."
        " Calls waited for the rates of ecs ListTasks (9 s)."
    )
    press(found, found.page.locator("#sources-table").get_by_role("button", name="ecs", exact=True))
    expect(found.page.get_by_role("dialog")).to_contain_text("1,204, of which AWS throttled 3")


def test_the_settings_are_there(opened: Open, html: bytes) -> None:
    """Folded away until somebody wants them."""
    found = opened(html)
    expect(found.page.locator("#settings")).to_be_hidden()
    found.page.get_by_text("Show all of them").click()
    expect(found.page.locator("#settings")).to_contain_text("default_keep_days")


def test_an_empty_run_has_a_page(opened: Open) -> None:
    """It says of each part that there is nothing, and why."""
    told = recorder()
    refusals = ("DescribeRepositories failed with AccessDeniedException",)
    empty = replace(Night(0, 0).summary, repositories={}, scan=None, refusals=refusals)
    raw, target = BytesIO(), BytesIO()
    told.write(raw, empty)
    raw.seek(0)
    html_page.write(raw, target)
    found = opened(target.getvalue())
    expect(found.page.locator("#causes")).to_contain_text("AccessDeniedException")
    expect(hits(found)).to_have_text("No image was evaluated.")
    expect(found.page.locator("#headline")).to_have_text("Nothing was removed on 1 March 2026.")
    expect(found.page.locator("#next-command")).to_contain_text("aws lambda invoke --region")
    for section in SECTIONS:
        expect(found.page.locator(f"#{section}-tools")).to_have_count(0)
    assert found.complaints == []


@pytest.mark.parametrize("options", [{}, DARK, PHONE, {**PHONE, **DARK}], ids=["light", "dark", "phone", "phone dark"])
def test_it_is_accessible(opened: Open, html: bytes, options: dict[str, Any]) -> None:
    """Axe finds nothing wrong with it, contrast included, nor with an open dialog."""
    found = opened(html, **options)
    found.page.evaluate(AXE.read_text())
    assert _violations(found.page) == []
    press(found, found.page.locator("#images-table button.name").first)
    assert _violations(found.page) == []


def _violations(page: Page) -> list[str]:
    told = page.evaluate("axe.run()")
    assert len(told["passes"]) > 10
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in told["violations"]]


@pytest.mark.parametrize("options", [{}, DARK], ids=["light", "dark"])
def test_what_is_told_of_accounts_is_accessible(opened: Open, options: dict[str, Any]) -> None:
    """It has a colour of its own at the top, and a table more."""
    found = opened(degraded().page(), **options)
    found.page.evaluate(AXE.read_text())
    assert _violations(found.page) == []


def test_its_headings_are_in_order(opened: Open, html: bytes) -> None:
    """One title, and no level left out."""
    found = opened(html)
    levels = found.page.evaluate(
        "[...document.querySelectorAll('main h2, main h3, h1')].map((h) => Number(h.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_it_follows_the_colours_of_the_system(opened: Open, html: bytes) -> None:
    """Dark where that is dark, also when it changes while the page is open; the pictures too."""
    found = opened(html)
    light = _colours(found.page)
    found.page.emulate_media(color_scheme="dark")
    dark = _colours(found.page)
    assert light[0] > 600
    assert dark[0] < 150
    assert light[1] != dark[1]


def _colours(page: Page) -> tuple[int, str]:
    background = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    return sum(background), str(page.evaluate("document.querySelector('#storage').toDataURL()"))


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_it_fits_every_width(opened: Open, width: int) -> None:
    """The page never scrolls sideways, however long the names are."""
    found = opened(Night(120, word="-" + "x" * 200).page(), viewport={"width": width, "height": 740})
    assert found.page.evaluate("document.documentElement.scrollWidth") <= width
    press(found, found.page.locator("#images-table button.name").first)
    assert found.page.evaluate("document.querySelector('dialog').scrollWidth") <= width


def test_a_phone_shows_what_matters(opened: Open, html: bytes) -> None:
    """Name, reason and outcome; the rest at a touch."""
    found = opened(html, **PHONE)
    titles = found.page.locator("#images-table .tabulator-col:visible").all_inner_texts()
    assert [title.strip() for title in titles] == ["Image", "Outcome"]
    expect(found.page.locator("#images-table .tabulator-row").first).to_contain_text("Old and unused")
    found.page.locator("#images-table button.name").first.tap()
    expect(found.page.get_by_role("dialog")).to_contain_text("Digest")
    found.page.get_by_role("button", name="Close").tap()
    # Turned around it is wide enough.
    found.page.set_viewport_size({"width": 900, "height": 360})
    expect(found.page.locator("#images-table .tabulator-col:visible")).to_have_count(6)


def test_names_that_want_to_be_code_are_names(opened: Open) -> None:
    """Of images, tags, consumers, findings, causes, notes: everything is shown as it is, nothing runs."""
    night = Night(60, word=HOSTILE)
    problems = (f"a cause {HOSTILE}",)
    night.summary = replace(night.summary, problems=problems, account_id=f"an account {HOSTILE}")
    found = opened(night.page())
    expect(found.page.locator("#causes")).to_contain_text(HOSTILE)
    expect(found.page.locator("#notes")).to_contain_text(HOSTILE)
    expect(found.page.locator("#subtitle")).to_contain_text(HOSTILE)
    for section in ("images", "usages", "findings", "repositories"):
        found.page.locator(f"#{section}-table").scroll_into_view_if_needed()
        for button in found.page.locator(f"#{section}-table button.name").all()[:4]:
            press(found, button)
            found.page.get_by_role("button", name="Close").click()
    expect(found.page.locator("#findings-table")).to_contain_text(HOSTILE)
    expect(found.page.locator("#usages-table")).to_contain_text(HOSTILE)
    assert found.page.evaluate("window.hacked") is None
    assert found.page.locator("img").count() == 0
    assert found.page.locator("script").count() == 2
    assert found.complaints == []
    assert len(found.requests) == 1


def test_a_page_that_was_cut_short_says_so(opened: Open, html: bytes) -> None:
    """Half a download is not half a registry."""
    start = html.index(b'id="document">') + len(b'id="document">')
    end = html.index(b"</script>", start)
    half = base64.b64encode(base64.b64decode(html[start:end])[:-2000])
    found = opened(html[:start] + half + html[end:], wait="#broken:not([hidden])")
    expect(found.page.get_by_role("alert")).to_contain_text("cannot be read")


def test_fifty_thousand_images_are_searched_and_scrolled(opened: Open) -> None:
    """Only rows in view are in the page, and every image is found."""
    found = opened(Night(MANY, 100).page())
    expect(hits(found)).to_have_text("50,000 images")
    rows = found.page.locator("#images-table .tabulator-row")
    assert rows.count() < 60
    first = names(found)[0]
    found.page.locator("#images-table .tabulator-tableholder").evaluate(
        "(one) => { one.scrollTop = one.scrollHeight; }"
    )
    expect(found.page.locator("#images-table").get_by_text(first, exact=True)).to_have_count(0)
    assert rows.count() < 60
    found.page.locator("#images-search").fill("shop/api3:v499")
    expect(hits(found)).to_have_text("1 of 50,000 images")
    assert names(found) == ["shop/api3:v499"]
    found.page.locator("#images-search").fill("")
    choose(found, "Sort by", "Largest")
    expect(hits(found)).to_have_text("50,000 images")
