from __future__ import annotations

import subprocess
import sys


def test_beside_the_sdk_alone_the_command_says_what_to_install() -> None:
    code = "import sys; sys.modules['typer'] = None; from spanledger_cli.entry import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "'typer'" in done.stderr
    assert "pip install 'spanledger[all]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_answers() -> None:
    done = subprocess.run([sys.executable, "-m", "spanledger_cli", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[0]) == (0, "spanledger")
