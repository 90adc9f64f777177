"""Every way in which programs become several processes: calls made = spans received, exactly."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from .faulty import ENVIRONMENT, wait_until
from .sink import Sink

HEAD = """
import os, sys, threading, time, spanledger

@spanledger.observe
def work(who="work"):
    return os.getpid()
"""


def run(tmp_path: Path, source: str, sink: Sink, **environment: str) -> str:
    """Run a program from a file, which children that are not forked can import; return what it printed."""
    script = tmp_path / "program.py"
    script.write_text(HEAD + textwrap.dedent(source))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", str(script)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**ENVIRONMENT, "SPANLEDGER_ENDPOINT": sink.url, **environment},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def received(sink: Sink) -> int:
    """How many spans arrived; no span arrived twice."""
    assert len({span.span_id for span in sink.spans}) == len(sink.spans)
    return len(sink.spans)


def test_forks_in_the_middle_of_everything(tmp_path: Path, sink: Sink) -> None:
    """Threads that call, an export thread that sends, and forks at any moment; children fork, too."""
    made = run(
        tmp_path,
        """
        spanledger.init()
        stop = threading.Event()
        made = [0] * 3
        def busy(index):
            while not stop.is_set():
                work()
                made[index] += 1
                time.sleep(0.0005)
        threads = [threading.Thread(target=busy, args=(index,)) for index in range(3)]
        for thread in threads: thread.start()
        children = []
        for _ in range(8):
            time.sleep(0.03)
            pid = os.fork()
            if pid == 0:
                assert spanledger.stats().ended == 0
                for _ in range(20): work()
                inner = os.fork()
                if inner == 0:
                    for _ in range(5): work()
                    os._exit(0 if spanledger.flush(30) and spanledger.stats().acknowledged == 5 else 1)
                ok = os.waitpid(inner, 0)[1] == 0
                os._exit(0 if ok and spanledger.shutdown() and spanledger.stats().acknowledged == 20 else 1)
            children.append(pid)
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 8
        stop.set()
        for thread in threads: thread.join()
        assert spanledger.flush(30)
        assert spanledger.stats().acknowledged == sum(made) == spanledger.stats().ended
        print(sum(made))
        """,
        sink,
        OTEL_BSP_SCHEDULE_DELAY="10",
    )
    assert received(sink) == int(made) + 8 * 25


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(tmp_path: Path, sink: Sink, method: str) -> None:
    """Its children leave without Python's exit hooks: what they have queued goes out all the same."""
    run(
        tmp_path,
        f"""
        import multiprocessing

        def child(count):
            spanledger.init()  # where the parent is not copied, a child starts the SDK itself
            for _ in range(count): work()

        if __name__ == "__main__":
            context = multiprocessing.get_context("{method}")
            spanledger.init()
            for _ in range(7): work()
            children = [context.Process(target=child, args=(count,)) for count in (10, 20, 30)]
            for each in children: each.start()
            for each in children: each.join()
            assert [each.exitcode for each in children] == [0, 0, 0]
            with context.Pool(2, initializer=spanledger.init) as pool:
                assert len(pool.map(work, range(25))) == 25
                pool.close()
                pool.join()
        """,
        sink,
    )
    assert received(sink) == 7 + 60 + 25


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_pool_executor(tmp_path: Path, sink: Sink, method: str) -> None:
    run(
        tmp_path,
        f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        if __name__ == "__main__":
            spanledger.init()
            work()
            context = multiprocessing.get_context("{method}")
            with ProcessPoolExecutor(2, mp_context=context, initializer=spanledger.init) as pool:
                assert len(list(pool.map(work, range(40)))) == 40
            work()
        """,
        sink,
    )
    assert received(sink) == 42


def test_a_child_that_fails_delivers_too(tmp_path: Path, sink: Sink) -> None:
    script = """
        import multiprocessing

        def child():
            work()
            sys.stderr = open(os.devnull, "w")
            raise RuntimeError("mine")

        if __name__ == "__main__":
            spanledger.init()
            each = multiprocessing.get_context("fork").Process(target=child)
            each.start()
            each.join()
            assert each.exitcode == 1
    """
    run(tmp_path, script, sink)
    assert received(sink) == 1


# --- servers -----------------------------------------------------------------------------------------

WSGI = """
import os, spanledger
spanledger.init()

@spanledger.observe
def work(): ...

work()  # once where the module is imported

def app(environ, start_response):
    work()
    start_response("200 OK", [("content-type", "text/plain")])
    return [str(os.getpid()).encode()]
"""
ASGI = """
import os, spanledger
spanledger.init()

@spanledger.observe
async def work(): ...

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        spanledger.shutdown()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await work()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
"""


def serve(tmp_path: Path, sink: Sink, command: list[str], requests: int) -> Counter[str]:
    """Run a server, ask it so many times, end it in order; return which process answered how often."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [part.format(port=port) for part in command],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**ENVIRONMENT, "SPANLEDGER_ENDPOINT": sink.url, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    said: list[bytes] = []
    assert server.stdout is not None
    reader = threading.Thread(target=lambda: said.extend(server.stdout or []))
    reader.start()

    def ask() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
            return answer.read().decode()

    def is_up() -> bool:
        assert server.poll() is None, b"".join(said)
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return True
        except OSError:
            return False

    try:
        wait_until(is_up, 60)
        answered = Counter(ask() for _ in range(requests))
        server.send_signal(signal.SIGTERM)
        server.wait(60)
    finally:
        if server.poll() is None:
            server.kill()
        reader.join()
        server.stdout.close()
    assert b"Traceback" not in b"".join(said), b"".join(said).decode()
    return answered


@pytest.mark.parametrize("preload", [True, False])
def test_gunicorn(tmp_path: Path, sink: Sink, preload: bool) -> None:
    """With --preload `init` runs in the master, which forks the workers afterwards."""
    pytest.importorskip("gunicorn", reason="gunicorn is not installed: pip install gunicorn")
    (tmp_path / "web.py").write_text(WSGI)
    workers = 3
    command = [sys.executable, "-m", "gunicorn", "--workers", str(workers), "--bind", "127.0.0.1:{port}", "web:app"]
    answered = serve(tmp_path, sink, [*command, *(["--preload"] if preload else [])], 60)
    assert sum(answered.values()) == 60
    wait_until(lambda: len(sink.spans) >= 60 + (1 if preload else workers))
    assert received(sink) == 60 + (1 if preload else workers)


def test_uvicorn_with_workers(tmp_path: Path, sink: Sink) -> None:
    """Its workers end by the very signal that ended it, without exit hooks: the lifespan delivers what is queued."""
    pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install uvicorn")
    (tmp_path / "web.py").write_text(ASGI)
    command = [sys.executable, "-m", "uvicorn", "--workers", "2", "--port", "{port}", "web:app"]
    answered = serve(tmp_path, sink, command, 60)
    assert sum(answered.values()) == 60
    assert received(sink) == 60


CELERY = """
import os, spanledger
from celery import Celery

here = os.environ["HERE"]
app = Celery("jobs", broker="filesystem://", backend="file://" + here + "/results")
app.conf.broker_transport_options = {
    "data_folder_in": here + "/queue", "data_folder_out": here + "/queue", "control_folder": here + "/control"}
spanledger.init()  # in the parent, before the pool forks

@spanledger.observe
def work(): ...

@app.task
def job(number):
    work()
    return os.getpid()
"""


@pytest.mark.skipif(importlib.util.find_spec("celery") is None, reason="celery is not installed: pip install celery")
def test_celery_prefork(tmp_path: Path, sink: Sink) -> None:
    for name in ("results", "queue", "control"):
        (tmp_path / name).mkdir()
    (tmp_path / "jobs.py").write_text(CELERY)
    environment = {**ENVIRONMENT, "SPANLEDGER_ENDPOINT": sink.url, "HERE": str(tmp_path), "C_FORCE_ROOT": "1"}
    worker = subprocess.Popen(
        [*f"{sys.executable} -m celery -A jobs worker --pool prefork --concurrency 2".split(), "--without-mingle"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", "import jobs\nfor r in [jobs.job.delay(n) for n in range(40)]: print(r.get(60))"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            env={**environment, "SPANLEDGER_ENABLED": "false"},
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.split()) == 40
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
    finally:
        if worker.poll() is None:
            worker.kill()
    assert received(sink) == 40


# --- notebooks and functions that are frozen ---------------------------------------------------------


def test_a_notebook_runs_its_cells_again(tmp_path: Path, sink: Sink) -> None:
    pytest.importorskip("IPython", reason="IPython is not installed: pip install ipython")
    cells = """
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        setup = "import spanledger\\nspanledger.init(environment='notebook')"
        function = "@spanledger.observe\\ndef answer(text):\\n    return text"
        for cell in (setup, function, "answer('a')", setup, function, "answer('b')", "answer('c')"):
            assert shell.run_cell(cell, silent=True).success, cell
        assert shell.run_cell("assert spanledger.flush()").success
        assert spanledger.stats().acknowledged == 3
    """
    run(tmp_path, cells, sink, HOME=str(tmp_path), IPYTHONDIR=str(tmp_path))
    assert received(sink) == 3


def test_init_twice_says_so_only_where_it_asks_for_something_else(tmp_path: Path, sink: Sink) -> None:
    run(tmp_path, "spanledger.init(release='1')\nspanledger.init(release='1')\nwork()", sink)
    assert received(sink) == 1


def test_a_frozen_function_has_delivered_before_it_returns(tmp_path: Path, sink: Sink) -> None:
    """As Lambda and Cloud Run do it: whatever happens after the handler's return may never run."""
    source = """
        spanledger.init()

        @spanledger.flush_after
        def handler(event, context=None):
            work()
            if event == "bad": raise KeyError(event)
            return spanledger.stats().acknowledged

        @spanledger.flush_after(timeout=5)
        async def ahandler(event):
            work()
            return event

        import asyncio, signal
        assert handler("a") == 0 and handler("b") == 1
        try: handler("bad")
        except KeyError: pass
        assert asyncio.run(ahandler("c")) == "c"
        assert handler.__name__ == "handler" and spanledger.stats().acknowledged == 4
        print("done", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    script = tmp_path / "function.py"
    script.write_text(HEAD + textwrap.dedent(source))
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**ENVIRONMENT, "SPANLEDGER_ENDPOINT": sink.url},
    )
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "done\n"), done.stderr
    assert received(sink) == 4
