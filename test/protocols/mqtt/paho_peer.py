"""Drives paho-mqtt: python3 paho_peer.py PORT VERSION; prints what it received as JSON."""
import json, sys, threading
import paho.mqtt.client as mqtt
from paho.mqtt.properties import Properties
from paho.mqtt.packettypes import PacketTypes

port, version = int(sys.argv[1]), int(sys.argv[2])
protocol = {3: mqtt.MQTTv31, 4: mqtt.MQTTv311, 5: mqtt.MQTTv5}[version]


def client(name):
    kind = getattr(mqtt, "CallbackAPIVersion", None)
    first = [kind.VERSION1] if kind else []
    return mqtt.Client(*first, client_id=name, protocol=protocol)


got, ready, done = [], threading.Event(), threading.Event()


def on_message(_client, _data, message):
    pairs = getattr(getattr(message, "properties", None), "UserProperty", [])
    got.append([message.topic, message.payload.decode(), message.qos, [list(p) for p in pairs]])
    if len(got) == 3:
        done.set()


receiver = client("paho-receiver")
receiver.on_message = on_message
receiver.on_subscribe = lambda *_: ready.set()
receiver.connect("127.0.0.1", port)
receiver.loop_start()
receiver.subscribe("paho/#", 2)
assert ready.wait(10), "no SUBACK"

sender = client("paho-sender")
sender.connect("127.0.0.1", port)
sender.loop_start()
for qos in range(3):
    properties = None
    if version == 5:
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = [("b", "2"), ("a", "1"), ("b", "3")]
    sent = sender.publish("paho/%d" % qos, "m%d" % qos, qos, properties=properties)
    sent.wait_for_publish(10)
assert done.wait(10), "not all messages came"
print(json.dumps(sorted(got)))
sender.disconnect()
receiver.disconnect()
sender.loop_stop()
receiver.loop_stop()
