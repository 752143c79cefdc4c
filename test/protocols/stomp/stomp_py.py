"""A stomp.py client for stomp-py.test.ts: stomp_py.py PORT VERSION. Prints one JSON object."""
import json
import sys
import threading

import stomp

port, version = int(sys.argv[1]), sys.argv[2]
classes = {"1.0": stomp.Connection10, "1.1": stomp.Connection11, "1.2": stomp.Connection12}


class Listener(stomp.ConnectionListener):
    def __init__(self):
        self.changed = threading.Condition()
        self.messages, self.receipts, self.errors = [], [], []

    def _add(self, where, what):
        with self.changed:
            where.append(what)
            self.changed.notify_all()

    def on_message(self, frame):
        self._add(self.messages, frame)

    def on_receipt(self, frame):
        self._add(self.receipts, frame.headers["receipt-id"])

    def on_error(self, frame):
        self._add(self.errors, frame.headers.get("message", ""))

    def wait(self, condition, what):
        with self.changed:
            if not self.changed.wait_for(lambda: condition() or self.errors, 20):
                raise SystemExit(f"waited in vain for {what}")
        if self.errors:
            raise SystemExit(f"ERROR while waiting for {what}: {self.errors}")


def ack(connection, frame, negative=False):
    do = connection.nack if negative else connection.ack
    if version == "1.0":
        do(frame.headers["message-id"])
    elif version == "1.1":
        do(frame.headers["message-id"], frame.headers["subscription"])
    else:
        do(frame.headers["ack"])


listener = Listener()
connection = classes[version]([("127.0.0.1", port)], **({} if version == "1.0" else {"heartbeats": (1000, 1000)}))
connection.set_listener("", listener)
connection.connect(wait=True)
connection.subscribe("/queue/py", id="s1", ack="client-individual", headers={"receipt": "subscribed"})
listener.wait(lambda: "subscribed" in listener.receipts, "the subscription")

connection.send("/queue/py", "grüße", headers={"colour": "blue:green", "receipt": "r1", "correlation-id": "c1"})
listener.wait(lambda: len(listener.messages) == 1, "the message")
first = listener.messages[0]
early = list(listener.receipts)
redelivered = None
if version != "1.0":
    ack(connection, first, negative=True)
    listener.wait(lambda: len(listener.messages) == 2, "the redelivery")
    redelivered = listener.messages[1].headers.get("redelivered")
ack(connection, listener.messages[-1])
listener.wait(lambda: "r1" in listener.receipts, "the receipt")

transaction = connection.begin()
connection.send("/queue/routed", "in a transaction", transaction=transaction)
connection.commit(transaction, headers={"receipt": "r2"})
listener.wait(lambda: "r2" in listener.receipts, "the receipt of the commit")
connection.unsubscribe("/queue/py" if version == "1.0" else "s1")
connection.disconnect(receipt="bye")
listener.wait(lambda: "bye" in listener.receipts, "the last receipt")
body = first.body if isinstance(first.body, str) else first.body.decode()
print(
    json.dumps(
        {
            "body": body,
            "colour": first.headers["colour"],
            "correlation": first.headers["correlation-id"],
            "early": early,
            "redelivered": redelivered,
            "receipts": listener.receipts,
        }
    )
)
