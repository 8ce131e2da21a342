"""The report in a real browser."""

import json
import shutil

import pytest

from synthgan.datasets import make_clinic
from synthgan.report import evaluate

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.usefixtures("few_trees"),
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed"
    ),
]
SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    columns = ["age", "sex", "bmi", "diabetic", "hba1c", "ward"]
    clinic = make_clinic(240, random_state=0)[columns]
    report = evaluate(clinic[:80], clinic[80:160], holdout=clinic[160:], target="diabetic")
    path = tmp_path_factory.mktemp("report") / "report.html"
    report.to_html(path)
    return path


@pytest.fixture(params=[(1280, 900), (390, 844)], ids=["desk", "phone"])
def browser(request, tmp_path):
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    width, height = request.param
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    yield driver
    driver.quit()


def test_page_renders_completely_and_without_network(browser, page, tmp_path):
    browser.get("about:blank")
    browser.get_log("performance")  # the browser's own start page
    browser.get(page.as_uri())
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in asked if not url.startswith("data:")} == {page.as_uri()}
    sections = browser.find_elements("css selector", "main > section")
    assert len(sections) >= 7
    for section in sections:
        assert section.is_displayed(), section.get_attribute("id")
        assert section.size["height"] > 40
    pictures = browser.find_elements("css selector", "img")
    assert len(pictures) >= 8
    for picture in pictures:
        assert int(picture.get_attribute("naturalWidth")) > 0
        assert picture.get_attribute("alt")
    # The page does not scroll horizontally.
    wide = "return document.documentElement.scrollWidth <= window.innerWidth"
    assert browser.execute_script(wide)
    browser.save_screenshot(str(tmp_path / "report.png"))
    assert (tmp_path / "report.png").stat().st_size > 10_000
