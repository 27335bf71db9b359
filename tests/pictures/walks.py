"""What is only seen on the way: steps of a wizard, ticked rows, a fold that was opened."""

from collections.abc import Callable, Mapping
from typing import Any

from pyotp import TOTP

from tests.pictures.links import IDA
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
    page.locator("#bulk button[value=deactivate]").click()
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
    """From here on no line comes up on this page: only what is about signing in may follow."""
    page.route_web_socket("**/ws", lambda line: line.close(code=4000))
    page.goto(f"{url}/")
    page.wait_for_selector("[data-strip]:not([hidden])")


def second_factor(page: Any, url: str, examples: Examples) -> None:
    """As Ida, so the admin's session ends here in this browser."""
    page.context.clear_cookies()
    page.goto(f"{url}/sign-in?next=/second-factor")
    page.locator("[name=email]").fill(IDA["email"])
    page.locator("[name=password]").fill(IDA["password"])
    _next(page)
    if page.locator("[name=password]").count():  # where it was begun already, the picture of the key stands
        page.locator("[name=password]").fill(IDA["password"])
        _next(page)


def recovery_codes(page: Any, url: str, examples: Examples) -> None:
    code = TOTP(page.locator("code.key").inner_text()).now()
    page.locator("[name=one_time_password]").fill(code)
    _next(page)


def second_factor_on(page: Any, url: str, examples: Examples) -> None:
    page.goto(f"{url}/second-factor")


def sign_in_code(page: Any, url: str, examples: Examples) -> None:
    page.context.clear_cookies()
    page.goto(f"{url}/sign-in")
    page.locator("[name=email]").fill(IDA["email"])
    page.locator("[name=password]").fill(IDA["password"])
    _next(page)


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
    "second-factor-begun": second_factor,
    "recovery-codes": recovery_codes,
    "second-factor-on": second_factor_on,
    "sign-in-code": sign_in_code,
}
