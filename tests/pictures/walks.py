"""What is only seen on the way: steps of a wizard, ticked rows, a fold that was opened."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.pictures.pages import Examples

Walk = Callable[[Any, str, Examples], None]  # page, the plant's address, examples


def _ticked(page: Any, count: int) -> None:
    for at in range(count):
        page.locator("[data-pick]").nth(at).check()


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
    page.locator("main button[name=step]").last.click()
    page.wait_for_load_state()


def batch_look(page: Any, url: str, examples: Examples) -> None:
    batch_fill(page, url, examples)
    page.locator("main button[name=step][value=look]").click()
    page.wait_for_load_state()


def rollout_fill(page: Any, url: str, examples: Examples) -> None:
    page.goto(f"{url}/firmware/rollouts/new?firmware={examples['firmware_id']}")
    page.locator("#id_filter").fill("type = 'controller'")
    page.locator("main button[name=step][value=fill]").click()
    page.wait_for_load_state()


def rollout_look(page: Any, url: str, examples: Examples) -> None:
    rollout_fill(page, url, examples)
    page.locator("main button[name=step][value=look]").click()
    page.wait_for_load_state()


def offline(page: Any, url: str, examples: Examples) -> None:
    page.goto(f"{url}/")
    page.wait_for_selector("[data-line=live]", state="attached")
    page.context.set_offline(True)
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
