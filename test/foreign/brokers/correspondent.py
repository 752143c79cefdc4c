"""A client that writes to each of several brokers and reads an answer from each.

`correspondent.py <paho|proton|stomp> <port> (<broker> <address> <answers> <body> <correlation> <reply to> <place>)...`
Bodies and the header `place` are in hexadecimal. Prints `ready` once it reads, and then for each answer
`answer <broker> <body> <correlation> <reply to> <place>`.
"""
import sys
import threading
from collections import namedtuple

Letter = namedtuple("Letter", "broker address answers body correlation reply_to place")
FIELDS = len(Letter._fields)
TIMEOUT = 60


def say(*words):
    print(*words, flush=True)


class Answers:
    """Prints what comes, and knows when all have."""

    def __init__(self, letters):
        self.brokers = {letter.answers: letter.broker for letter in letters}
        self.missing = threading.Semaphore(0)

    def came(self, address, body, correlation, reply_to, place):
        say("answer", self.brokers[address], bytes(body).hex(), correlation, reply_to, place.encode().hex())
        self.missing.release()

    def wait(self):
        for _ in self.brokers:
            if not self.missing.acquire(timeout=TIMEOUT):
                raise SystemExit("an answer has not come")


def paho(port, letters):
    import paho.mqtt.client as mqtt
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    answers, subscribed = Answers(letters), threading.Event()

    def on_message(client, userdata, message):
        p = message.properties
        answers.came(message.topic, message.payload, p.CorrelationData.decode(), p.ResponseTopic, dict(p.UserProperty)["place"])

    client = mqtt.Client(protocol=mqtt.MQTTv5)
    client.on_message = on_message
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_connect = lambda *_: client.subscribe([(letter.answers, 1) for letter in letters])
    client.connect("127.0.0.1", port)
    client.loop_start()
    assert subscribed.wait(TIMEOUT)
    say("ready")
    for letter in letters:
        properties = Properties(PacketTypes.PUBLISH)
        properties.CorrelationData = letter.correlation.encode()
        properties.ResponseTopic = letter.reply_to
        properties.UserProperty = ("place", letter.place)
        sent = client.publish(letter.address, letter.body, qos=1, properties=properties)
        sent.wait_for_publish(TIMEOUT)
        assert sent.is_published(), letter.address
    answers.wait()
    client.disconnect()
    client.loop_stop()


def proton(port, letters):
    from proton import Message
    from proton.utils import BlockingConnection

    answers = Answers(letters)
    connection = BlockingConnection("127.0.0.1:%d" % port, timeout=TIMEOUT, allowed_mechs="ANONYMOUS")
    receivers = [connection.create_receiver(letter.answers) for letter in letters]
    say("ready")
    for letter in letters:
        message = Message(
            body=letter.body, inferred=True, durable=True, correlation_id=letter.correlation,
            reply_to=letter.reply_to, properties={"place": letter.place},
        )
        connection.create_sender(letter.address).send(message)  # returns once it is accepted, else raises
    for letter, receiver in zip(letters, receivers):
        got = receiver.receive(timeout=TIMEOUT)
        receiver.accept()
        answers.came(letter.answers, got.body, got.correlation_id, got.reply_to, got.properties["place"])
    connection.close()


def stomp(port, letters):
    from stomp import Connection12, ConnectionListener

    answers = Answers(letters)
    receipts = {}

    class Listener(ConnectionListener):
        def on_message(self, frame):
            headers = frame.headers
            answers.came(headers["destination"], frame.body, headers["correlation-id"], headers["reply-to"], headers["place"])
            connection.ack(headers["ack"])

        def on_receipt(self, frame):
            receipts[frame.headers["receipt-id"]].set()

        def on_error(self, frame):
            say("error", frame.headers)

    connection = Connection12([("127.0.0.1", port)], auto_decode=False)
    connection.set_listener("", Listener())
    connection.connect(wait=True)

    def confirmed(name, act):
        receipts[name] = threading.Event()
        act(name)
        assert receipts[name].wait(TIMEOUT), name

    for letter in letters:
        confirmed("reads " + letter.broker, lambda receipt: connection.subscribe(
            letter.answers, id=letter.broker, ack="client-individual", headers={"receipt": receipt}))
    say("ready")
    for letter in letters:
        headers = {"correlation-id": letter.correlation, "reply-to": letter.reply_to, "place": letter.place,
                   "persistent": "true", "content-length": len(letter.body)}
        confirmed("wrote " + letter.broker, lambda receipt: connection.send(
            letter.address, letter.body, headers={**headers, "receipt": receipt}))
    answers.wait()
    connection.disconnect()


words = sys.argv[3:]
groups = [words[n:n + FIELDS] for n in range(0, len(words), FIELDS)]
parsed = [Letter(b, address, a, bytes.fromhex(body), c, r, bytes.fromhex(place).decode()) for b, address, a, body, c, r, place in groups]
{"paho": paho, "proton": proton, "stomp": stomp}[sys.argv[1]](int(sys.argv[2]), parsed)
