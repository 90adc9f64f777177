"""The OpenTelemetry SDK of Java with both of its exporters, from Maven (version in java/pom.xml)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import Ledger
from tests.clients.installing import installed
from tests.clients.story import check, ids

CALLS = 300

pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def place() -> Path:
    return installed("java", ["java", "mvn"], [["mvn", "-q", "-B", "package", "dependency:copy-dependencies"]])


@pytest.mark.long
@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_the_java_sdk(place: Path, ledger: Ledger, protocol: str) -> None:
    classes = f"{place}/target/classes:{place}/target/dependency/*"
    command = ["java", "-cp", classes, "Send", protocol, ledger.endpoint(protocol), str(CALLS), ledger.key]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sent = ids(done.stdout)
    assert len(sent) == CALLS
    check(ledger.up, "java", sent)
