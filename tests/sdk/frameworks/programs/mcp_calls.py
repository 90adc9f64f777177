"""MCP: a tool called in another process, which is to be in the trace of the program that called it."""

import asyncio
import os
import sys

from common import main
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

import spanledger

SERVER = """
import spanledger
try:
    from mcp.server.fastmcp import FastMCP as Server
except ImportError:
    from mcp.server import MCPServer as Server
server = Server("capitals")
@server.tool()
@spanledger.observe(kind="tool")
def capital(country: str) -> str:
    if country != "France":
        raise ValueError("unknown")
    return "Paris"
server.run()
"""


@spanledger.observe(kind="agent")
async def ask(country: str) -> object:
    server = StdioServerParameters(command=sys.executable, args=["-c", SERVER], env=dict(os.environ))
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        answer = await session.call_tool("capital", {"country": country})
    if getattr(answer, "isError", None) or getattr(answer, "is_error", None):
        raise LookupError(str(answer))
    return answer


def sync() -> object:
    return asyncio.run(ask("Atlantis" if sys.argv[1] == "error" else "France"))


async def asynchronous() -> object:
    return await ask("France")


main(sync, asynchronous)
