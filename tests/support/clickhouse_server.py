#!/usr/bin/env python3
"""Serve a real ClickHouse HTTP/TCP endpoint from the engine inside the `chdb` wheel.

    python clickhouse_server.py --data DIR [--http-port 18123] [--tcp-port 19000] ...

Runs clickhouse-local (LocalServer) in this process, executes `SYSTEM START LISTEN HTTP`
and then blocks the batch on a FIFO read; closing the FIFO ends the batch and makes the
engine run its own orderly shutdown (servers stopped, tables flushed and detached).
Run it as a subprocess, never import it.  Prints one line `READY {json}` on stdout.
Stops (exit 0) on SIGTERM/SIGINT/SIGHUP, or when stdin reaches EOF with --stdin.

Engines: `_chdb.abi3.so` of the installed chdb wheel (default; needs no numpy/pandas), or a
libchdb.so exporting query_stable_v2 (--lib or $CLICKHOUSE_LIB, e.g. npm @chdb/lib-linux-x64-gnu).
Standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import http.client
import importlib.machinery
import importlib.util
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
import uuid
from xml.sax.saxutils import escape


def find_chdb() -> str:
    for entry in sys.path:
        path = os.path.join(entry or ".", "chdb", "_chdb.abi3.so")
        if os.path.exists(path):
            return os.path.abspath(path)
    sys.exit("no chdb wheel on sys.path and no --lib given")


def engine(lib: str | None):
    """Return run(sql, path, extra_args) -> error message or ''."""
    if lib:
        dll = ctypes.CDLL(os.path.abspath(lib))

        class Result(ctypes.Structure):
            _fields_ = [
                ("buf", ctypes.c_char_p),
                ("len", ctypes.c_size_t),
                ("_vec", ctypes.c_void_p),
                ("elapsed", ctypes.c_double),
                ("rows_read", ctypes.c_uint64),
                ("bytes_read", ctypes.c_uint64),
                ("error_message", ctypes.c_char_p),
            ]

        dll.query_stable_v2.restype = ctypes.POINTER(Result)
        dll.query_stable_v2.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]

        def run(sql, path, extra):
            args = ["clickhouse", f"--path={path}", f"--query={sql}", *extra]
            argv = (ctypes.c_char_p * len(args))(*[a.encode() for a in args])
            res = dll.query_stable_v2(len(args), argv)
            return (res.contents.error_message or b"").decode(errors="replace") if res else "no result"

        return run

    so = find_chdb()
    # RTLD_DEEPBIND as chdb/__init__.py does; chdb/__init__ itself is skipped (it imports numpy
    # and opens a throw-away connection).
    ctypes.CDLL(so, mode=sys.getdlopenflags() | 0x8)
    loader = importlib.machinery.ExtensionFileLoader("_chdb", so)
    mod = importlib.util.module_from_spec(importlib.util.spec_from_loader("_chdb", loader))
    loader.exec_module(mod)

    def run(sql, path, extra):
        try:
            res = mod.query(sql, "TabSeparated", path=path)
            return res.error_message() if res.has_error() else ""
        except Exception as exc:
            return str(exc) or repr(exc)

    return run


def free_port(host: str) -> int:
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def hang_up(ports: set[int]) -> None:
    """Half-close (read side) every accepted connection: an idle one ends, a running reply still goes out."""
    for name in os.listdir("/proc/self/fd"):
        fd = -1
        try:
            if not os.readlink("/proc/self/fd/" + name).startswith("socket:"):
                continue
            fd = os.dup(int(name))
            with socket.socket(fileno=fd) as s:
                fd = -1
                if s.getsockname()[1] in ports and s.getpeername():
                    s.shutdown(socket.SHUT_RD)
        except (OSError, IndexError, TypeError):
            if fd >= 0:
                os.close(fd)


def nest(pairs) -> str:
    """dotted config keys -> XML (one element chain per pair; ConfigProcessor merges siblings)."""
    tree: dict = {}
    for key, value in pairs:
        node, parts = tree, key.split(".")
        for part in parts[:-1]:
            nxt = node.setdefault(part, {})
            if not isinstance(nxt, dict):
                nxt = node[part] = {}
            node = nxt
        node[parts[-1]] = value

    def dump(node, pad="  "):
        out = ""
        for k, v in node.items():
            out += (
                f"{pad}<{k}>\n{dump(v, pad + '  ')}{pad}</{k}>\n"
                if isinstance(v, dict)
                else f"{pad}<{k}>{escape(str(v))}</{k}>\n"
            )
        return out

    return f"<clickhouse>\n{dump(tree)}</clickhouse>\n"


def main() -> int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--data", required=True, help="data directory (created; one process at a time)")
    ap.add_argument("--listen", default="127.0.0.1")
    ap.add_argument("--http-port", type=int, default=0, help="0: pick a free one (see the READY line)")
    ap.add_argument("--tcp-port", type=int, default=-1, help="-1: off, 0: free port")
    ap.add_argument("--config-file", action="append", default=[], help="XML/YAML merged over the defaults")
    ap.add_argument("--users-file", help="users.xml (profiles, users, quotas)")
    ap.add_argument("--set", action="append", default=[], metavar="a.b=v", help="server config key")
    ap.add_argument("--sql", action="append", default=[], help="statement to run before the ready line")
    ap.add_argument("--lib", default=os.environ.get("CLICKHOUSE_LIB"), help="libchdb.so instead of the wheel")
    ap.add_argument("--log-file")
    ap.add_argument("--log-level", default="warning")
    ap.add_argument("--stdin", action="store_true", help="stop when stdin closes")
    ap.add_argument("--ready-timeout", type=float, default=120)
    ap.add_argument("--stop-timeout", type=float, default=60)
    ap.add_argument("extra", nargs="*", help="after --: --key=value (argv with --lib, else config keys)")
    o = ap.parse_args()

    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    data = os.path.abspath(o.data)
    os.makedirs(data, exist_ok=True)
    lock = open(data + ".launcher.lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print(f"ERROR {data} is in use by another server", flush=True)
        return 2

    ports = {}
    for name, value in (("http", o.http_port), ("tcp", o.tcp_port)):  # all that clickhouse-local can listen on
        if value >= 0:
            ports[name] = value or free_port(o.listen)

    run_dir = tempfile.mkdtemp(prefix="chsrv-")
    os.makedirs(os.path.join(run_dir, "config.d"))
    cfg = [
        ("path", data + "/"),
        ("listen_host", o.listen),
        ("user_files_path", data + "/user_files/"),
        ("format_schema_path", data + "/format_schemas/"),
        ("tmp_path", data + "/tmp/"),
        ("user_directories.users_xml.path", "users.xml"),
    ]  # the only access storage there is
    cfg += [(n + "_port", p) for n, p in ports.items()]
    if o.log_file:
        cfg += [("logger.log", os.path.abspath(o.log_file)), ("logger.level", o.log_level), ("log-level", o.log_level)]
    cfg += [tuple(s.split("=", 1)) for s in o.set]
    if not o.lib:
        cfg += [tuple(e.lstrip("-").split("=", 1)) for e in o.extra]
    with open(os.path.join(run_dir, "config.xml"), "w") as f:
        f.write(nest(cfg))
    users = os.path.join(run_dir, "users.xml")
    if o.users_file:
        shutil.copy(o.users_file, users)
    else:
        with open(users, "w") as f:
            f.write(
                "<clickhouse><profiles><default/></profiles><users><default><password/>"
                "<networks><ip>::1</ip><ip>127.0.0.1</ip></networks><profile>default</profile>"
                "<quota>default</quota><access_management>1</access_management>"
                "<named_collection_control>1</named_collection_control></default></users>"
                "<quotas><default/></quotas></clickhouse>"
            )
    for i, path in enumerate(o.config_file):
        shutil.copy(path, os.path.join(run_dir, "config.d", f"{i:02d}-{os.path.basename(path)}"))
    for sub in ("user_files", "format_schemas"):
        os.makedirs(os.path.join(data, sub), exist_ok=True)
    system_sql = os.path.join(data, "metadata", "system.sql")
    if not os.path.exists(system_sql):  # else query_log & co. are forgotten at every restart (system is Memory)
        os.makedirs(os.path.dirname(system_sql), exist_ok=True)
        with open(system_sql, "w") as f:
            f.write(f"ATTACH DATABASE _ UUID '{uuid.uuid4()}'\nENGINE = Atomic\n")
    fifo = os.path.join(run_dir, "stop.fifo")
    os.mkfifo(fifo)
    # O_RDWR keeps a writer on the FIFO for ever without blocking; closing it is the stop signal.
    writer = os.open(fifo, os.O_RDWR)
    os.chdir(run_dir)  # LocalServer loads ./config.xml

    statements = [f"SYSTEM START LISTEN {n.upper()}" for n in ("tcp", "http") if n in ports]
    statements[:0] = o.sql
    statements.append(
        f"SELECT count() FROM file('{fifo}', 'LineAsString', 'line String') FORMAT Null "
        "SETTINGS storage_file_read_method='read', max_threads=1, max_execution_time=0, "
        "log_queries=0, use_query_cache=0"
    )
    outcome: list[str] = []
    done = threading.Event()

    def serve():
        try:
            run = engine(o.lib)
            outcome.append(run("; ".join(statements), data + "/", o.extra if o.lib else []))
        except BaseException as exc:
            outcome.append(repr(exc))
        done.set()

    started = time.monotonic()
    threading.stack_size(64 << 20)
    threading.Thread(target=serve, daemon=True).start()

    def finish(code: int, message: str | None = None) -> int:
        if message:
            print(message, flush=True)
        shutil.rmtree(run_dir, ignore_errors=True)
        sys.stdout.flush()
        os._exit(code)  # the engine has shut down (or hung): skip its static destructors

    def pings() -> bool:
        conn = http.client.HTTPConnection(o.listen, ports["http"], timeout=2)
        with contextlib.closing(conn):
            try:
                conn.request("GET", "/ping")
                return conn.getresponse().read() == b"Ok.\n"
            except OSError:
                return False

    def blocked() -> bool:  # the engine has reached the wait query: it holds the FIFO open too
        count = 0
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                count += os.readlink("/proc/self/fd/" + name) == fifo
        return count > 1

    while not done.is_set() and not (blocked() and pings()):
        if time.monotonic() - started > o.ready_timeout:
            return finish(3, "ERROR not ready in time")
        if signal.sigtimedwait({signal.SIGTERM, signal.SIGINT, signal.SIGHUP}, 0):
            return finish(3, "ERROR stopped before ready")
        time.sleep(0.02)
    if done.is_set():
        return finish(1, "ERROR " + (outcome[0] or "engine returned at once (see stderr)"))
    os.chdir(os.path.join(data, "user_files"))  # cwd = where the Overlay `default` database looks for files
    shutil.rmtree(run_dir, ignore_errors=True)  # config read, FIFO open: no longer needed
    print(
        "READY "
        + json.dumps(
            {
                "pid": os.getpid(),
                "host": o.listen,
                "data": data,
                "ports": ports,
                "startup_s": round(time.monotonic() - started, 3),
            }
        ),
        flush=True,
    )

    while not done.is_set():
        if signal.sigtimedwait({signal.SIGTERM, signal.SIGINT, signal.SIGHUP}, 0.1):
            break
        if o.stdin and select.select([0], [], [], 0)[0] and not os.read(0, 4096):
            break
    if done.is_set():
        return finish(4, "ERROR engine stopped by itself: " + (outcome[0] or "its wait query ended or was killed"))
    os.close(writer)
    # The engine waits 5 s (hard-coded) for open connections, then _exit(0)s without a clean shutdown
    # (Buffer tables, query_log tail lost; no STOPPED line): end the idle keep-alive ones ourselves.
    deadline = time.monotonic() + o.stop_timeout
    while not done.wait(0.05) and time.monotonic() < deadline:
        hang_up(set(ports.values()))
    if not done.is_set():
        return finish(5, "ERROR shutdown timed out")
    return finish(0 if not outcome[0] else 1, "STOPPED" + (" " + outcome[0] if outcome[0] else ""))


if __name__ == "__main__":
    sys.exit(main())
