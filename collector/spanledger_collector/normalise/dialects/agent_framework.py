"""Microsoft.Extensions.AI and Microsoft's agent_framework: OpenTelemetry's names, from .NET and Python."""

from __future__ import annotations

from spanledger_collector.normalise.dialect import Dialect

AGENT_FRAMEWORK = Dialect(
    name="agent_framework",
    scopes=(
        "agent_framework",
        "Microsoft.Extensions.AI",
        "Experimental.Microsoft.Extensions.AI",
        "Microsoft.Agents.AI",
        "Experimental.Microsoft.Agents.AI",
        "Microsoft.SemanticKernel",
    ),
    keys=("agent_framework.",),
    fields={
        # The first previews of Microsoft.Extensions.AI counted under the response.
        "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.response.input_tokens"),
        "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.response.output_tokens"),
    },
    kinds={
        "orchestrate_tools": "chain",
        "workflow.build": "chain",
        "workflow.run": "chain",
        "workflow.session": "chain",
        "executor.process": "chain",
        "edge_group.process": "span",
        "message.send": "span",
    },
    hints={"gen_ai.tool.name": "tool", "workflow.id": "chain", "executor.id": "chain"},
)
