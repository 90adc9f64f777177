"""Without the price list (`pip install spanledger` alone) calls are sent whole, for the collector to price."""

from __future__ import annotations

import subprocess
import sys

from .faulty import ENVIRONMENT
from .sink import Sink

PROGRAM = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("genai_prices", "pydantic", "httpx2"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import spanledger

@spanledger.observe(kind="llm", max_cost="0.000001", max_tokens=1000)
def work(prompt, max_tokens=100):
    spanledger.update(
        model="gpt-4o", provider="openai", usage=spanledger.Usage(input_tokens=len(prompt), output_tokens=100)
    )

spanledger.init(sample_rate=0.01)
for number in range(50):
    work("word " * 10)
try:
    work("word", max_tokens=5000)
except spanledger.CallTooExpensive as error:
    print(error.ceiling)
spanledger.shutdown()
assert "genai_prices" not in sys.modules
"""


def test_all_is_sent_and_what_needs_prices_says_so_once(sink: Sink) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        capture_output=True,
        text=True,
        timeout=60,
        env={**ENVIRONMENT, "SPANLEDGER_ENDPOINT": sink.url},
    )
    assert done.returncode == 0, done.stderr
    calls = [span for span in sink.spans if span.attributes.get("gen_ai.usage.output_tokens") == 100]
    assert len(calls) == 50
    assert not any("spanledger.cost" in key for span in calls for key in span.attributes)
    assert done.stdout == "1000\n"  # ceilings in tokens need no prices
    lines = done.stderr.splitlines()
    assert len([line for line in lines if "max_cost" in line and "spanledger[prices]" in line]) == 1, lines
    assert len([line for line in lines if "everything is sent" in line and "spanledger[prices]" in line]) == 1, lines
    assert len(lines) == 2
