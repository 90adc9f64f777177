"""LangChain's chat model inside a LangGraph graph, and its stream by itself."""

from common import QUESTION, main
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph

MODEL = ChatOpenAI(model="gpt-4o", max_retries=0)


def ask(state: MessagesState) -> dict:
    return {"messages": [MODEL.invoke(state["messages"])]}


async def ask_async(state: MessagesState) -> dict:
    return {"messages": [await MODEL.ainvoke(state["messages"])]}


def graph(node: object) -> object:
    builder = StateGraph(MessagesState)
    builder.add_node("ask", node)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder.compile()


def sync() -> object:
    return graph(ask).invoke({"messages": [("user", QUESTION)]})


async def asynchronous() -> object:
    return await graph(ask_async).ainvoke({"messages": [("user", QUESTION)]})


def stream() -> object:
    return "".join(chunk.text if isinstance(chunk.text, str) else chunk.text() for chunk in MODEL.stream(QUESTION))


main(sync, asynchronous, stream)
