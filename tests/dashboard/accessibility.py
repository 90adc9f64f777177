"""What of a page assistive technology could not use, by axe-core."""

from __future__ import annotations

from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


def barriers(page: Page, axe: str) -> list[str]:
    """Each violation of WCAG 2.1 A and AA on the page as it is now, with the first places; `axe` is the source."""
    page.evaluate(axe)
    found: list[str] = page.evaluate(
        "rules => axe.run(document, {runOnly: rules}).then(r => r.violations.map("
        "v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | ')))",
        RULES,
    )
    return found
