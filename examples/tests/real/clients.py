"""Calls an LLM API with the official clients. Each line of the input orders a call, and gets a line with what came of it.

An order: {"client": "openai", "call": "chat", "url": "http://..", "key": "..", "prompt": "..", "streams": false}. A line of the output:
{"text": "..", "finish": "stop", "error": null, "status": null, "says": null}; the text is what came before the error.
"""

import faulthandler
import json
import sys

import huggingface_hub
import openai

# A call that hangs ends the program, and so the test.
PATIENCE = 60
# Of one read, in seconds.
LIMIT = 10


def openai_client(order):
    return openai.OpenAI(base_url=order["url"] + "/v1", api_key=order["key"], max_retries=0, timeout=LIMIT)


def openai_chat(order):
    messages = [{"role": "user", "content": order["prompt"]}]
    chat = openai_client(order).chat.completions
    if not order["streams"]:
        answer = chat.create(model="note-reader", messages=messages)
        yield answer.choices[0].message.content, answer.choices[0].finish_reason
        return
    options = {"include_usage": True}
    for chunk in chat.create(model="note-reader", messages=messages, stream=True, stream_options=options):
        # What is no chunk is one without choices to both clients, and no error.
        for choice in chunk.choices or ():
            yield choice.delta.content, choice.finish_reason


def openai_completion(order):
    answer = openai_client(order).completions.create(
        model="note-reader", prompt=order["prompt"], stream=order["streams"]
    )
    for chunk in answer if order["streams"] else [answer]:
        for choice in chunk.choices or ():
            yield choice.text, choice.finish_reason


def hub_chat(order):
    client = huggingface_hub.InferenceClient(base_url=order["url"], api_key=order["key"], timeout=LIMIT)
    messages = [{"role": "user", "content": order["prompt"]}]
    answer = client.chat_completion(messages, stream=order["streams"])
    if not order["streams"]:
        yield answer.choices[0].message.content, answer.choices[0].finish_reason
        return
    for chunk in answer:
        for choice in chunk.choices or ():
            yield choice.delta.content, choice.finish_reason


def hub_text(order):
    """The route is a part of the address."""
    client = huggingface_hub.InferenceClient(model=order["url"], token=order["key"], timeout=LIMIT)
    answer = client.text_generation(order["prompt"], stream=order["streams"], details=order["streams"])
    if not order["streams"]:
        yield answer, None
        return
    for event in answer:
        text = event.token.text if event.token and not event.token.special else ""
        yield text, event.details.finish_reason if event.details else None


CALLS = {
    ("openai", "chat"): openai_chat,
    ("openai", "completion"): openai_completion,
    ("huggingface_hub", "chat"): hub_chat,
    ("huggingface_hub", "text"): hub_text,
}


def call(order):
    seen = {"text": "", "finish": None, "error": None, "status": None, "says": None}
    try:
        for text, finish in CALLS[order["client"], order["call"]](order):
            seen["text"] += text or ""
            seen["finish"] = finish or seen["finish"]
    except Exception as error:
        response = getattr(error, "response", None) or getattr(error.__cause__, "response", None)
        seen |= {"error": type(error).__name__, "says": str(error), "status": getattr(response, "status_code", None)}
    return seen


for line in sys.stdin:
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    print(json.dumps(call(json.loads(line))), flush=True)
    faulthandler.cancel_dump_traceback_later()
