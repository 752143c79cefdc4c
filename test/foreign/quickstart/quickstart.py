"""The quickstart's three routes with clients of another language: paho-mqtt, Qpid Proton and stomp.py.

`quickstart.py <mqtt port> <amqp port> <stomp port>`; prints `ok <name>` for every check that holds.
"""
import queue
import sys
import threading

import paho.mqtt.client as mqtt
import stomp
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from proton import Message
from proton.utils import BlockingConnection

MQTT, AMQP, STOMP = (int(port) for port in sys.argv[1:4])
HOST = "127.0.0.1"
TIMEOUT = 10
BODY = bytes([123, 0, 255, 10, 125])


def ok(name, holds, got):
    assert holds, "%s: %r" % (name, got)
    print("ok " + name, flush=True)


def mqtt_client(version, subscribe=None):
    client = mqtt.Client(protocol=version)
    ready, inbox = threading.Event(), queue.Queue()
    client.on_message = lambda c, u, message: inbox.put(message)
    client.on_subscribe = lambda *_: ready.set()
    client.on_connect = lambda *_: client.subscribe(subscribe, qos=1) if subscribe else ready.set()
    client.connect(HOST, MQTT)
    client.loop_start()
    assert ready.wait(TIMEOUT)
    return client, inbox


class StompInbox(stomp.ConnectionListener):
    def __init__(self):
        self.inbox, self.receipts, self.errors = queue.Queue(), queue.Queue(), queue.Queue()

    def on_message(self, frame):
        self.inbox.put(frame)

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame):
        self.errors.put(frame)


def stomp_client(connection):
    client = connection([(HOST, STOMP)], auto_decode=False)
    listener = StompInbox()
    client.set_listener("", listener)
    client.connect(wait=True)
    return client, listener


def stomp_subscribe(client, listener, destination):
    client.subscribe(destination, id="1", ack="auto", receipt="subscribed")
    assert listener.receipts.get(timeout=TIMEOUT) == "subscribed"


def telemetry(version, name):
    connection = BlockingConnection("%s:%d" % (HOST, AMQP), timeout=TIMEOUT, allowed_mechs="ANONYMOUS")
    receiver = connection.create_receiver("telemetry.p1")
    screens = [stomp_client(c) for c in (stomp.Connection11, stomp.Connection12)]
    for screen in screens:
        stomp_subscribe(*screen, "/topic/telemetry.p1")
    device, _ = mqtt_client(version)
    properties = None
    if version == mqtt.MQTTv5:
        properties = Properties(PacketTypes.PUBLISH)
        properties.ContentType = "application/x-sensor"
        properties.CorrelationData = b"c-42"
        properties.UserProperty = ("line", "A7")
    told = device.publish("plants/p1/telemetry", BODY, qos=1, properties=properties)
    message = receiver.receive(timeout=TIMEOUT)
    ok(name + ": no PUBACK before AMQP has settled", not told.is_published(), told)
    receiver.accept()
    connection.close()  # a blocking connection writes the disposition with whatever it does next
    told.wait_for_publish(TIMEOUT)
    ok(name + ": PUBACK", told.is_published(), told)
    ok(name + ": AMQP body", bytes(message.body) == BODY, message.body)
    frames = [listener.inbox.get(timeout=TIMEOUT) for _, listener in screens]
    for frame in frames:
        ok(name + ": STOMP body", frame.body == BODY, frame.body)
    if properties:
        ok(name + ": AMQP content type", message.content_type == "application/x-sensor", message.content_type)
        ok(name + ": AMQP correlation", message.correlation_id == "c-42", message.correlation_id)
        ok(name + ": AMQP properties", message.properties == {"line": "A7"}, message.properties)
        for frame in frames:
            got = {k: frame.headers.get(k) for k in ("content-type", "correlation-id", "line")}
            want = {"content-type": "application/x-sensor", "correlation-id": "c-42", "line": "A7"}
            ok(name + ": STOMP headers", got == want, frame.headers)
    device.disconnect()
    for screen, _ in screens:
        screen.disconnect()


def commands(version, name):
    device, inbox = mqtt_client(version, "plants/p1/commands")
    connection = BlockingConnection("%s:%d" % (HOST, AMQP), timeout=TIMEOUT, allowed_mechs="ANONYMOUS")
    sender = connection.create_sender("commands.p1")
    sender.send(Message(body=BODY, correlation_id="c-7", content_type="text/x", properties={"who": "ada", "n": 3}, inferred=True))
    message = inbox.get(timeout=TIMEOUT)
    ok(name + ": MQTT body", message.payload == BODY, message.payload)
    if version == mqtt.MQTTv5:
        ok(name + ": MQTT content type", message.properties.ContentType == "text/x", message.properties)
        ok(name + ": MQTT correlation", message.properties.CorrelationData == b"c-7", message.properties)
        pairs = dict(message.properties.UserProperty)
        ok(name + ": MQTT user properties", pairs.get("who") == "ada" and pairs.get("n") == "3", pairs)
    device.disconnect()
    connection.close()


def orders(connection, name):
    device, inbox = mqtt_client(mqtt.MQTTv5, "orders/new")
    shop, listener = stomp_client(connection)
    headers = {"line": "A7", "correlation-id": "c-9", "content-length": len(BODY), "receipt": "order"}
    shop.send("/queue/orders", BODY, content_type="application/x-order", headers=headers)
    message = inbox.get(timeout=TIMEOUT)
    ok(name + ": MQTT body", message.payload == BODY, message.payload)
    ok(name + ": no receipt before AMQP has settled", listener.receipts.empty(), name)
    back_end = BlockingConnection("%s:%d" % (HOST, AMQP), timeout=TIMEOUT, allowed_mechs="ANONYMOUS")
    receiver = back_end.create_receiver("orders")
    order = receiver.receive(timeout=TIMEOUT)
    ok(name + ": AMQP body", bytes(order.body) == BODY, order.body)
    ok(name + ": AMQP content type", order.content_type == "application/x-order", order.content_type)
    ok(name + ": AMQP correlation", order.correlation_id == "c-9", order.correlation_id)
    ok(name + ": AMQP properties", order.properties == {"line": "A7"}, order.properties)
    receiver.accept()
    back_end.close()
    ok(name + ": receipt", listener.receipts.get(timeout=TIMEOUT) == "order", name)
    shop.disconnect()
    device.disconnect()


telemetry(mqtt.MQTTv5, "telemetry from MQTT 5")
telemetry(mqtt.MQTTv311, "telemetry from MQTT 3.1.1")
commands(mqtt.MQTTv5, "commands to MQTT 5")
commands(mqtt.MQTTv311, "commands to MQTT 3.1.1")
orders(stomp.Connection10, "orders from STOMP 1.0")
orders(stomp.Connection11, "orders from STOMP 1.1")
orders(stomp.Connection12, "orders from STOMP 1.2")
print("all held", flush=True)
