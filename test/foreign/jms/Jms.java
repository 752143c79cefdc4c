import jakarta.jms.*;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.*;
import org.apache.qpid.jms.JmsConnectionFactory;

/**
 * A JMS client (Qpid JMS) put through its paces: `java -cp 'lib/*' Jms.java <port>`. Every check prints a line
 * `ok <name>` or `failed <name>: why`; the exit code is the number of failures.
 */
public class Jms {
  interface Check {
    void run(Connection connection) throws Exception;
  }

  static int port;
  static int failures = 0;

  public static void main(String[] args) throws Exception {
    port = Integer.parseInt(args[0]);
    check("all five kinds of message by a queue", c -> kinds(c, c2 -> c2.createQueue("jms.kinds")));
    check("all five kinds of message by a topic", c -> kinds(c, c2 -> c2.createTopic("jms.events.kinds")));
    check("every type of property and header", Jms::properties);
    check("request and reply by a temporary queue", Jms::requestReply);
    check("a temporary topic", Jms::temporaryTopic);
    check("large messages, one at a time", Jms::large);
    check("client acknowledge and recover", Jms::recover);
    check("a closed consumer's messages go to the next one", Jms::closedConsumer);
    check("receive without waiting, which drains", Jms::noWait);
    check("a producer without destination", Jms::anonymous);
    check("a rejected message is an exception for its producer", Jms::rejected);
    check("a released message is an exception for its producer", Jms::released);
    check("a thousand asynchronous sends keep their order", Jms::asynchronous);
    check("pre-settled producer and consumer", Jms::presettled);
    check("a message that expires is not received", Jms::expiry);
    check("what is not supported is refused clearly", Jms::unsupported);
    check("a client id is taken once", Jms::clientId);
    check("shared consumers of two connections split the messages", Jms::shared);
    check("shared consumers of one client id", Jms::sharedOfClient);
    check("a shared consumer that goes leaves its messages to the others", Jms::sharedLeft);
    check("selectors share a queue out", Jms::queueSelectors);
    check("selectors and no-local on a topic", Jms::topicSelectors);
    check("a selector that is none is an InvalidSelectorException", Jms::wrongSelector);
    check("durable subscriptions are refused, and the session goes on", Jms::durable);
    System.exit(failures);
  }

  static ConnectionFactory factory(String options) {
    JmsConnectionFactory factory = new JmsConnectionFactory("amqp://127.0.0.1:" + port + options);
    factory.setUsername("guest");
    factory.setPassword("guest");
    return factory;
  }

  static void check(String name, Check check) {
    try (Connection connection = factory("").createConnection()) {
      connection.start();
      sending = 0;
      sent = new CompletionCounter();
      check.run(connection);
      sent.await(sending);
      System.out.println("ok " + name);
    } catch (Throwable reason) {
      failures++;
      System.out.println("failed " + name + ": " + reason);
      reason.printStackTrace(System.err);
    }
  }

  static void same(Object expected, Object actual) {
    if (!Objects.deepEquals(expected, actual))
      throw new AssertionError("expected " + expected + " but got " + actual);
  }

  static <T> T some(T value) {
    if (value == null) throw new AssertionError("nothing was received");
    return value;
  }

  /**
   * Sends without waiting: the gateway keeps no messages, so a synchronous send returns once a consumer has
   * acknowledged, which the consumer of the same thread could not.
   */
  static void send(MessageProducer producer, Message message) throws JMSException {
    producer.send(message, sent);
    sending++;
  }

  static int sending = 0;
  static CompletionCounter sent = new CompletionCounter();

  interface Where {
    Destination of(Session session) throws JMSException;
  }

  static void kinds(Connection connection, Where where) throws Exception {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Destination destination = where.of(session);
    MessageConsumer consumer = session.createConsumer(destination);
    MessageProducer producer = session.createProducer(destination);

    send(producer, session.createTextMessage("héllo \uD83D\uDE00"));
    same("héllo \uD83D\uDE00", ((TextMessage) some(consumer.receive(5000))).getText());

    BytesMessage bytes = session.createBytesMessage();
    bytes.writeBytes(new byte[] {0, 1, -1});
    send(producer, bytes);
    byte[] read = new byte[3];
    BytesMessage gotBytes = (BytesMessage) some(consumer.receive(5000));
    same(3L, gotBytes.getBodyLength());
    gotBytes.readBytes(read);
    same(-1, (int) read[2]);

    MapMessage map = session.createMapMessage();
    map.setInt("int", 7);
    map.setLong("long", Long.MAX_VALUE);
    map.setDouble("double", 0.5);
    map.setBytes("bytes", new byte[] {9});
    map.setString("string", "s");
    map.setBoolean("boolean", true);
    map.setByte("byte", (byte) -3);
    map.setChar("char", 'ß');
    send(producer, map);
    MapMessage gotMap = (MapMessage) some(consumer.receive(5000));
    same(7, gotMap.getInt("int"));
    same(Long.MAX_VALUE, gotMap.getObject("long"));
    same(0.5, gotMap.getObject("double"));
    same((byte) 9, gotMap.getBytes("bytes")[0]);
    same("s", gotMap.getString("string"));
    same(true, gotMap.getObject("boolean"));
    same((byte) -3, gotMap.getObject("byte"));
    same('ß', gotMap.getChar("char"));

    StreamMessage stream = session.createStreamMessage();
    stream.writeInt(1);
    stream.writeString("two");
    stream.writeBytes(new byte[] {3});
    send(producer, stream);
    StreamMessage gotStream = (StreamMessage) some(consumer.receive(5000));
    same(1, gotStream.readInt());
    same("two", gotStream.readString());

    ObjectMessage object = session.createObjectMessage(new ArrayList<String>(List.of("a", "b")));
    send(producer, object);
    same(List.of("a", "b"), ((ObjectMessage) some(consumer.receive(5000))).getObject());

    send(producer, session.createMessage());
    Message plain = some(consumer.receive(5000));
    same(false, plain instanceof TextMessage || plain instanceof BytesMessage);
  }

  static void properties(Connection connection) throws Exception {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Queue queue = session.createQueue("jms.properties");
    MessageConsumer consumer = session.createConsumer(queue);
    MessageProducer producer = session.createProducer(queue);
    Message message = session.createTextMessage("x");
    message.setBooleanProperty("boolean", true);
    message.setByteProperty("byte", (byte) -7);
    message.setShortProperty("short", (short) -700);
    message.setIntProperty("int", -70000);
    message.setLongProperty("long", Long.MIN_VALUE);
    message.setFloatProperty("float", 1.1f);
    message.setDoubleProperty("double", 1.1);
    message.setStringProperty("string", "ü");
    message.setObjectProperty("object", 5L);
    message.setJMSType("order");
    message.setJMSCorrelationID("ID:AMQP_ULONG:18446744073709551615");
    message.setStringProperty("JMSXGroupID", "group");
    message.setIntProperty("JMSXGroupSeq", 4);
    message.setJMSReplyTo(session.createTopic("jms.events.replies"));
    producer.send(message, DeliveryMode.NON_PERSISTENT, 7, 60_000, sent);
    sending++;
    Message got = some(consumer.receive(5000));
    same(true, got.getObjectProperty("boolean"));
    same((byte) -7, got.getObjectProperty("byte"));
    same((short) -700, got.getObjectProperty("short"));
    same(-70000, got.getObjectProperty("int"));
    same(Long.MIN_VALUE, got.getObjectProperty("long"));
    same(1.1f, got.getObjectProperty("float"));
    same(1.1, got.getObjectProperty("double"));
    same("ü", got.getObjectProperty("string"));
    same(5L, got.getObjectProperty("object"));
    same("order", got.getJMSType());
    same("ID:AMQP_ULONG:18446744073709551615", got.getJMSCorrelationID());
    same("group", got.getStringProperty("JMSXGroupID"));
    same(4, got.getIntProperty("JMSXGroupSeq"));
    same(message.getJMSMessageID(), got.getJMSMessageID());
    same(message.getJMSTimestamp(), got.getJMSTimestamp());
    same(message.getJMSExpiration(), got.getJMSExpiration());
    same(7, got.getJMSPriority());
    same(DeliveryMode.NON_PERSISTENT, got.getJMSDeliveryMode());
    same(queue, got.getJMSDestination());
    same(session.createTopic("jms.events.replies"), got.getJMSReplyTo());
    same(false, got.getJMSRedelivered());
    same(1, got.getIntProperty("JMSXDeliveryCount"));
  }

  static void requestReply(Connection connection) throws Exception {
    try (Connection server = factory("").createConnection()) {
      server.start();
      Session answering = server.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageProducer replies = answering.createProducer(null);
      answering
          .createConsumer(answering.createQueue("jms.requests"))
          .setMessageListener(
              request -> {
                try {
                  Message reply = answering.createTextMessage("re: " + ((TextMessage) request).getText());
                  reply.setJMSCorrelationID(request.getJMSMessageID());
                  replies.send(request.getJMSReplyTo(), reply);
                } catch (JMSException error) {
                  throw new RuntimeException(error);
                }
              });
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      TemporaryQueue own = session.createTemporaryQueue();
      MessageConsumer consumer = session.createConsumer(own);
      MessageProducer producer = session.createProducer(session.createQueue("jms.requests"));
      for (int n = 0; n < 10; n++) {
        TextMessage request = session.createTextMessage("request " + n);
        request.setJMSReplyTo(own);
        producer.send(request);
        TextMessage reply = (TextMessage) some(consumer.receive(5000));
        same("re: request " + n, reply.getText());
        same(request.getJMSMessageID(), reply.getJMSCorrelationID());
      }
      consumer.close();
      own.delete();
      try {
        replies.send(own, answering.createTextMessage("too late"));
        throw new AssertionError("a reply to a deleted temporary queue was taken");
      } catch (JMSException expected) {
      }
    }
  }

  static void temporaryTopic(Connection connection) throws Exception {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    TemporaryTopic topic = session.createTemporaryTopic();
    MessageConsumer one = session.createConsumer(topic);
    MessageConsumer two = session.createConsumer(topic);
    send(session.createProducer(topic), session.createTextMessage("both"));
    same("both", ((TextMessage) some(one.receive(5000))).getText());
    same("both", ((TextMessage) some(two.receive(5000))).getText());
  }

  /** In many frames, each asked for by a credit of its own, and acknowledged one by one. */
  static void large(Connection connection) throws Exception {
    try (Connection pulling = factory("?jms.prefetchPolicy.all=0").createConnection()) {
      pulling.start();
      Session receiving = pulling.createSession(false, Session.CLIENT_ACKNOWLEDGE);
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      Queue queue = session.createQueue("jms.large");
      MessageConsumer consumer = receiving.createConsumer(queue);
      MessageProducer producer = session.createProducer(queue);
      byte[] body = new byte[2 << 20];
      new java.util.Random(5).nextBytes(body);
      for (int n = 0; n < 3; n++) {
        body[0] = (byte) n;
        BytesMessage message = session.createBytesMessage();
        message.writeBytes(body);
        send(producer, message);
        BytesMessage got = (BytesMessage) some(consumer.receive(10_000));
        same((long) body.length, got.getBodyLength());
        byte[] read = new byte[body.length];
        got.readBytes(read);
        same(true, java.util.Arrays.equals(body, read));
        got.acknowledge();
      }
    }
  }

  static void recover(Connection connection) throws Exception {
    Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    Queue queue = session.createQueue("jms.recover");
    MessageProducer producer = connection.createSession(false, Session.AUTO_ACKNOWLEDGE).createProducer(queue);
    CompletionCounter counter = new CompletionCounter();
    for (int n = 0; n < 3; n++) producer.send(session.createTextMessage("" + n), counter);
    MessageConsumer consumer = session.createConsumer(queue);
    for (int n = 0; n < 3; n++) {
      Message got = some(consumer.receive(5000));
      same("" + n, ((TextMessage) got).getText());
      same(false, got.getJMSRedelivered());
    }
    session.recover();
    same(0, counter.completed.get());
    Message last = null;
    for (int n = 0; n < 3; n++) {
      last = some(consumer.receive(5000));
      same("" + n, ((TextMessage) last).getText());
      same(true, last.getJMSRedelivered());
      same(2, last.getIntProperty("JMSXDeliveryCount"));
    }
    last.acknowledge();
    counter.await(3);
    same(null, consumer.receive(100));
  }

  static class CompletionCounter implements CompletionListener {
    final java.util.concurrent.atomic.AtomicInteger completed = new java.util.concurrent.atomic.AtomicInteger();
    final java.util.concurrent.atomic.AtomicInteger failed = new java.util.concurrent.atomic.AtomicInteger();

    public void onCompletion(Message message) {
      completed.incrementAndGet();
    }

    public void onException(Message message, Exception exception) {
      failed.incrementAndGet();
    }

    void await(int count) throws InterruptedException {
      long deadline = System.nanoTime() + 10_000_000_000L;
      while (completed.get() + failed.get() < count) {
        if (System.nanoTime() > deadline) throw new AssertionError("only " + completed + " completed");
        Thread.sleep(2);
      }
      same(0, failed.get());
    }
  }

  static void closedConsumer(Connection connection) throws Exception {
    Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    Queue queue = session.createQueue("jms.closed");
    MessageProducer producer = connection.createSession(false, Session.AUTO_ACKNOWLEDGE).createProducer(queue);
    CompletionCounter counter = new CompletionCounter();
    MessageConsumer first = session.createConsumer(queue);
    for (int n = 0; n < 5; n++) producer.send(session.createTextMessage("" + n), counter);
    some(first.receive(5000));
    first.close();
    session.close();
    Session next = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageConsumer second = next.createConsumer(queue);
    for (int n = 0; n < 5; n++) same("" + n, ((TextMessage) some(second.receive(5000))).getText());
    counter.await(5);
  }

  static void noWait(Connection connection) throws Exception {
    try (Connection pulling = factory("?jms.prefetchPolicy.all=0").createConnection()) {
      pulling.start();
      Session session = pulling.createSession(false, Session.AUTO_ACKNOWLEDGE);
      Queue queue = session.createQueue("jms.nowait");
      MessageConsumer consumer = session.createConsumer(queue);
      same(null, consumer.receiveNoWait());
      same(null, consumer.receive(50));
      CompletionCounter counter = new CompletionCounter();
      session.createProducer(queue).send(session.createTextMessage("x"), counter);
      same("x", ((TextMessage) some(consumer.receive(5000))).getText());
      counter.await(1);
      same(null, consumer.receiveNoWait());
    }
  }

  static void anonymous(Connection connection) throws Exception {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Queue queue = session.createQueue("jms.anonymous");
    Topic topic = session.createTopic("jms.events.anonymous");
    Topic undeclared = session.createTopic("jms-other-topic");
    MessageConsumer fromQueue = session.createConsumer(queue);
    MessageConsumer fromTopic = session.createConsumer(topic);
    MessageConsumer fromUndeclared = session.createConsumer(undeclared);
    MessageProducer producer = session.createProducer(null);
    producer.send(queue, session.createTextMessage("q"), sent);
    producer.send(topic, session.createTextMessage("t"), sent);
    producer.send(undeclared, session.createTextMessage("u"), sent);
    same("q", ((TextMessage) some(fromQueue.receive(5000))).getText());
    same("t", ((TextMessage) some(fromTopic.receive(5000))).getText());
    sending += 3;
    same("u", ((TextMessage) some(fromUndeclared.receive(5000))).getText());
  }

  static void rejected(Connection connection) throws Exception {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageProducer producer = session.createProducer(session.createQueue("routed.rejected"));
    try {
      producer.send(session.createTextMessage("x"));
      throw new AssertionError("a rejected message was taken for sent");
    } catch (JMSException expected) {
      same(true, expected.getMessage().contains("not wanted"));
    }
    session.createProducer(session.createQueue("routed.accepted")).send(session.createTextMessage("y"));
  }

  static void released(Connection connection) throws Exception {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageProducer producer = session.createProducer(session.createQueue("routed.released"));
    try {
      producer.send(session.createTextMessage("x"));
      throw new AssertionError("a released message was taken for sent");
    } catch (JMSException expected) {
    }
  }

  static void asynchronous(Connection connection) throws Exception {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Queue queue = session.createQueue("jms.async");
    MessageProducer producer = session.createProducer(queue);
    BlockingQueue<String> got = new LinkedBlockingQueue<>();
    Session receiving = connection.createSession(false, Session.DUPS_OK_ACKNOWLEDGE);
    receiving
        .createConsumer(queue)
        .setMessageListener(
            message -> {
              try {
                got.add(((TextMessage) message).getText());
              } catch (JMSException error) {
                throw new RuntimeException(error);
              }
            });
    CompletionCounter counter = new CompletionCounter();
    for (int n = 0; n < 1000; n++) producer.send(session.createTextMessage("" + n), counter);
    for (int n = 0; n < 1000; n++) same("" + n, some(got.poll(5, TimeUnit.SECONDS)));
    counter.await(1000);
  }

  static void presettled(Connection connection) throws Exception {
    try (Connection fast = factory("?jms.presettlePolicy.presettleAll=true").createConnection()) {
      fast.start();
      Session session = fast.createSession(false, Session.AUTO_ACKNOWLEDGE);
      Topic topic = session.createTopic("jms.events.fast");
      MessageConsumer consumer = session.createConsumer(topic);
      MessageProducer producer = session.createProducer(topic);
      for (int n = 0; n < 100; n++) producer.send(session.createTextMessage("" + n));
      for (int n = 0; n < 100; n++) same("" + n, ((TextMessage) some(consumer.receive(5000))).getText());
    }
  }

  static void expiry(Connection connection) throws Exception {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Queue queue = session.createQueue("jms.expiry");
    MessageProducer producer = session.createProducer(queue);
    CountDownLatch over = new CountDownLatch(2);
    CompletionListener listener =
        new CompletionListener() {
          public void onCompletion(Message message) {
            over.countDown();
          }

          public void onException(Message message, Exception exception) {
            over.countDown();
          }
        };
    producer.send(session.createTextMessage("old"), DeliveryMode.PERSISTENT, 4, 1, listener);
    producer.send(session.createTextMessage("new"), DeliveryMode.PERSISTENT, 4, 0, listener);
    Thread.sleep(5);
    MessageConsumer consumer = connection.createSession(false, Session.AUTO_ACKNOWLEDGE).createConsumer(queue);
    same("new", ((TextMessage) some(consumer.receive(5000))).getText());
    same(true, over.await(5, TimeUnit.SECONDS));
  }

  interface Attempt {
    void run(Session session) throws Exception;
  }

  static void unsupported(Connection connection) throws Exception {
    refused(connection, s -> s.createBrowser(s.createQueue("jms.a")).getEnumeration().hasMoreElements(), "browsing");
    try {
      connection.createSession(true, Session.SESSION_TRANSACTED);
      throw new AssertionError("a transacted session was opened");
    } catch (JMSException expected) {
      same(true, expected.getMessage().contains("transactions are not supported"));
    }
    refused(connection, s -> s.createConsumer(s.createQueue("routed.accepted")), "route");
  }

  static void refused(Connection connection, Attempt attempt, String word) throws Exception {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    try {
      attempt.run(session);
      throw new AssertionError(word + ": was not refused");
    } catch (JMSException expected) {
      if (!expected.getMessage().contains(word)) throw new AssertionError(word + ": " + expected.getMessage());
    }
    session.close();
  }

  static Message coloured(Session session, String colour, int weight) throws JMSException {
    Message message = session.createTextMessage(colour + " " + weight);
    message.setStringProperty("colour", colour);
    message.setIntProperty("weight", weight);
    message.setJMSType(weight > 5 ? "heavy" : "light");
    return message;
  }

  static String textOf(Message message) throws JMSException {
    return message == null ? null : ((TextMessage) message).getText();
  }

  static void queueSelectors(Connection connection) throws Exception {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Queue queue = session.createQueue("jms.selected");
    MessageProducer producer = session.createProducer(queue);
    MessageConsumer red = session.createConsumer(queue, "colour = 'red' AND weight / 2 < 3");
    MessageConsumer heavy = session.createConsumer(queue, "JMSType = 'heavy' AND JMSPriority = 9");
    for (int weight = 1; weight <= 9; weight += 4)
      for (String colour : List.of("blue", "red")) send(producer, coloured(session, colour, weight));
    producer.send(coloured(session, "green", 7), DeliveryMode.PERSISTENT, 9, 0, sent);
    sending++;
    same("red 1", textOf(red.receive(5000)));
    same("red 5", textOf(red.receive(5000)));
    same("green 7", textOf(heavy.receive(5000)));
    same(null, red.receiveNoWait());
    MessageConsumer rest = session.createConsumer(queue);
    for (String text : List.of("blue 1", "blue 5", "blue 9", "red 9")) same(text, textOf(rest.receive(5000)));
    same(null, rest.receiveNoWait());
    // request and reply by correlation id in a queue that others wait at as well
    MessageConsumer reply = session.createConsumer(queue, "JMSCorrelationID = 'ID:mine'");
    rest.close();
    Message other = session.createTextMessage("other");
    other.setJMSCorrelationID("ID:other");
    Message mine = session.createTextMessage("mine");
    mine.setJMSCorrelationID("ID:mine");
    send(producer, other);
    send(producer, mine);
    same("mine", textOf(reply.receive(5000)));
    same("other", textOf(session.createConsumer(queue).receive(5000)));
  }

  static void topicSelectors(Connection connection) throws Exception {
    try (Connection publisher = factory("").createConnection()) {
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      Topic topic = session.createTopic("jms.events.selected");
      MessageConsumer heavy = session.createConsumer(topic, "weight BETWEEN 5 AND 10 AND colour LIKE 'r%'");
      MessageConsumer others = session.createConsumer(topic, "weight > 1", true);
      MessageConsumer shared = session.createSharedConsumer(topic, "picked", "NOT (colour IN ('red'))");
      send(session.createProducer(topic), coloured(session, "red", 9));
      Session foreign = publisher.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageProducer producer = foreign.createProducer(foreign.createTopic("jms.events.selected"));
      send(producer, coloured(foreign, "red", 1));
      send(producer, coloured(foreign, "red", 5));
      send(producer, coloured(foreign, "blue", 7));
      for (String text : List.of("red 9", "red 5")) same(text, textOf(heavy.receive(5000)));
      for (String text : List.of("red 5", "blue 7")) same(text, textOf(others.receive(5000)));
      same("blue 7", textOf(shared.receive(5000)));
      for (MessageConsumer each : List.of(heavy, others, shared)) same(null, each.receiveNoWait());
    }
  }

  static void wrongSelector(Connection connection) throws Exception {
    for (boolean topic : new boolean[] {false, true})
      refused(
          connection,
          s -> {
            try {
              s.createConsumer(topic ? s.createTopic("jms.events.a") : s.createQueue("jms.a"), "colour = 'red' AND");
            } catch (InvalidSelectorException expected) {
              // the client puts the selector in place of what it is told
              throw new JMSException("as the specification says: " + expected.getMessage());
            }
          },
          "as the specification says");
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    session.createConsumer(session.createQueue("jms.a"), "").close();
  }

  static void clientId(Connection connection) throws Exception {
    try (Connection first = factory("?jms.clientID=one").createConnection()) {
      first.start();
      try (Connection second = factory("?jms.clientID=one").createConnection()) {
        second.start();
        throw new AssertionError("two clients of one id");
      } catch (InvalidClientIDException expected) {
      }
    }
    try (Connection third = factory("?jms.clientID=one").createConnection()) {
      third.start();
    }
  }

  /** Collects on a thread of its own, until it is closed. */
  static void collect(MessageConsumer consumer, List<String> into) throws JMSException {
    consumer.setMessageListener(
        message -> {
          try {
            into.add(((TextMessage) message).getText());
          } catch (JMSException impossible) {
            throw new RuntimeException(impossible);
          }
        });
  }

  /** Each of a hundred messages came once, and nobody got all of them. */
  static void split(List<List<String>> lists) {
    List<String> all = new ArrayList<>();
    for (List<String> list : lists) {
      all.addAll(list);
      if (list.size() < 10 || list.size() > 90) throw new AssertionError("one consumer got " + list.size());
    }
    all.sort((a, b) -> Integer.parseInt(a) - Integer.parseInt(b));
    List<String> expected = new ArrayList<>();
    for (int n = 0; n < 100; n++) expected.add("" + n);
    same(expected, all);
  }

  /** A synchronous send returns when the consumer that got the message has acknowledged it. */
  static void publishHundred(Connection connection, String address) throws JMSException {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageProducer producer = session.createProducer(session.createTopic(address));
    for (int n = 0; n < 100; n++) producer.send(session.createTextMessage("" + n));
  }

  static void shared(Connection connection) throws Exception {
    List<List<String>> lists = List.of(new CopyOnWriteArrayList<>(), new CopyOnWriteArrayList<>());
    List<String> alone = new CopyOnWriteArrayList<>();
    try (Connection one = factory("").createConnection();
        Connection two = factory("").createConnection()) {
      int at = 0;
      for (Connection each : List.of(one, two)) {
        each.start();
        Session session = each.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Topic topic = session.createTopic("jms.events.shared");
        collect(session.createSharedConsumer(topic, "work"), lists.get(at++));
      }
      Session session = one.createSession(false, Session.AUTO_ACKNOWLEDGE);
      collect(session.createSharedConsumer(session.createTopic("jms.events.shared"), "other"), alone);
      refused(two, s -> s.createSharedConsumer(s.createTopic("jms.events.else"), "other"), "jms.events.shared");
      publishHundred(connection, "jms.events.shared");
      split(lists);
      same(100, alone.size());
    }
  }

  static void sharedOfClient(Connection connection) throws Exception {
    List<List<String>> lists = List.of(new CopyOnWriteArrayList<>(), new CopyOnWriteArrayList<>());
    List<String> global = new CopyOnWriteArrayList<>();
    List<String> foreign = new CopyOnWriteArrayList<>();
    try (Connection named = factory("?jms.clientID=sharing").createConnection();
        Connection stranger = factory("?jms.clientID=stranger").createConnection()) {
      named.start();
      stranger.start();
      for (List<String> list : lists) {
        Session session = named.createSession(false, Session.AUTO_ACKNOWLEDGE);
        collect(session.createSharedConsumer(session.createTopic("jms.events.client"), "work"), list);
      }
      Session session = stranger.createSession(false, Session.AUTO_ACKNOWLEDGE);
      collect(session.createSharedConsumer(session.createTopic("jms.events.client"), "work"), foreign);
      Session anonymous = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      collect(anonymous.createSharedConsumer(anonymous.createTopic("jms.events.client"), "work"), global);
      publishHundred(connection, "jms.events.client");
      split(lists);
      same(100, foreign.size());
      same(100, global.size());
    }
  }

  static void sharedLeft(Connection connection) throws Exception {
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Topic topic = session.createTopic("jms.events.left");
    Connection leaving = factory("?jms.prefetchPolicy.all=100").createConnection();
    leaving.start();
    Session holding = leaving.createSession(false, Session.CLIENT_ACKNOWLEDGE);
    MessageConsumer holder = holding.createSharedConsumer(topic, "work");
    MessageProducer producer = session.createProducer(topic);
    for (int n = 0; n < 10; n++) send(producer, session.createTextMessage("" + n));
    for (int n = 0; n < 10; n++) same("" + n, ((TextMessage) some(holder.receive(5000))).getText());
    MessageConsumer heir = connection.createSession(false, Session.AUTO_ACKNOWLEDGE).createSharedConsumer(topic, "work");
    leaving.close();
    for (int n = 0; n < 10; n++) {
      Message message = some(heir.receive(5000));
      same("" + n, ((TextMessage) message).getText());
      same(true, message.getJMSRedelivered());
    }
  }

  static void durable(Connection connection) throws Exception {
    try (Connection named = factory("?jms.clientID=durable-client").createConnection()) {
      named.start();
      for (Connection each : List.of(named, connection)) {
        Session session = each.createSession(false, Session.AUTO_ACKNOWLEDGE);
        Topic topic = session.createTopic("jms.events.durable");
        if (each == named) refused(each, s -> s.createDurableConsumer(topic, "sub"), "durable subscriptions are not");
        refused(each, s -> s.createSharedDurableConsumer(topic, "sub"), "durable subscriptions are not");
        refused(each, s -> s.unsubscribe("sub"), "");
        MessageConsumer consumer = session.createSharedConsumer(topic, "sub");
        MessageProducer producer = session.createProducer(topic);
        send(producer, session.createTextMessage("still here"));
        same("still here", ((TextMessage) some(consumer.receive(5000))).getText());
        consumer.close();
      }
    }
  }
}
