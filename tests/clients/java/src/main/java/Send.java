import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.logs.Severity;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Scope;
import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.metrics.OtlpHttpMetricExporter;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.logs.OtlpGrpcLogRecordExporter;
import io.opentelemetry.exporter.otlp.metrics.OtlpGrpcMetricExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.logs.SdkLoggerProvider;
import io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor;
import io.opentelemetry.sdk.logs.export.LogRecordExporter;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.metrics.export.MetricExporter;
import io.opentelemetry.sdk.metrics.export.PeriodicMetricReader;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.concurrent.TimeUnit;

/** Send the story of tests/clients/story.py: PROTOCOL ENDPOINT TRACES KEY; prints "trace span" of each call. */
public final class Send {
  public static void main(String[] arguments) {
    String protocol = arguments[0];
    String endpoint = arguments[1];
    int traces = Integer.parseInt(arguments[2]);
    String key = "Bearer " + arguments[3];
    boolean grpc = protocol.equals("grpc");
    SpanExporter spanExporter =
        grpc
            ? OtlpGrpcSpanExporter.builder().setEndpoint(endpoint).setCompression("gzip")
                .addHeader("authorization", key).build()
            : OtlpHttpSpanExporter.builder().setEndpoint(endpoint + "/v1/traces").setCompression("gzip")
                .addHeader("authorization", key).build();
    LogRecordExporter logExporter =
        grpc
            ? OtlpGrpcLogRecordExporter.builder().setEndpoint(endpoint).addHeader("authorization", key).build()
            : OtlpHttpLogRecordExporter.builder().setEndpoint(endpoint + "/v1/logs")
                .addHeader("authorization", key).build();
    MetricExporter metricExporter =
        grpc
            ? OtlpGrpcMetricExporter.builder().setEndpoint(endpoint).addHeader("authorization", key).build()
            : OtlpHttpMetricExporter.builder().setEndpoint(endpoint + "/v1/metrics")
                .addHeader("authorization", key).build();
    Resource resource = Resource.getDefault().merge(Resource.builder().put("service.name", "java").build());
    SdkTracerProvider tracers =
        SdkTracerProvider.builder().setResource(resource)
            .addSpanProcessor(BatchSpanProcessor.builder(spanExporter).build()).build();
    SdkLoggerProvider loggers =
        SdkLoggerProvider.builder().setResource(resource)
            .addLogRecordProcessor(BatchLogRecordProcessor.builder(logExporter).build()).build();
    SdkMeterProvider meters =
        SdkMeterProvider.builder().setResource(resource)
            .registerMetricReader(PeriodicMetricReader.create(metricExporter)).build();
    var tracer = tracers.get("story");
    var tokens = meters.get("story").histogramBuilder("gen_ai.client.token.usage").ofLongs().setUnit("{token}").build();
    Attributes call =
        Attributes.builder()
            .put("gen_ai.operation.name", "chat")
            .put("gen_ai.provider.name", "openai")
            .put("gen_ai.request.model", "gpt-4o")
            .put("gen_ai.response.model", "gpt-4o")
            .put("gen_ai.usage.input_tokens", 1000)
            .put("gen_ai.usage.output_tokens", 100)
            .build();
    Attributes usage =
        Attributes.builder()
            .put("gen_ai.operation.name", "chat")
            .put("gen_ai.provider.name", "openai")
            .put("gen_ai.request.model", "gpt-4o")
            .build();
    var type = AttributeKey.stringKey("gen_ai.token.type");
    for (int number = 0; number < traces; number++) {
      Span request = tracer.spanBuilder("GET /ask").setSpanKind(SpanKind.SERVER).startSpan();
      try (Scope ignored = request.makeCurrent()) {
        Span chat = tracer.spanBuilder("chat gpt-4o").setSpanKind(SpanKind.CLIENT).setAllAttributes(call).startSpan();
        try (Scope inner = chat.makeCurrent()) {
          loggers.get("story").logRecordBuilder().setSeverity(Severity.INFO)
              .setEventName("gen_ai.evaluation.result")
              .setAttribute(AttributeKey.stringKey("gen_ai.evaluation.name"), "relevance")
              .setAttribute(AttributeKey.doubleKey("gen_ai.evaluation.score.value"), 0.5)
              .emit();
        }
        tokens.record(1000, usage.toBuilder().put(type, "input").build());
        tokens.record(100, usage.toBuilder().put(type, "output").build());
        System.out.println(chat.getSpanContext().getTraceId() + " " + chat.getSpanContext().getSpanId());
        chat.end();
      }
      request.end();
    }
    done(tracers.shutdown());
    done(loggers.shutdown());
    done(meters.shutdown());
  }

  private static void done(CompletableResultCode result) {
    if (!result.join(60, TimeUnit.SECONDS).isSuccess()) {
      throw new IllegalStateException("not everything was delivered");
    }
  }
}
