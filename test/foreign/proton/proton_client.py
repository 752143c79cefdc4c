"""A Proton client (python3-qpid-proton) put through its paces: `proton_client.py <port>`.

Prints `ok <name>` or `failed <name>: why` for every check; the exit code is the number of failures.
"""
import sys
import threading
import traceback
import uuid

from proton import (
    Array, Data, Delivery, Described, Link, Message, SSLUnavailable, byte, char, decimal32, decimal64, decimal128,
    float32, int32, short, symbol, timestamp, ubyte, uint, ulong, ushort,
)
from proton.handlers import MessagingHandler
from proton.reactor import Container, DynamicNodeProperties, LinkOption
from proton.utils import BlockingConnection, LinkDetached, SendException

URL = "127.0.0.1:%d" % int(sys.argv[1])
TIMEOUT = 10
failures = 0


def check(name, run):
    global failures
    try:
        run()
        print("ok " + name, flush=True)
    except Exception as reason:
        failures += 1
        print("failed %s: %r" % (name, reason), flush=True)
        traceback.print_exc()


def same(expected, actual):
    assert expected == actual and type(expected) == type(actual), "expected %r but got %r" % (expected, actual)


def connect():
    return BlockingConnection(URL, timeout=TIMEOUT, allowed_mechs="ANONYMOUS")


class Answering(threading.Thread):
    """Takes messages from an address on a connection of its own, and keeps them."""

    def __init__(self, address, count):
        super().__init__(daemon=True)
        self.connection = connect()
        self.receiver = self.connection.create_receiver(address, credit=100)
        self.count = count
        self.got = []
        self.start()

    def run(self):
        while len(self.got) < self.count:
            self.got.append(self.receiver.receive(timeout=TIMEOUT))
            self.receiver.accept()
        self.receiver.close()  # also sends the last acceptance

    def wait(self):
        self.join(TIMEOUT)
        assert len(self.got) == self.count, "received %d of %d" % (len(self.got), self.count)
        self.connection.close()
        return self.got


def blocking():
    """A sender and a receiver of one address have one link name here."""
    connection = connect()
    receiver = connection.create_receiver("both", credit=10, name="both")
    sender = connection.create_sender("routed.accepted", name="both")
    sender.send(Message(body="routed"))
    taking = Answering("proton.queue", 20)
    sending = connection.create_sender("proton.queue")
    for n in range(20):
        sending.send(Message(body="%d" % n))
    assert [m.body for m in taking.wait()] == ["%d" % n for n in range(20)]
    receiver.close()
    connection.close()


def outcomes():
    connection = connect()
    for state in ("rejected", "released"):
        try:
            connection.create_sender("routed." + state).send(Message(body="x"))
            raise AssertionError("%s was taken for accepted" % state)
        except SendException as reason:
            assert reason.state == getattr(Delivery, state.upper()), reason.state
    connection.create_sender("routed.accepted").send(Message(body="x"))
    connection.close()


def types():
    """Every type of property, identifier and body comes back as it went."""
    properties = {
        "boolean": True, "ubyte": ubyte(200), "ushort": ushort(60000), "uint": uint(4000000000),
        "ulong": ulong(2 ** 64 - 1), "byte": byte(-100), "short": short(-30000), "int": int32(-2000000000),
        "long": -(2 ** 63), "float": float32(1.5), "double": 1.1, "char": char("\U0001F600"),
        "timestamp": timestamp(1700000000001), "uuid": uuid.UUID(int=5), "binary": b"\x00\xff",
        "string": "h\u00e9llo", "symbol": symbol("sym"), "null": None,
        "decimal32": decimal32(7), "decimal64": decimal64(8), "decimal128": decimal128(b"0123456789abcdef"),
    }
    ids = ["text", ulong(2 ** 63), uuid.UUID(int=7), b"\x01\x02"]
    nested = {"list": [1, "two", {"three": b"3"}], symbol("key"): Array(None, Data.INT, 1, 2), 5: Described(symbol("d"), "v")}
    bodies = ["text", b"bytes", None, nested, [1, 2], 2 ** 62, True]
    messages = []
    for n, body in enumerate(bodies):
        message = Message(
            body=body, id=ids[n % 4], correlation_id=ids[(n + 1) % 4], properties=properties, subject="s",
            reply_to="r", content_type=symbol("text/plain"), content_encoding=symbol("gzip"), group_id="g",
            group_sequence=9, reply_to_group_id="rg", user_id=b"me", priority=7, durable=True,
        )
        message.creation_time = 1700000000.001
        message.expiry_time = 4000000000.002
        message.annotations = {symbol("x-own"): ulong(3)}
        messages.append(message)
    for address in ("proton.types", "jms.events.types"):
        taking = Answering(address, len(messages))
        connection = connect()
        sender = connection.create_sender(address)
        for message in messages:
            sender.send(message)
        connection.close()
        for sent, got in zip(messages, taking.wait()):
            same(sent.body, got.body)
            same(sent.id, got.id)
            same(sent.correlation_id, got.correlation_id)
            same(sent.user_id, got.user_id)
            for field in ("subject", "reply_to", "content_type", "content_encoding", "group_id", "group_sequence",
                          "reply_to_group_id", "priority", "durable", "creation_time", "expiry_time", "inferred"):
                same(getattr(sent, field), getattr(got, field))
            same(ulong(3), got.annotations[symbol("x-own")])
            assert set(got.properties) == set(properties), got.properties
            for name, value in properties.items():
                same(value, got.properties[name])


def data_bodies():
    taking = Answering("proton.data", 3)
    connection = connect()
    sender = connection.create_sender("proton.data")
    sizes = [0, 1, 1 << 20]
    for size in sizes:
        sender.send(Message(body=b"\x00" * size, inferred=True))
    for size, got in zip(sizes, taking.wait()):
        assert got.inferred and len(got.body) == size, (got.inferred, len(got.body))
    connection.close()


class Requests(MessagingHandler):
    """Request and reply in one reactor, the way Proton's own examples do it: a dynamic source."""

    def __init__(self, count):
        super().__init__()
        self.count = count
        self.replies = []

    def on_start(self, event):
        self.server = event.container.connect(URL, allowed_mechs="ANONYMOUS")
        self.server_receiver = event.container.create_receiver(self.server, "proton.requests")
        self.server_sender = event.container.create_sender(self.server, None)
        self.client = event.container.connect(URL, allowed_mechs="ANONYMOUS")
        self.sender = event.container.create_sender(self.client, "proton.requests")
        self.receiver = event.container.create_receiver(self.client, None, dynamic=True)

    def on_link_opened(self, event):
        if event.receiver == self.receiver:
            for n in range(self.count):
                self.sender.send(Message(body="request %d" % n, reply_to=self.receiver.remote_source.address, correlation_id=str(n)))

    def on_message(self, event):
        if event.receiver == self.server_receiver:
            request = event.message
            self.server_sender.send(Message(address=request.reply_to, body="re: " + request.body, correlation_id=request.correlation_id))
        else:
            self.replies.append(event.message.body)
            if len(self.replies) == self.count:
                self.server.close()
                self.client.close()

    def on_transport_error(self, event):
        raise AssertionError(str(event.transport.condition))


def reactor():
    handler = Requests(50)
    Container(handler).run()
    assert handler.replies == ["re: request %d" % n for n in range(50)], handler.replies


class Redelivery(MessagingHandler):
    """Releases, then modifies, then rejects one message."""

    def __init__(self):
        super().__init__(auto_accept=False)
        self.seen = []
        self.outcome = None

    def on_start(self, event):
        self.connection = event.container.connect(URL, allowed_mechs="ANONYMOUS")
        event.container.create_receiver(self.connection, "proton.again")
        self.sender = event.container.create_sender(self.connection, "proton.again")

    def on_sendable(self, event):
        if not self.seen and self.sender.credit > 0 and not getattr(self, "sent", False):
            self.sent = True
            self.sender.send(Message(body="x"))

    def on_message(self, event):
        self.seen.append(event.message.delivery_count)
        if len(self.seen) == 1:
            self.release(event.delivery, delivered=False)
        elif len(self.seen) == 2:
            event.delivery.local.failed = True
            self.settle(event.delivery, Delivery.MODIFIED)
        else:
            self.reject(event.delivery)

    def on_rejected(self, event):
        self.outcome = event.delivery.remote_state
        self.connection.close()


def again():
    handler = Redelivery()
    Container(handler).run()
    assert handler.seen == [0, 0, 1], handler.seen
    assert handler.outcome == Delivery.REJECTED, handler.outcome


class Second(LinkOption):
    """Asks for rcv-settle-mode second: the receiver settles only after the sender has."""

    def apply(self, link):
        link.rcv_settle_mode = Link.RCV_SECOND


class OneByOne(MessagingHandler):
    """Gives credit for one message at a time, and never holds more."""

    def __init__(self, options, count):
        super().__init__(prefetch=0, auto_accept=False)
        self.options, self.count, self.bodies, self.confirmed, self.sent = options, count, [], 0, 0

    def on_start(self, event):
        self.connection = event.container.connect(URL, allowed_mechs="ANONYMOUS")
        self.receiver = event.container.create_receiver(self.connection, "proton.credit", options=self.options)
        event.container.create_sender(self.connection, "proton.credit")
        self.receiver.flow(1)

    def on_sendable(self, event):
        while event.sender.credit and self.sent < self.count:
            event.sender.send(Message(body=self.sent))
            self.sent += 1

    def on_message(self, event):
        assert self.receiver.credit == 0 and self.receiver.queued <= 1, (self.receiver.credit, self.receiver.queued)
        self.bodies.append(event.message.body)
        self.accept(event.delivery)
        self.receiver.flow(1)

    def on_accepted(self, event):
        self.confirmed += 1
        if self.confirmed == self.count:
            self.connection.close()


def credit():
    for options in ([], [Second()]):
        handler = OneByOne(options, 20)
        Container(handler).run()
        assert handler.bodies == list(range(20)), handler.bodies


def refusals():
    connection = connect()
    try:
        connection.create_receiver("routed.accepted")
        raise AssertionError("a route's queue was opened")
    except LinkDetached as reason:
        assert "resource-locked" in str(reason), reason
    connection.create_sender("routed.accepted").send(Message(body="still there"))
    connection.close()


def many():
    """A burst with as much as credit allows, twice the window."""
    taking = Answering("proton.many", 2000)

    class Burst(MessagingHandler):
        sent = confirmed = 0

        def on_start(self, event):
            self.connection = event.container.connect(URL, allowed_mechs="ANONYMOUS")
            event.container.create_sender(self.connection, "proton.many")

        def on_sendable(self, event):
            while event.sender.credit and self.sent < 2000:
                event.sender.send(Message(body="%d" % self.sent))
                self.sent += 1

        def on_accepted(self, event):
            self.confirmed += 1
            if self.confirmed == 2000:
                self.connection.close()

    burst = Burst()
    Container(burst).run()
    assert [m.body for m in taking.wait()] == ["%d" % n for n in range(2000)]


class Shared(LinkOption):
    """Makes a receiving link one of a shared subscription that belongs to no container."""

    def apply(self, link):
        capabilities = link.source.capabilities
        capabilities.put_array(False, Data.SYMBOL)
        capabilities.enter()
        for capability in ("topic", "shared", "global"):
            capabilities.put_symbol(symbol(capability))
        capabilities.exit()

    def test(self, link):
        return link.is_receiver


def shared():
    class Members(MessagingHandler):
        """Two members on connections of their own, and a sender that begins when both are there."""

        def __init__(self):
            super().__init__(prefetch=5)
            self.got = {}
            self.sent = self.confirmed = 0

        def on_start(self, event):
            for n in (1, 2):
                connection = event.container.connect(URL, allowed_mechs="ANONYMOUS", reconnect=False)
                event.container.create_receiver(
                    connection, "jms.events.proton", name="work|%d" % n, options=Shared()
                )
            self.publishing = event.container.connect(URL, allowed_mechs="ANONYMOUS", reconnect=False)

        def on_link_opened(self, event):
            if not event.link.is_receiver:
                return
            self.got[event.link.name] = []
            if len(self.got) == 2:
                self.sender = event.container.create_sender(self.publishing, "jms.events.proton")

        def on_sendable(self, event):
            while event.sender.credit and self.sent < 100:
                event.sender.send(Message(body=self.sent))
                self.sent += 1

        def on_message(self, event):
            self.got[event.link.name].append(event.message.body)

        def on_accepted(self, event):
            self.confirmed += 1
            if self.confirmed == 100:
                event.container.stop()

    members = Members()
    Container(members).run()
    first, second = members.got.values()
    same(list(range(100)), sorted(first + second))
    assert len(first) > 10 and len(second) > 10, "%d and %d" % (len(first), len(second))


check("blocking connection, a sender and a receiver of one name", blocking)
check("outcomes", outcomes)
check("every type", types)
check("data bodies up to 1 MiB", data_bodies)
check("reactor, dynamic reply address and anonymous sender", reactor)
check("release, modify, reject", again)
check("credit one by one, settling first and second", credit)
check("refusals", refusals)
check("two thousand messages in order", many)
check("a shared subscription", shared)
sys.exit(failures)
