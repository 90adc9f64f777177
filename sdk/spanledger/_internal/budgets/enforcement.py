"""What is looked at before a call is made: budgets, and the ceilings of single calls.

`@observe`d calls come here by themselves. A wrapper of a provider's client that makes its own spans says

    enforcement.check({"name": "chat gpt-4o", "provider": "openai", "model": "gpt-4o", "kwargs": kwargs})

before it calls the provider, and lets through what that raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry.context import (
    _SUPPRESS_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage] - OpenTelemetry offers no other name
)
from opentelemetry.trace import SpanKind
from opentelemetry.trace.status import Status, StatusCode

from spanledger import semconv
from spanledger._internal import clock, runtime
from spanledger._internal.budgets.ceiling import least_usage, price_of
from spanledger._internal.budgets.errors import BudgetExceeded, CallTooExpensive
from spanledger._internal.budgets.limits import Limit
from spanledger._internal.budgets.policy import POLICY_KEY, Policy
from spanledger._internal.budgets.standing import Budgets, slice_now
from spanledger._internal.log import warn_once
from spanledger._internal.observing.arguments import bound
from spanledger.usage import Usage

if TYPE_CHECKING:
    from spanledger._internal.observing.declaration import Declaration
    from spanledger._internal.runtime import Runtime

_LLM: Final = ("llm", "embedding")
BUDGET_EXCEEDED: Final = "budget_exceeded"
CALL_TOO_EXPENSIVE: Final = "call_too_expensive"


def admit(running: Runtime, declaration: Declaration, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Return if an observed call may be made; `kwargs` are then those to make it with.

    Raises BudgetExceeded, CallTooExpensive, and whatever the program's own `on_budget` raises; nothing else.
    """
    if otel_context.get_current().get(_SUPPRESS_INSTRUMENTATION_KEY):
        return
    held: Budgets | None = running.budgets
    policy = _policy(held) if held is not None else None
    is_llm = declaration.kind in _LLM or (held is not None and held.is_llm(declaration.name))
    if declaration.ceiling is None and (policy is None or not is_llm):
        return
    try:
        given = args[1:] if declaration.skip_first else args
        arguments = {**declaration.defaults, **bound(declaration, given, kwargs)}
        stated = declaration.attributes.get(semconv.PROVIDER_NAME)
        provider = semconv.provider_name(str(stated)) if stated else None
    except Exception as error:
        warn_once("admit", "the arguments of a call could not be read before it: %s", error, error=error)
        return
    if declaration.ceiling is not None:
        try:
            declaration.ceiling.check(declaration.name, arguments, provider)
        except CallTooExpensive as error:
            _record(running, declaration.name, error, CALL_TOO_EXPENSIVE, arguments, {})
            raise
        except Exception as error:
            warn_once("ceiling", "what a call may cost could not be told: %s", error, error=error)
    if held is not None and policy is not None and is_llm:
        _admit(running, held, policy, declaration.name, arguments, provider, kwargs)


def check(context: Mapping[str, Any] | None = None) -> None:
    """Return if a call of a provider may be made here and now; raises as `admit` does.

    `context` may say `name` (of the call's span), `model`, `provider` and `kwargs`: the call's own keyword arguments,
    which are changed in place where the program's `on_budget` gives others. At once where no budgets are checked.
    """
    running = runtime.active
    if running is None or running.budgets is None:
        return
    held: Budgets = running.budgets
    policy = _policy(held)
    if policy is None or otel_context.get_current().get(_SUPPRESS_INSTRUMENTATION_KEY):
        return
    told = context or {}
    kwargs: dict[str, Any] = told.get("kwargs") or {}
    model = told.get("model")
    arguments = {**kwargs, "model": model} if model else kwargs
    provider = told.get("provider")
    _admit(running, held, policy, str(told.get("name") or "call"), arguments, provider, kwargs)


def _policy(held: Budgets) -> Policy | None:
    """What applies here, or None where nothing is checked."""
    around = otel_context.get_current().get(POLICY_KEY)
    policy = around.within(held.default) if isinstance(around, Policy) else held.default
    return None if policy.mode in (None, "off") else policy


def _admit(
    running: Runtime,
    held: Budgets,
    policy: Policy,
    name: str,
    arguments: Mapping[str, Any],
    provider: str | None,
    kwargs: dict[str, Any],
) -> None:
    refusal: tuple[BudgetExceeded, Limit | None] | None = None
    try:
        model = arguments.get("model")
        call = slice_now(held.environment, model if isinstance(model, str) else "", provider or "")
        refusal = held.refusal(call, is_closed=policy.mode == "fail-closed")
    except Exception as error:
        warn_once("budget-check", "a call is made although its budget could not be looked at: %s", error, error=error)
    if refusal is None:
        return
    error, limit = refusal
    if policy.on_budget is not None:
        changed = policy.on_budget(error, dict(kwargs))
        if changed is not None:
            kwargs.clear()
            kwargs.update(changed)
            return
    _record(running, name, error, BUDGET_EXCEEDED, arguments, _about(held, name, arguments, provider, error, limit))
    raise error


def _about(
    held: Budgets,
    name: str,
    arguments: Mapping[str, Any],
    provider: str | None,
    error: BudgetExceeded,
    limit: Limit | None,
) -> dict[str, str]:
    """Which budget refused the call, and what that has saved as far as it can be told."""
    found: dict[str, str] = {}
    if limit is not None:
        found = {semconv.BUDGET_ID: limit.id, semconv.BUDGET_NAME: limit.name, semconv.BUDGET_VALUE: error.value or ""}
    saved = held.mean(name)
    if saved is None:
        # Nothing has been learnt of this function yet: its text would have been paid for at least.
        saved = price_of(Usage(input_tokens=least_usage(arguments).input_tokens), arguments, provider)
    if saved is not None:
        found[semconv.BUDGET_SAVED_USD] = format(saved.quantize(Decimal("1e-12")), "f")
    return found


def _record(
    running: Runtime,
    name: str,
    error: Exception,
    error_type: str,
    arguments: Mapping[str, Any],
    about: Mapping[str, str],
) -> None:
    """Leave a span of what was not called: a guardrail that blocked, without tokens or a cost."""
    try:
        attributes: dict[str, Any] = {
            semconv.KIND: "guardrail",
            semconv.GUARDRAIL_NAME: "budget" if error_type == BUDGET_EXCEEDED else "ceiling",
            semconv.GUARDRAIL_ACTION: "blocked",
            semconv.GUARDRAIL_REASON: str(error),
            semconv.ERROR_TYPE: error_type,
            **about,
        }
        if isinstance(model := arguments.get("model"), str):
            attributes[semconv.REQUEST_MODEL] = model
        now = clock.time_ns()
        span = running.tracer.start_span(name, kind=SpanKind.INTERNAL, attributes=attributes, start_time=now)
        span.set_status(Status(StatusCode.ERROR, str(error)))
        span.end(now)
    except Exception as problem:
        warn_once("refusal", "a refused call could not be recorded: %s", problem, error=problem)
