"""The page in a headless Chromium: draws, follows the cursor, sorts, fits, prints, and is quiet."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from liqbayes.page import Facts, render, write_page
from tests.page.conftest import HOSTILE, hostile

pytestmark = pytest.mark.browser

READY = "body[data-ready]"
# A page is several megabytes of program; a busy machine takes its time.
PATIENCE = 180_000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.fail("no Chromium: set CHROMIUM to its path, or run `make test-browser`")
    with sync_playwright() as play:
        # a container has no user namespaces to make a sandbox of; the page is our own
        browser = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(chromium: Any, path: Path, width: int = 1440, **options: Any) -> Iterator[Any]:
    """A tab with the page; afterwards nothing may have been complained of or asked for."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    trouble: list[str] = []
    tab.on("console", lambda m: trouble.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("pageerror", lambda e: trouble.append(str(e)))
    tab.on("dialog", lambda d: (trouble.append(f"dialog {d.message}"), d.dismiss()))
    asked: list[str] = []
    tab.on("request", lambda r: asked.append(r.url))
    tab.goto(path.as_uri())
    tab.wait_for_selector(READY)
    yield tab
    assert trouble == []
    assert [u for u in asked if not u.startswith(("data:", "blob:"))] == [path.as_uri()]
    context.close()


@pytest.fixture(scope="module")
def tab(chromium: Any, page: Path) -> Iterator[Any]:
    with opened(chromium, page) as tab:
        yield tab


def audit(tab: Any, call: str) -> list[str]:
    """Complaints of one check in audit.js."""
    program = Path(__file__).with_name("audit.js").read_text(encoding="utf-8")
    return tab.evaluate(f"() => {{ {program}\nreturn {call}; }}")


def profile(tab: Any) -> list[float]:
    """Medians that the profile draws."""
    return tab.evaluate(
        "() => document.getElementById('profile-plot').data.flatMap(t => Array.from(t.x))"
    )


def chosen(tab: Any) -> str:
    return tab.locator("#chosen tbody").inner_text()


def settle(tab: Any, before: str) -> None:
    """Wait until the table of the chosen bar has changed."""
    tab.wait_for_function(
        "was => document.querySelector('#chosen tbody').innerText !== was", arg=before
    )


def drawn(tab: Any) -> None:
    """Wait until figures and table show the chosen bar: they follow it a frame later."""
    tab.wait_for_function(
        "() => document.getElementById('chosen').dataset.bar"
        " === document.getElementById('bar').value"
    )


def latest(tab: Any) -> None:
    tab.click("#latest")
    drawn(tab)


def test_warning_comes_first(tab: Any) -> None:
    first = tab.locator("main > section").first
    assert first.get_attribute("id") == "warning"
    assert "did not converge" in first.inner_text()
    assert tab.title().startswith("NOT CONVERGED")


def test_slider_moves_profile_cumulative_and_table(tab: Any) -> None:
    latest(tab)
    last, was = chosen(tab), profile(tab)
    tab.locator("#bar").focus()
    tab.keyboard.press("Home")
    settle(tab, last)
    assert tab.locator("#bar").get_attribute("aria-valuetext") == tab.inner_text("#when")
    assert profile(tab) != was
    first = chosen(tab)
    tab.click("#forth")
    settle(tab, first)
    latest(tab)
    assert chosen(tab) == last
    assert profile(tab) == was


def test_map_moves_the_cursor_and_a_click_holds_it(tab: Any) -> None:
    latest(tab)
    tab.locator("#map-plot").scroll_into_view_if_needed()
    box = tab.locator("#map-plot .nsewdrag").bounding_box()
    before = chosen(tab)

    def at(share: float) -> tuple[float, float]:
        return box["x"] + share * box["width"], box["y"] + 0.4 * box["height"]

    tab.mouse.move(*at(0.5))
    tab.mouse.move(*at(0.3))
    settle(tab, before)
    tip = tab.locator("#tip")
    tip.wait_for(state="visible")
    assert "90 % interval" in tip.inner_text()
    tab.mouse.click(*at(0.3))
    tab.wait_for_function("document.getElementById('when').innerText.includes('(held)')")
    drawn(tab)
    held = chosen(tab)
    tab.mouse.move(*at(0.7))
    tab.wait_for_timeout(500)
    assert chosen(tab) == held
    tab.keyboard.press("Escape")
    tab.mouse.move(*at(0.9))
    settle(tab, held)
    assert tab.inner_text("#when").count("held") == 0


def test_modes_change_colours_and_words(tab: Any) -> None:
    heights = (
        "() => document.getElementById('map-plot').data[0].z"
        ".map(row => Array.from(row).reduce((a, b) => a + b, 0)).join()"
    )
    seen = [tab.evaluate(heights)]
    for value, words in (("width", "width of the 90 % interval"), ("above", "probability that")):
        tab.locator(f"#mode input[value={value}]").check(force=True)
        assert words in tab.inner_text("#mode-words")
        seen.append(tab.evaluate(heights))
    assert len(set(seen)) == 3
    tab.locator("#mode input[value=median]").check(force=True)


def test_last_bar_agrees_with_the_files(tab: Any, directory: Path, facts: Facts) -> None:
    """Amounts reached at a bin's edge are those of the table, to the packing's error."""
    import pandas as pd

    latest(tab)
    levels = pd.read_csv(directory / "levels.csv")
    short = levels[levels["side"] == "short"].set_index("price_high")
    drawn = tab.evaluate(
        "() => { const d = document.getElementById('cumulative-plot').data[5];"
        " return [d.y.map(Math.exp), Array.from(d.x)] }"
    )
    middle = (short["price_low"] * short.index) ** 0.5
    checked = 0
    for price, amount in zip(*drawn, strict=True):
        row = short.iloc[(middle - price).abs().argmin()]
        if row["cumulative_quote"] > 1e-3 * short["cumulative_quote"].max():
            assert amount == pytest.approx(row["cumulative_quote"], rel=0.003)
            checked += 1
    assert checked > 5


def test_numbers_are_those_of_the_summary(tab: Any, directory: Path) -> None:
    summary = json.loads((directory / "summary.json").read_text())
    rows = tab.locator("#risk-table tbody tr")
    moves = list(summary["at_risk"]["long"])
    assert rows.count() == len(moves)
    for i, move in enumerate(moves):
        cells = rows.nth(i).locator("td")
        found = [float(cells.nth(j).get_attribute("data-v")) for j in range(5)]
        want = [float(move)]
        for side in ("long", "short"):
            want += [summary["at_risk"][side][move][1], summary["at_risk_quote"][side][move][1]]
        assert found == want
    for i, window in enumerate(summary["delta_quote"]):
        cell = tab.locator("#delta-table tbody tr").nth(i).locator("td").first
        values = summary["delta_quote"][window]
        assert cell.get_attribute("data-v") == ("" if values is None else repr(values[1]))
    for side in ("long", "short"):
        average = summary["average_leverage"][side]["open_interest"][1]
        assert f"{average:.3g}" in tab.locator(f".tile.{side}").nth(1).inner_text()


def test_sorting_by_keyboard_keeps_unknown_last(tab: Any) -> None:
    head = tab.locator("#topic-clusters th", has_text="quote")
    button = head.get_by_role("button")
    column = tab.locator("#topic-clusters tbody tr td:nth-child(3)")

    def medians() -> list[str]:
        return [re.split(r"\s", t)[0] for t in column.all_inner_texts()]

    button.focus()
    tab.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert medians() == ["60M", "50M", "–"]
    tab.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert medians() == ["50M", "60M", "–"]
    tab.locator("#topic-clusters th", has_text="side").get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "none"


def test_structure_for_readers_without_eyes(tab: Any) -> None:
    for role in ("banner", "navigation", "main", "contentinfo"):
        assert tab.get_by_role(role).count() == 1
    problems = audit(tab, "structure()")
    assert problems == []
    tab.keyboard.press("Tab")
    tab.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")


def test_skip_link_is_the_first_stop(chromium: Any, page: Path) -> None:
    with opened(chromium, page) as tab:
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip"
        tab.keyboard.press("Enter")
        assert tab.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_fits_and_can_be_read(chromium: Any, page: Path, width: int, scheme: str) -> None:
    with opened(chromium, page, width, color_scheme=scheme) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert audit(tab, "contrast()") == []
        assert audit(tab, f"overflowing({width})") == []
        ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (int(re.findall(r"\d+", ground)[0]) < 60) is (scheme == "dark")


def test_theme_button_changes_page_and_figures(chromium: Any, page: Path) -> None:
    with opened(chromium, page, color_scheme="light") as tab:
        ink = "() => document.getElementById('delta-plot').layout.font.color"
        light = tab.evaluate(ink)
        tab.click("#theme")
        tab.click("#theme")
        assert tab.inner_text("#theme") == "Theme: dark"
        assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
        assert tab.evaluate(ink) != light


def test_hostile_names_do_nothing(chromium: Any, facts: Facts, tmp_path: Path) -> None:
    path = tmp_path / "hostile <b>&.html"
    write_page(render(hostile(facts)), path)
    with opened(chromium, path) as tab:
        assert tab.inner_text("h1").replace("\u2028", "") == HOSTILE.replace("\u2028", "")
        assert tab.locator("img").count() == 0
        assert tab.locator("script").count() == 3
        tab.locator("#map-plot .nsewdrag").hover()
        assert tab.locator("svg a, svg image[href^='http']").count() == 0


def test_prints_light_and_whole(chromium: Any, page: Path) -> None:
    with opened(chromium, page, color_scheme="dark") as tab:
        pdf = tab.pdf(format="A4", print_background=True)
        assert pdf.startswith(b"%PDF")
        assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 4
        tab.emulate_media(media="print")
        tab.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert tab.locator("details:not([open])").count() == 0
        paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == "rgb(255, 255, 255)"
        assert not tab.locator(".contents").is_visible()
        tab.evaluate("dispatchEvent(new Event('afterprint'))")
        assert tab.locator("details[open]").count() == 0


def test_without_programs_the_tables_are_there(chromium: Any, page: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.goto(page.as_uri())
    assert tab.locator("#risk-table tbody tr").count() == 6
    assert "Figures need JavaScript" in tab.inner_text("main")
    context.close()
