from __future__ import annotations

import gzip
import json
import zlib

import pytest
import zstandard
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from spanledger_collector import otlp
from spanledger_collector.errors import BadRequest, TooLarge, UnsupportedMedia
from tests.collector.otlp_builder import chat, request, span

BODY = request(span(chat())).SerializeToString()


def raw_deflate(body: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(body) + engine.flush()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", BODY),
        ("identity", BODY),
        ("gzip", gzip.compress(BODY)),
        ("GZIP", gzip.compress(BODY)),
        ("deflate", zlib.compress(BODY)),
        ("deflate", raw_deflate(BODY)),
        ("zstd", zstandard.compress(BODY)),
    ],
)
def test_every_encoding_is_undone(encoding: str, packed: bytes) -> None:
    assert otlp.decompress(packed, encoding, 1 << 20) == BODY


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_broken_and_truncated_streams_are_bad_requests(encoding: str) -> None:
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}[encoding]
    with pytest.raises(BadRequest):
        otlp.decompress(b"not compressed at all", encoding, 1 << 20)
    if encoding != "zstd":
        with pytest.raises(BadRequest):
            otlp.decompress(pack(BODY)[:-12], encoding, 1 << 20)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "identity"])
def test_a_bomb_is_stopped_at_the_limit(encoding: str) -> None:
    bomb = bytes(10_000_000)
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress, "identity": bytes}[encoding]
    with pytest.raises(TooLarge, match="SPANLEDGER_MAX_BODY_BYTES"):
        otlp.decompress(pack(bomb), encoding, 1_000_000)


def test_unknown_encodings_and_types_name_what_would_do() -> None:
    with pytest.raises(UnsupportedMedia, match=r"'br'.*gzip"):
        otlp.decompress(BODY, "br", 1 << 20)
    with pytest.raises(UnsupportedMedia, match=r"'text/plain'.*application/x-protobuf"):
        otlp.media_type("text/plain")


def test_json_means_the_same_as_protobuf() -> None:
    payload = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]},
                "scopeSpans": [
                    {
                        "scope": {"name": "s", "version": "1"},
                        "spans": [
                            {
                                "traceId": "5B8EFFF798038103D269B633813FC60C",
                                "spanId": "EEE19B7EC3C1B174",
                                "parentSpanId": "EEE19B7EC3C1B173",
                                "name": "chat",
                                "kind": 3,
                                "startTimeUnixNano": "1544712660000000000",
                                "endTimeUnixNano": "1544712661000000000",
                                "attributes": [{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "9"}}],
                                "links": [
                                    {"traceId": "5B8EFFF798038103D269B633813FC60D", "spanId": "EEE19B7EC3C1B174"}
                                ],
                                "futureField": True,
                            }
                        ],
                    }
                ],
            }
        ]
    }
    decoded = otlp.decode(json.dumps(payload).encode(), otlp.JSON)
    one = decoded.resource_spans[0].scope_spans[0].spans[0]
    assert one.trace_id.hex() == "5b8efff798038103d269b633813fc60c"
    assert one.parent_span_id.hex() == "eee19b7ec3c1b173"
    assert one.links[0].trace_id.hex() == "5b8efff798038103d269b633813fc60d"
    assert one.start_time_unix_nano == 1544712660000000000
    assert one.attributes[0].value.int_value == 9


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"resourceSpans": 3}', b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"zz"}]}]}]}']
)
def test_broken_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest, match=r"OTLP/JSON|JSON object"):
        otlp.decode(body, otlp.JSON)


def test_broken_protobuf_is_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="ExportTraceServiceRequest"):
        otlp.decode(b"\xff\xff\xff\xff", otlp.PROTOBUF)


def test_answers_and_refusals_are_in_the_senders_format() -> None:
    parsed = ExportTraceServiceResponse.FromString(otlp.answer(otlp.PROTOBUF, 2, "why"))
    assert (parsed.partial_success.rejected_spans, parsed.partial_success.error_message) == (2, "why")
    assert otlp.answer(otlp.PROTOBUF, 0, "") == b""
    assert json.loads(otlp.answer(otlp.JSON, 0, "")) == {}
    status = Status.FromString(otlp.refusal(otlp.PROTOBUF, BadRequest("no")))
    assert (status.code, status.message) == (3, "no")
    assert json.loads(otlp.refusal(otlp.JSON, BadRequest("no"))) == {"code": 3, "message": "no"}
