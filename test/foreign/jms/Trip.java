import jakarta.jms.*;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.qpid.jms.JmsConnectionFactory;

/**
 * Sends a JMS message of every kind, with a property of every type and every header, to one queue and compares it with
 * what comes by another: `java -cp 'lib/*' Trip.java <port> <to> <from>`. Every kind prints a line `ok <kind>` or
 * `failed <kind>: why`; the exit code is the number of failures.
 */
public class Trip {
  interface Maker {
    Message make(Session session) throws Exception;
  }

  interface Reader {
    Object read(Message message) throws Exception;
  }

  static int failures = 0;
  static int sent = 0;

  public static void main(String[] args) throws Exception {
    String url = "amqp://127.0.0.1:" + args[0] + "?jms.populateJMSXUserID=true";
    try (Connection connection = new JmsConnectionFactory("guest", "guest", url).createConnection()) {
      connection.start();
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageProducer producer = session.createProducer(session.createQueue(args[1]));
      MessageConsumer consumer = session.createConsumer(session.createQueue(args[2]));
      trip("Text", session, producer, consumer, s -> s.createTextMessage("héllo \uD83D\uDE00"), Trip::text);
      trip("empty Text", session, producer, consumer, s -> s.createTextMessage(""), Trip::text);
      trip("Bytes", session, producer, consumer, Trip::bytes, Trip::readBytes);
      trip("Map", session, producer, consumer, Trip::map, Trip::readMap);
      trip("Stream", session, producer, consumer, Trip::stream, Trip::readStream);
      trip("Object", session, producer, consumer, s -> s.createObjectMessage(new ArrayList<String>(List.of("a", "b"))), Trip::object);
      trip("Message", session, producer, consumer, s -> s.createMessage(), m -> null);
    }
    System.exit(failures);
  }

  static void trip(
      String kind, Session session, MessageProducer producer, MessageConsumer consumer, Maker maker, Reader reader) {
    try {
      Message message = maker.make(session);
      message.setBooleanProperty("boolean", true);
      message.setByteProperty("byte", (byte) -7);
      message.setShortProperty("short", (short) -700);
      message.setIntProperty("int", -70000);
      message.setLongProperty("long", Long.MIN_VALUE);
      message.setFloatProperty("float", 1.1f);
      message.setDoubleProperty("double", 1.1);
      message.setStringProperty("string", "ü \n:");
      message.setStringProperty("priority", "a property of the name of a field");
      message.setStringProperty("JMSXGroupID", "group");
      message.setIntProperty("JMSXGroupSeq", 4);
      message.setJMSType("order");
      boolean odd = sent++ % 2 == 1;
      if (odd) message.setJMSCorrelationIDAsBytes(new byte[] {'a', 'b', 'c'});
      else message.setJMSCorrelationID("request 7");
      message.setJMSReplyTo(odd ? session.createTopic("answers") : session.createQueue("answers"));
      producer.send(message, DeliveryMode.PERSISTENT, sent % 10, 60_000);
      Message got = consumer.receive(30_000);
      if (got == null) throw new AssertionError("nothing came back");
      same("kind", message.getClass(), got.getClass());
      same("body", reader.read(message), reader.read(got));
      same("properties", properties(message), properties(got));
      same("JMSType", message.getJMSType(), got.getJMSType());
      same("JMSCorrelationID", message.getJMSCorrelationID(), got.getJMSCorrelationID());
      if (odd) same("its bytes", message.getJMSCorrelationIDAsBytes(), got.getJMSCorrelationIDAsBytes());
      same("JMSReplyTo", message.getJMSReplyTo(), got.getJMSReplyTo());
      same("JMSPriority", message.getJMSPriority(), got.getJMSPriority());
      same("JMSExpiration", message.getJMSExpiration(), got.getJMSExpiration());
      same("JMSTimestamp", message.getJMSTimestamp(), got.getJMSTimestamp());
      same("JMSMessageID", message.getJMSMessageID(), got.getJMSMessageID());
      same("JMSDeliveryMode", message.getJMSDeliveryMode(), got.getJMSDeliveryMode());
      same("kind of JMSDestination", true, got.getJMSDestination() instanceof Queue);
      System.out.println("ok " + kind);
    } catch (Throwable reason) {
      failures++;
      System.out.println("failed " + kind + ": " + reason);
      reason.printStackTrace(System.err);
    }
  }

  static void same(String what, Object expected, Object actual) {
    if (!Objects.deepEquals(expected, actual))
      throw new AssertionError(what + ": expected " + expected + " but got " + actual);
  }

  /** All there are, with their types. */
  static TreeMap<String, Object> properties(Message message) throws JMSException {
    TreeMap<String, Object> all = new TreeMap<>();
    Enumeration<?> names = message.getPropertyNames();
    while (names.hasMoreElements()) {
      String name = (String) names.nextElement();
      if (name.equals("JMSXDeliveryCount")) continue;
      Object value = message.getObjectProperty(name);
      all.put(name, value.getClass().getSimpleName() + " " + value);
    }
    return all;
  }

  static Object text(Message message) throws JMSException {
    return ((TextMessage) message).getText();
  }

  static Object object(Message message) throws JMSException {
    return ((ObjectMessage) message).getObject();
  }

  static Message bytes(Session session) throws JMSException {
    BytesMessage message = session.createBytesMessage();
    byte[] all = new byte[512];
    for (int i = 0; i < all.length; i++) all[i] = (byte) i;
    message.writeBytes(all);
    return message;
  }

  static Object readBytes(Message message) throws JMSException {
    BytesMessage bytes = (BytesMessage) message;
    bytes.reset();
    byte[] all = new byte[(int) bytes.getBodyLength()];
    bytes.readBytes(all);
    return all;
  }

  static Message map(Session session) throws JMSException {
    MapMessage map = session.createMapMessage();
    map.setInt("int", 7);
    map.setLong("long", Long.MAX_VALUE);
    map.setDouble("double", 0.5);
    map.setFloat("float", 0.25f);
    map.setShort("short", (short) -5);
    map.setByte("byte", (byte) -3);
    map.setChar("char", 'ß');
    map.setBoolean("boolean", true);
    map.setString("string", "s");
    map.setBytes("bytes", new byte[] {9, -1});
    return map;
  }

  static Object readMap(Message message) throws JMSException {
    MapMessage map = (MapMessage) message;
    TreeMap<String, Object> all = new TreeMap<>();
    Enumeration<?> names = map.getMapNames();
    while (names.hasMoreElements()) {
      String name = (String) names.nextElement();
      Object value = map.getObject(name);
      all.put(name, value.getClass().getSimpleName() + " " + (value instanceof byte[] b ? List.of(b[0], b[1]) : value));
    }
    return all.toString();
  }

  static Message stream(Session session) throws JMSException {
    StreamMessage stream = session.createStreamMessage();
    stream.writeInt(1);
    stream.writeString("two");
    stream.writeDouble(3.5);
    stream.writeBoolean(false);
    stream.writeLong(Long.MIN_VALUE);
    return stream;
  }

  static Object readStream(Message message) throws JMSException {
    StreamMessage stream = (StreamMessage) message;
    stream.reset();
    List<Object> all = new ArrayList<>();
    for (int i = 0; i < 5; i++) all.add(stream.readObject());
    return all;
  }
}
