import openai

import spanledger

spanledger.init()
client = openai.OpenAI()


@spanledger.observe
def answer(question: str):
    messages = [{"role": "user", "content": question}]
    return client.chat.completions.create(model="gpt-4o-mini", messages=messages)


for customer in ("acme", "globex"):
    with spanledger.context(customer=customer, feature="support"):
        print(answer("Where is my order?").choices[0].message.content)
