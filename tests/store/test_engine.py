from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr

from spanledger_store.engine import Engine
from spanledger_store.errors import QueryError, StoreLocked, StoreUnavailable
from spanledger_store.lock import DirectoryLock
from spanledger_store.settings import StoreSettings


def test_threads_ask_at_once(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: engine.rows("SELECT {n:UInt32} * 2", {"n": n})[0][0], range(64)))
    assert answers == [n * 2 for n in range(64)]


def test_a_thread_that_gives_way_uses_one_thread_of_the_engine_and_others_are_as_before(engine: Engine) -> None:
    asks = "SELECT getSetting('max_threads'), getSetting('os_thread_priority')"
    before = engine.rows(asks)

    def background() -> object:
        engine.give_way()
        return engine.rows(asks)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(background).result() == [(1, 10)]
    assert engine.rows(asks) == before != [(1, 10)]


def test_values_are_never_read_as_sql(engine: Engine) -> None:
    hostile = "'; DROP TABLE span_rows; --"
    assert engine.rows("SELECT {x:String}", {"x": hostile}) == [(hostile,)]


def test_a_refused_statement_is_a_query_error_with_the_engines_words(engine: Engine) -> None:
    with pytest.raises(QueryError, match="no_such_column"):
        engine.query("SELECT no_such_column FROM spans")


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"cannot be reached: .*refused"):
        Engine(StoreSettings(data=tmp_path, clickhouse_url=SecretStr("http://127.0.0.1:9")))


def test_a_directory_belongs_to_one_process_until_it_ends(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, time; from spanledger_store.lock import DirectoryLock;"
        "lock = DirectoryLock(pathlib.Path(sys.argv[1])); lock.acquire(); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(StoreLocked, match=str(holder.pid)):
        DirectoryLock(tmp_path).acquire()
    holder.kill()
    holder.wait()
    holder.stdout.close()
    lock = DirectoryLock(tmp_path)
    lock.acquire()
    lock.release()
