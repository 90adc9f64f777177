"""How the dashboard sits on an application: routes, headers, static files, callbacks."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import brotli
import pytest
from plotly.offline import get_plotlyjs_version
from starlette.testclient import TestClient

import spanledger_dashboard
from spanledger_dashboard import DashboardSettings, create_app
from spanledger_dashboard.app import LATE_SCRIPTS, build
from spanledger_dashboard.data import Data
from spanledger_dashboard.pages import PAGES
from spanledger_dashboard.static import accepted, plotly
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from tests.dashboard.conftest import api

PACKAGE = Path(spanledger_dashboard.__file__).parent
PLOTLY = "/_dash-component-suites/plotly/package_data/plotly.min.js"


@pytest.fixture(scope="module")
def client(pages_engine: Engine, pages_control: Control) -> Iterator[TestClient]:
    with TestClient(create_app(api(), pages_engine, pages_control, DashboardSettings())) as found:
        yield found


def test_what_plotly_asks_for_while_it_writes_is_loaded_before_anything_is_served() -> None:
    """Another thread that loads pandas meanwhile makes answers fail: plotly sees it half loaded."""
    code = "import spanledger_dashboard, sys; sys.exit('pandas.core.frame' not in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_answer_that_cannot_be_made_is_logged(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    body = {"output": "nobody.children", "outputs": [], "inputs": [], "changedPropIds": []}
    answer = client.post("/_dash-update-component", json=body)
    assert answer.status_code == 500
    (record,) = [each for each in caplog.records if each.name == "spanledger_dashboard.faults"]
    assert record.message == "/_dash-update-component could not be answered"
    assert record.exc_info is not None


def test_every_server_callback_is_a_coroutine(data: Data) -> None:
    app = build(api(), data)
    served = {name: spec["callback"] for name, spec in app.callback_map.items() if "callback" in spec}
    assert len(served) >= 8
    assert [name for name, function in served.items() if not inspect.iscoroutinefunction(function)] == []


def test_only_the_service_layer_asks_the_store() -> None:
    allowed = {"data.py", "data_clusters.py", "data_pool.py", "data_finance.py", "data_drift.py", "app.py"}
    asking: list[str] = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.ImportFrom)
                and node.module == "spanledger_store.engine"
                and path.name not in allowed
            ):
                asking.append(path.name)
    assert asking == []


def test_other_routes_win_and_unknown_ones_are_pages(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"ok": True}
    assert client.get("/api/nope").status_code == 404
    assert "<html lang=" in client.get("/traces").text


def test_the_first_page_asked_for_has_its_assets(pages_engine: Engine, pages_control: Control) -> None:
    with TestClient(create_app(api(), pages_engine, pages_control, DashboardSettings())) as fresh:
        assert "/assets/30-clientside.js" in fresh.get("/spend").text


def test_headers_forbid_everything_foreign(client: TestClient) -> None:
    headers = client.get("/").headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert "'unsafe-inline'" not in policy["script-src"]
    assert "'unsafe-eval'" not in policy["script-src"]
    assert "'sha256-" in policy["script-src"]
    assert "http" not in headers["content-security-policy"]
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"


def test_static_files_are_compressed_once_and_kept(client: TestClient) -> None:
    path = "/assets/10-tokens.css"
    first = client.get(path, headers={"accept-encoding": "br"})
    again = client.get(path, headers={"accept-encoding": "br"})
    plain = client.get(path, headers={"accept-encoding": "identity"})
    assert first.headers["content-encoding"] == "br"
    assert "immutable" in first.headers["cache-control"]
    assert first.text == again.text == plain.text
    assert "content-encoding" not in plain.headers


def test_plotly_is_the_vendored_bundle_of_the_version_in_use(client: TestClient) -> None:
    answer = client.get(PLOTLY, headers={"accept-encoding": "gzip"})
    assert answer.text.startswith(f"/* plotly.js v{get_plotlyjs_version()},")
    assert brotli.decompress(plotly("br").body).decode() == answer.text
    assert "new Function" not in answer.text


def test_answers_of_callbacks_are_compressed(client: TestClient) -> None:
    answer = client.get("/_dash-layout", headers={"accept-encoding": "br"})
    assert answer.headers["content-encoding"] == "br"
    body = {
        "output": "..overview-sub.children...overview-body.children..",
        "outputs": [{"id": name, "property": "children"} for name in ("overview-sub", "overview-body")],
        "inputs": [{"id": "view", "property": "data", "value": {"path": "/", "search": "?range=14d"}}],
        "changedPropIds": ["view.data"],
        "state": [],
    }
    answer = client.post("/_dash-update-component", json=body, headers={"accept-encoding": "br"})
    assert answer.headers["content-encoding"] == "br"
    assert "overview-features" in answer.text


def test_scripts_asked_for_early_exist(client: TestClient) -> None:
    for path in LATE_SCRIPTS:
        assert f'href="{path}"' in client.get("/").text
        assert "javascript" in client.get(path).headers["content-type"]


def test_missing_files_are_not_kept(client: TestClient) -> None:
    assert client.get("/assets/none.css", headers={"accept-encoding": "br"}).status_code == 404
    assert client.get("/assets/none.css", headers={"accept-encoding": "br"}).status_code == 404


@pytest.mark.parametrize(
    ("header", "encoding"),
    [(b"gzip, deflate, br", "br"), (b"gzip;q=0.5", "gzip"), (b"br;q=0, gzip", "gzip"), (b"", ""), (b"identity", "")],
)
def test_the_best_common_encoding_is_taken(header: bytes, encoding: str) -> None:
    assert accepted(header) == encoding


def test_pages_have_distinct_addresses_and_icons_that_exist() -> None:
    assert len({page.path for page in PAGES}) == len(PAGES)
    icons = (PACKAGE / "assets" / "00-icons.css").read_text(encoding="utf-8")
    assert all(f".i-{page.icon}{{" in icons for page in PAGES if page.icon)


def test_every_icon_that_is_named_exists() -> None:
    icons = (PACKAGE / "assets" / "00-icons.css").read_text(encoding="utf-8")
    named: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "icon":
                named |= {
                    arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
                }
    assert named
    assert [name for name in sorted(named) if f".i-{name}{{" not in icons] == []
