// Emits spans of the Vercel AI SDK, versions 4 to 6: `node emit_vercel.mjs CASE`.
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import * as ai from 'ai';
import { z } from 'zod';

const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter())] });
provider.register();

const openai = createOpenAICompatible({
  name: 'openai', baseURL: process.env.OPENAI_BASE_URL, apiKey: 'not-a-key', includeUsage: true,
});
const experimental_telemetry = {
  isEnabled: true,
  functionId: 'sums',
  metadata: { userId: 'u-1', sessionId: 's-1', customerId: 'acme', tier: 'pro' },
};
const asked = { model: openai('gpt-4o'), system: 'Be brief.', prompt: 'What is two and two?', experimental_telemetry };
const city = z.object({ city: z.string() });
const weather = { description: 'The weather in a city.', parameters: city, inputSchema: city, execute: async ({ city }) => `rain in ${city}` };

const cases = {
  text: async () => { await ai.generateText(asked); },
  stream: async () => { for await (const _ of ai.streamText(asked).textStream); },
  tools: async () => { await ai.generateText({ ...asked, prompt: 'Weather in Oslo?', tools: { weather } }); },
  embed: async () => {
    const model = openai.textEmbeddingModel('text-embedding-3-small');
    await ai.embed({ model, value: 'two', experimental_telemetry });
    await ai.embedMany({ model, values: ['two', 'four'], experimental_telemetry });
  },
};
await cases[process.argv[2].split('_')[1]]();
await provider.forceFlush();
await provider.shutdown();
process.exit(0);
