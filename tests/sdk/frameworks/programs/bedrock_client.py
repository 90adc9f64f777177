"""Amazon Bedrock's Converse, by boto3, which has no asynchronous calls."""

import boto3
from common import QUESTION, URL, main

ASKED = {
    "modelId": "anthropic.claude-3-haiku-20240307-v1:0",
    "messages": [{"role": "user", "content": [{"text": QUESTION}]}],
}


def client() -> object:
    return boto3.client(
        "bedrock-runtime",
        endpoint_url=URL,
        region_name="us-east-1",
        aws_access_key_id="not-a-key",
        aws_secret_access_key="not-a-key",
    )


def sync() -> object:
    return client().converse(**ASKED)


def stream() -> object:
    events = client().converse_stream(**ASKED)["stream"]
    return "".join(event["contentBlockDelta"]["delta"]["text"] for event in events if "contentBlockDelta" in event)


main(sync, None, stream)
