"""CrewAI: one agent, one task."""

from common import QUESTION, URL, main
from crewai import LLM, Agent, Crew, Task


def crew(*, stream: bool = False) -> Crew:
    model = LLM(model="openai/gpt-4o", base_url=f"{URL}/v1", api_key="not-a-key", stream=stream, max_retries=0)
    helper = Agent(role="helper", goal="answer", backstory="knows capitals", llm=model, max_iter=1, max_retry_limit=0)
    task = Task(description=QUESTION, expected_output="a city", agent=helper)
    return Crew(agents=[helper], tasks=[task], tracing=False)


def sync() -> object:
    return crew().kickoff()


async def asynchronous() -> object:
    return await crew().kickoff_async()


def stream() -> object:
    return crew(stream=True).kickoff()


main(sync, asynchronous, stream)
