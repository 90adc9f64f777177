"""Callables that are no functions: partials, descriptors and objects stay what they were, and become observed.

Code around a decorated object looks at more than its call: a task's `.delay`, a cache's `.cache_clear`, a
partial's `.func`, `isinstance`. So partials and descriptors are rebuilt around the observed function, and any
other object gets a stand-in that is that object to everybody who asks, except that its call is observed.
"""

from __future__ import annotations

import copy
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, Final, cast

from spanledger._internal.observing.declaration import Declaration

Wrap = Callable[[Callable[..., Any]], Any]

_FUNCTIONS: Final = (
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    types.WrapperDescriptorType,
    types.MethodWrapperType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
)
_BINDING: Final = ("_lru_cache_wrapper", "cython_function_or_method")  # in a class, these become methods
# What a stand-in defines itself, or what would make Python take it for another object than it is.
_NOT_FORWARDED: Final = frozenset(
    f"__{name}__"
    for name in (
        *("call", "class", "class_getitem", "del", "delattr", "delete", "dict", "doc", "getattr"),
        *("getattribute", "getstate", "init", "init_subclass", "module", "new", "reduce", "reduce_ex"),
        *("set", "setattr", "setstate", "slots", "subclasshook", "weakref"),
    )
)


def is_function(fn: object) -> bool:
    """True for what Python itself calls a function or method; the wrapper of such is a function."""
    return isinstance(fn, _FUNCTIONS)


def rebuilt(fn: object, wrap: Wrap) -> Any:
    """Return a partial or descriptor like `fn` around the observed function; None if `fn` is neither."""
    if isinstance(fn, (staticmethod, classmethod)):
        made: Any = type(fn)(wrap(fn.__func__))
    elif type(fn) is functools.partial:
        made = functools.partial(wrap(fn.func), *fn.args, **fn.keywords)
        made.__dict__.update(fn.__dict__)
    elif type(fn) is functools.partialmethod:
        made = functools.partialmethod(wrap(fn.func), *fn.args, **fn.keywords)
    else:
        return None
    return made


def code_of(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that a call of `fn` runs, which tells whether it is async or a generator."""
    inner = fn
    while isinstance(inner, functools.partial):
        inner = inner.func
    if is_function(inner) or isinstance(inner, type):
        return inner
    if inspect.iscoroutinefunction(inner):  # an AsyncMock, a compiled function
        return inner
    return type(inner).__call__


def stand_in(fn: Callable[..., Any], observed: Callable[..., Any], declaration: Declaration) -> Any:
    """Return an object that is `fn` to everybody who asks, and whose call is `observed`."""
    kind = type(fn)
    members: dict[str, Any] = {
        name: _forwarded(name)
        for name in dir(kind)
        if name.startswith("__") and name not in _NOT_FORWARDED and callable(getattr(kind, name, None))
    }
    if getattr(kind, "__hash__", None) is None:
        members["__hash__"] = None
    if kind.__name__ in _BINDING:
        members["__get__"] = _bound
    if declaration.signature is not None:
        members["__signature__"] = declaration.signature
    members["__call__"] = staticmethod(observed)
    members["__slots__"] = ()
    for name in ("__doc__", "__module__"):  # every class has its own, which would hide the object's
        members[name] = property(lambda made, name=name: getattr(_target(made), name))
    return type(kind.__name__, (_StandIn,), members)(fn)


def keep(made: Any, note: object) -> None:
    """Keep a note on a stand-in, where its target does not see it."""
    object.__setattr__(made, "_spanledger_note", note)


def kept(made: object) -> object | None:
    """Return the note on a stand-in; None for anything else."""
    return object.__getattribute__(made, "_spanledger_note") if issubclass(type(made), _StandIn) else None


class _StandIn:
    __slots__ = ("__weakref__", "_spanledger_note", "_spanledger_target")

    def __init__(self, target: object) -> None:
        object.__setattr__(self, "_spanledger_target", target)

    @property
    def __class__(self) -> type[Any]:  # pyright: ignore[reportIncompatibleMethodOverride] - isinstance reads, only
        return type(_target(self))

    def __getattr__(self, name: str) -> Any:
        return getattr(_target(self), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(_target(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_target(self), name)

    # Copies and pickles are those of the object itself: what they are for is not known here.

    def __copy__(self) -> Any:
        return copy.copy(_target(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(_target(self), memo)

    def __reduce_ex__(self, protocol: object) -> Any:
        return _itself, (_target(self),)


def _target(made: object) -> Any:
    return object.__getattribute__(made, "_spanledger_target")


def _itself(target: object) -> object:
    return target


def _forwarded(name: str) -> Callable[..., Any]:
    def forward(self: object, *args: Any, **kwargs: Any) -> Any:
        target = _target(self)
        return getattr(type(target), name)(target, *args, **kwargs)

    forward.__name__ = name
    return forward


def _bound(self: Any, instance: object, owner: type | None = None) -> Any:
    return self if instance is None else types.MethodType(cast("Callable[..., Any]", self), instance)
