"""Emits pydantic-ai's and Logfire's spans: `emit_pydantic_ai.py CASE`."""

import sys
import warnings

import logfire

# With OTEL_EXPORTER_OTLP_TRACES_ENDPOINT set, Logfire exports there by itself.
logfire.configure(
    send_to_logfire=False,
    console=False,
    service_name="fixtures",
    inspect_arguments=False,
    environment="staging",
)


def _run(**settings: object) -> None:
    from pydantic_ai import Agent
    from pydantic_ai.models.instrumented import InstrumentationSettings
    from pydantic_ai.models.openai import OpenAIChatModel

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Agent.instrument_all(InstrumentationSettings(**settings))
    agent = Agent(OpenAIChatModel("gpt-4o"), name="helper", system_prompt="Be brief.")

    @agent.tool_plain
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"rain in {city}"

    agent.run_sync("Weather in Oslo?")


def agent() -> None:
    _run()


def older() -> None:
    _run(version=2)


def logfire_openai() -> None:
    from openai import OpenAI

    client = OpenAI()
    logfire.instrument_openai(client)
    client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is two and two?"}],
    )


globals()[sys.argv[1]]()
logfire.force_flush()
