"""What is only seen on the way: steps of a wizard, ticked rows, a fold that was opened."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.pictures.pages import Examples

Walk = Callable[[Any, str, Examples], None]  # page, the plant's address, examples


def _ticked(page: Any, count: int) -> None:
    for at in range(count):
        page.locator("[data-pick]").nth(at).check()


def _next(page: Any) -> None:
    with page.expect_navigation():
        page.locator("main .main-action").click()


def devices_ticked(page: Any, url: str, examples: Examples) -> None:
    page.goto(f"{url}/devices/")
    _ticked(page, 3)


def deactivate(page: Any, url: str, examples: Examples) -> None:
    devices_ticked(page, url, examples)
    page.locator("#bulk button", has_text="…").first.click()
    page.wait_for_load_state()


def alerts_ticked(page: Any, url: str, examples: Examples) -> None:
    page.goto(f"{url}/alerts/")
    page.locator(".alert input[type=checkbox]").first.check()
    page.locator("#bulk summary").first.click()


def alert_folds(page: Any, url: str, examples: Examples) -> None:
    page.goto(f"{url}/alerts/{examples['alert_id']}/")
    for fold in ("#shelving", "#assigning"):
        page.locator(f"{fold} summary").click()


def batch_fill(page: Any, url: str, examples: Examples) -> None:
    page.goto(f"{url}/batches/new?group={examples['group_id']}")
    page.locator("[name=operation][value=restart]").check()
    _next(page)


def batch_look(page: Any, url: str, examples: Examples) -> None:
    batch_fill(page, url, examples)
    _next(page)


def rollout_fill(page: Any, url: str, examples: Examples) -> None:
    page.goto(f"{url}/firmware/rollouts/new?firmware={examples['firmware_id']}")
    page.locator("#id_filter").fill("type = 'controller'")
    _next(page)


def rollout_look(page: Any, url: str, examples: Examples) -> None:
    rollout_fill(page, url, examples)
    _next(page)


def offline(page: Any, url: str, examples: Examples) -> None:
    """The last of all: from here on no line comes up on this page."""
    page.route_web_socket("**/ws", lambda line: line.close(code=4000))
    page.goto(f"{url}/")
    page.wait_for_selector("[data-strip]:not([hidden])")


WALKS: Mapping[str, Walk] = {
    "devices-ticked": devices_ticked,
    "deactivate": deactivate,
    "alerts-ticked": alerts_ticked,
    "alert-folds": alert_folds,
    "batch-fill": batch_fill,
    "batch-look": batch_look,
    "rollout-fill": rollout_fill,
    "rollout-look": rollout_look,
    "overview-offline": offline,
}
