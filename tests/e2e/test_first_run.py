"""From an empty plant to the first reading, by the very lines that the page shows."""

import shlex
import shutil
import subprocess
import time

import pytest

from tests.e2e.looking import findings
from tests.plant import ADMIN, ADMIN_SETTINGS, running
from tests.services import folder

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect


@pytest.fixture
def empty_plant():
    with folder("first-run") as data, running(data, **ADMIN_SETTINGS) as plant:
        yield plant.wait_ready()


@pytest.fixture
def page(browser, empty_plant):
    context = browser.new_context(viewport={"width": 820, "height": 1180})
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(empty_plant.url)
    page.fill("#id_email", ADMIN["email"])
    page.fill("#id_password", ADMIN["password"])
    page.click("button:has-text('Sign in')")
    page.wait_for_url(empty_plant.url + "/")
    yield page
    context.close()


def test_from_an_empty_plant_to_the_first_reading(page):
    expect(page.locator("h1")).to_have_text("There is no device yet.")
    assert findings(page) == []
    page.fill("#id_name", "Press 3")
    page.fill("#id_external_id", "press-3")
    page.click("button:has-text('Add device')")

    expect(page.locator("h1")).to_have_text("Press 3 is added.")
    expect(page.locator("#first-reading")).to_contain_text("Waiting for the first reading…")
    assert findings(page) == []
    page.evaluate("window.untouched = true")
    answer = run(page.locator("#curl").text_content())
    assert '"accepted":1' in answer

    expect(page.locator("#first-reading")).to_contain_text("The first reading is there.")
    expect(page.locator("#first-reading")).to_contain_text("Temperature 21.5 °C")
    assert page.evaluate("window.untouched")
    assert findings(page) == []

    if shutil.which("mosquitto_pub"):  # the same page, over MQTT
        line = page.locator("#mqtt").text_content().replace("21.5", "22.5")
        run(line)
        expect(page.locator("#first-reading [data-metric=temperature]")).to_have_text("22.5")
    page.locator("#first-reading .main-action").click()
    expect(page.locator("h1")).to_contain_text("Press 3")


def test_the_page_of_a_new_device_draws_its_course_from_the_first_reading_on_without_reloading(page):
    page.fill("#id_name", "Press 5")
    page.fill("#id_external_id", "press-5")
    page.click("button:has-text('Add device')")
    curl = page.locator("#curl").text_content()
    page.click("#first-reading a:has-text('To Press 5')")
    expect(page.locator("#course")).to_contain_text("The course is drawn from the first reading on.")
    page.evaluate("window.untouched = true")

    assert '"accepted":1' in run(curl)

    expect(page.locator("#chart canvas")).to_be_visible()
    expect(page.locator("#course-title")).to_have_text("Temperature, °C: the last hour")
    assert page.evaluate("window.untouched")


def test_after_a_while_help_is_offered(page):
    page.fill("#id_name", "Press 4")
    page.fill("#id_external_id", "press-4")
    page.click("button:has-text('Add device')")

    expect(page.locator("#first-reading")).to_contain_text("Nothing comes?", timeout=25_000)
    assert findings(page) == []
    if shutil.which("mosquitto_pub"):
        line = page.locator("#mqtt").text_content()
        run(line[: line.index(" -m ")] + " -m 'no JSON at all'")
        expect(page.locator("#first-reading .refused")).to_contain_text("no JSON at all")


def run(line: str) -> str:
    """As somebody would who pastes it into a shell."""
    program, *arguments = shlex.split(line)
    if program == "curl" and shutil.which(program) is None:
        pytest.skip("no curl on this machine")
    end = time.monotonic() + 20
    while True:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30, check=False)
        # A broker learns of a new token within some seconds.
        if "not authorised" not in done.stderr or time.monotonic() > end:
            break
    assert done.returncode == 0, done.stderr
    return done.stdout
