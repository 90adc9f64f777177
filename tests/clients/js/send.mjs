// Send the story of tests/clients/story.py: PROTOCOL ENDPOINT TRACES KEY; prints "trace span" of each call.
// PROTOCOL is proto or json (over HTTP), or grpc.
import { ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const [protocol, endpoint, traces, key] = process.argv.slice(2);
const authorization = `Bearer ${key}`;

async function exporter(signal, name) {
  const kind = { proto: "proto", json: "http", grpc: "grpc" }[protocol];
  const { [name]: Exporter } = await import(`@opentelemetry/exporter-${signal}-otlp-${kind}`);
  if (protocol !== "grpc") {
    const path = { trace: "traces" }[signal] ?? signal;
    return new Exporter({ url: `${endpoint}/v1/${path}`, headers: { authorization }, compression: "gzip" });
  }
  const { Metadata } = await import("@grpc/grpc-js");
  const metadata = new Metadata();
  metadata.set("authorization", authorization);
  return new Exporter({ url: endpoint, metadata, compression: "gzip" });
}

const resource = resourceFromAttributes({ "service.name": "javascript" });
const tracers = new BasicTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(await exporter("trace", "OTLPTraceExporter"))],
});
const loggers = new LoggerProvider({
  resource,
  processors: [new BatchLogRecordProcessor({ exporter: await exporter("logs", "OTLPLogExporter") })],
});
const meters = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter: await exporter("metrics", "OTLPMetricExporter") })],
});

const tracer = tracers.getTracer("story");
const logger = loggers.getLogger("story");
const tokens = meters.getMeter("story").createHistogram("gen_ai.client.token.usage", { unit: "{token}" });
const call = {
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "gpt-4o",
};

for (let number = 0; number < Number(traces); number++) {
  const request = tracer.startSpan("GET /ask", { kind: SpanKind.SERVER }, ROOT_CONTEXT);
  const inRequest = trace.setSpan(ROOT_CONTEXT, request);
  const attributes = {
    ...call,
    "gen_ai.response.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
  };
  const chat = tracer.startSpan("chat gpt-4o", { kind: SpanKind.CLIENT, attributes }, inRequest);
  logger.emit({
    eventName: "gen_ai.evaluation.result",
    severityNumber: SeverityNumber.INFO,
    attributes: { "gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.5 },
    context: trace.setSpan(inRequest, chat),
  });
  tokens.record(1000, { ...call, "gen_ai.token.type": "input" });
  tokens.record(100, { ...call, "gen_ai.token.type": "output" });
  const { traceId, spanId } = chat.spanContext();
  console.log(`${traceId} ${spanId}`);
  chat.end();
  request.end();
}

await tracers.shutdown();
await loggers.shutdown();
await meters.shutdown();
