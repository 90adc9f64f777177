import ast
from pathlib import Path

import spanledger
from spanledger import semconv

PACKAGE = Path(spanledger.__file__).parent


def test_the_public_names_are_complete_and_sorted() -> None:
    imported = [
        alias.asname or alias.name
        for node in ast.parse((PACKAGE / "__init__.py").read_text()).body
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
    ]
    assert sorted(imported) == spanledger.__all__ == sorted(spanledger.__all__)
    assert all(getattr(spanledger, name).__doc__ for name in spanledger.__all__)


def test_modules_stay_small() -> None:
    sizes = {path.name: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name: size for name, size in sizes.items() if size > 330} == {}


def test_kinds_and_operations_agree() -> None:
    assert set(semconv.OPERATION_KINDS.values()) <= set(semconv.KINDS)
    for kind, operation in semconv.KIND_OPERATIONS.items():
        assert semconv.OPERATION_KINDS[operation] == kind


def test_provider_aliases_lead_to_current_names() -> None:
    for alias, name in semconv.PROVIDER_ALIASES.items():
        assert semconv.provider_name(alias.upper()) == name
        assert semconv.provider_name(name) in (name, semconv.PROVIDER_ALIASES.get(name))
    assert semconv.provider_name(" Ollama ") == "ollama"
