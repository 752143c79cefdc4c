# Bodies as other implementations write them, for golden.test.ts. To make them again:
#   pip install cbor2 msgpack fastavro protobuf grpcio-tools zstandard brotli "confluent-kafka[avro,protobuf,schemaregistry]"
#   REGISTRY_URL=http://127.0.0.1:8080/apis/ccompat/v7 python3 test/transform/golden.py > test/transform/golden.json
import base64, datetime, decimal, io, json, os, sys, tempfile, uuid, zlib, gzip

import brotli, cbor2, fastavro, msgpack, zstandard
from grpc_tools import protoc

here = os.path.dirname(os.path.abspath(__file__))
schemas = os.path.join(here, "schemas")
out = []


def add(name, format, data, body, **more):
    out.append({"name": name, "format": format, "base64": base64.b64encode(data).decode(), "json": body, **more})


utc = datetime.timezone.utc
placed = datetime.datetime(2024, 2, 29, 12, 0, 0, 123456, utc)
add("numbers", "cbor", cbor2.dumps([0, -1, 2**53 + 1, 2**64 - 1, -(2**64), 2**100, -(2**100), 1.5, 1e300]),
    "[0,-1,9007199254740993,18446744073709551615,-18446744073709551616,1267650600228229401496703205376,-1267650600228229401496703205376,1.5,1e+300]")
add("decimals", "cbor", cbor2.dumps([decimal.Decimal("273.15"), decimal.Decimal("1.2345678901234567890")]),
    "[273.15,1.2345678901234567890]")
add("tags", "cbor", cbor2.dumps({"t": placed, "u": uuid.UUID(int=1), "d": cbor2.CBORTag(55799, "self")}),
    '{"t":"2024-02-29T12:00:00.123456Z","u":"AAAAAAAAAAAAAAAAAAAAAQ==","d":"self"}')
add("keys of numbers", "cbor", cbor2.dumps({1: "a", -2: b"\x00\xff"}), '{"1":"a","-2":"AP8="}')
add("half floats", "cbor", cbor2.dumps([0.5, float("1e-7")], canonical=True), "[0.5,1e-7]")
add("chunks", "cbor", bytes.fromhex("9f7f6161626262ff5f4100ffff"), '["abb","AA=="]')

add("numbers", "msgpack", msgpack.packb([0, -1, -33, 200, 70000, 2**53 + 1, 2**64 - 1, -(2**63), 1.5]),
    "[0,-1,-33,200,70000,9007199254740993,18446744073709551615,-9223372036854775808,1.5]")
add("floats of 32 bits", "msgpack", msgpack.packb(0.5, use_single_float=True), "0.5")
add("bytes, texts and keys", "msgpack", msgpack.packb({"b": b"\x00\xff", "ä": "😀" * 20, 7: None, "l": [True] * 20}),
    '{"7":null,"b":"AP8=","ä":"' + "😀" * 20 + '","l":[' + ",".join(["true"] * 20) + "]}", order=False)
add("moments", "msgpack", msgpack.packb([msgpack.Timestamp(1709208000), msgpack.Timestamp(1709208000, 123456000), msgpack.Timestamp(-1, 999000000)]),
    '["2024-02-29T12:00:00Z","2024-02-29T12:00:00.123456Z","1969-12-31T23:59:59.999Z"]')

schema = json.load(open(os.path.join(schemas, "order.avsc")))
order = {"id": 2**53 + 1, "customer": None, "placed": placed, "total": decimal.Decimal("-1234567890123456.78"),
         "state": "PAID", "lines": [{"sku": "a", "qty": 2}, {"sku": "ä", "qty": -1}], "labels": {"x": "y"}, "signature": b"\x00\xff"}
avro = ('{"id":9007199254740993,"customer":null,"placed":"2024-02-29T12:00:00.123456Z","total":-1234567890123456.78,'
        '"state":"PAID","lines":[{"sku":"a","qty":2},{"sku":"ä","qty":-1}],"labels":{"x":"y"},"signature":"AP8="}')
buffer = io.BytesIO()
fastavro.schemaless_writer(buffer, fastavro.parse_schema(schema), order)
add("an order", "avro", buffer.getvalue(), avro)

made = tempfile.mkdtemp()
include = os.path.join(os.path.dirname(protoc.__file__), "_proto")
assert protoc.main(["", "-I", schemas, "-I", include, "--python_out", made,
                    "--descriptor_set_out", os.path.join(made, "order.binpb"), "--include_imports",
                    "order.proto", "common/money.proto"]) == 0
sys.path.insert(0, made)
import order_pb2
from google.protobuf import json_format

text = ('{"id":"9007199254740993","customer":"","placedAt":"2024-02-29T12:00:00.123456Z","total":{"currency":"EUR","units":"5"},'
        '"state":"STATE_PAID","lines":[{"sku":"a","qty":2},{}],"labels":{"x":"y"},"signature":"AP8=","card":"18446744073709551615",'
        '"deltas":[-1,300],"weight":"NaN"}')
message = json_format.Parse(text, order_pb2.Order())
assert json.loads(json_format.MessageToJson(message)) == json.loads(text)
add("an order", "protobuf", message.SerializeToString(deterministic=True), text,
    descriptors=base64.b64encode(open(os.path.join(made, "order.binpb"), "rb").read()).decode())

# A registry with Confluent's REST interface, at which the schemas are registered; what it answers is recorded.
import urllib.request
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import SerializationContext, MessageField

url = os.environ["REGISTRY_URL"]
client = SchemaRegistryClient({"url": url})
answers = {}


def record(path):
    with urllib.request.urlopen(url + path) as response:
        answers[path] = json.load(response)
    for each in answers[path].get("references") or []:
        record(f"/subjects/{urllib.parse.quote(each['subject'], safe='')}/versions/{each['version']}")


def framed(name, kind, serializer, topic, value, body):
    data = serializer(value, SerializationContext(topic, MessageField.VALUE))
    record(f"/schemas/ids/{int.from_bytes(data[1:5], 'big')}")
    record(f"/subjects/{topic}-value/versions/latest")
    add(name, kind, data, body, subject=f"{topic}-value")


naming = {"subject.name.strategy": topic_subject_name_strategy}
proto = {**naming, "use.deprecated.format": False, "reference.subject.name.strategy": lambda context, reference: reference.name}
framed("an order", "registry", AvroSerializer(client, json.dumps(schema), conf=naming), "golden-avro", order, avro)
framed("a message", "registry", ProtobufSerializer(order_pb2.Order, client, proto), "golden-proto", message, text)
framed("the second message", "registry", ProtobufSerializer(order_pb2.Cancel, client, proto), "golden-proto", order_pb2.Cancel(id=7), '{"id":"7"}')
framed("a message within", "registry", ProtobufSerializer(order_pb2.Order.Line, client, proto), "golden-proto", order_pb2.Order.Line(sku="x"), '{"sku":"x"}')

body = b'{"a":' + b"1" * 1000 + b"}"
packers = {"gzip": gzip.compress(body, mtime=0), "deflate": zlib.compress(body), "br": brotli.compress(body), "zstd": zstandard.compress(body)}
for name, data in packers.items():
    add("a body", name, data, body.decode())
raw = zlib.compressobj(wbits=-15)
add("a body without the head of zlib", "deflate", raw.compress(body) + raw.flush(), body.decode())
large = b"x" * 3_000_000
stream = zstandard.ZstdCompressor().compressobj()
add("a frame that does not say its size", "zstd", stream.compress(large) + stream.flush(), None, length=len(large))
add("two frames", "zstd", zstandard.compress(b"ab") + zstandard.compress(b"cd"), "abcd")

json.dump({"registry": answers, "bodies": out}, sys.stdout, indent=1, ensure_ascii=False)
