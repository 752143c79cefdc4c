import jakarta.jms.Connection;
import jakarta.jms.JMSException;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import jakarta.jms.Topic;
import java.util.ArrayList;
import java.util.List;
import org.apache.qpid.jms.JmsConnectionFactory;

/** Durable subscriptions of JMS over the restart of a gateway. Arguments: port, and which half: `before` or `after`. */
public class Durable {
  static String url;

  public static void main(String[] args) throws Exception {
    url = "amqp://127.0.0.1:" + args[0];
    if (args[1].equals("before")) before();
    else after();
    System.out.println("ok " + args[1]);
  }

  static Connection connect(String clientId) throws JMSException {
    String options = clientId == null ? "" : "?jms.clientID=" + clientId;
    Connection connection = new JmsConnectionFactory(url + options).createConnection();
    connection.start();
    return connection;
  }

  static void publish(String... texts) throws JMSException {
    try (Connection connection = connect(null)) {
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageProducer producer = session.createProducer(session.createTopic("events.a"));
      for (String text : texts) producer.send(session.createTextMessage(text));
    }
  }

  /** What comes until these many are there; then nothing more may. */
  static void receives(MessageConsumer consumer, String... texts) throws JMSException {
    List<String> got = new ArrayList<>();
    while (got.size() < texts.length) {
      Message message = consumer.receive(20_000);
      if (message == null) break;
      got.add(((TextMessage) message).getText());
    }
    if (!got.equals(List.of(texts))) throw new AssertionError("expected " + List.of(texts) + ", got " + got);
    if (consumer.receiveNoWait() != null) throw new AssertionError("more than " + got);
  }

  static void publishPriority(int priority, String text) throws JMSException {
    try (Connection connection = connect(null)) {
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageProducer producer = session.createProducer(session.createTopic("events.a"));
      producer.setPriority(priority);
      producer.send(session.createTextMessage(text));
    }
  }

  interface Attempt {
    Object run() throws JMSException;
  }

  static void refused(Attempt attempt) {
    try {
      attempt.run();
    } catch (JMSException expected) {
      return;
    }
    throw new AssertionError("it was not refused");
  }

  static void before() throws Exception {
    try (Connection one = connect("one");
        Connection two = connect("two");
        Connection anonymous = connect(null)) {
      Session session = one.createSession(false, Session.AUTO_ACKNOWLEDGE);
      Topic topic = session.createTopic("events.a");
      MessageConsumer alone = session.createDurableConsumer(topic, "alone");
      MessageConsumer shared = session.createSharedDurableConsumer(topic, "shared");
      Session other = two.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageConsumer theirs = other.createDurableConsumer(topic, "alone");
      Session nobody = anonymous.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageConsumer global = nobody.createSharedDurableConsumer(topic, "shared");
      MessageConsumer volatileOne = session.createSharedConsumer(topic, "shared");
      publish("1");
      for (MessageConsumer each : List.of(alone, shared, theirs, global, volatileOne)) receives(each, "1");
      session.createDurableConsumer(topic, "urgent", "JMSPriority > 5", true).close();
      session.createDurableConsumer(topic, "changed", "JMSPriority > 5", false).close();
      // what is in use can be neither changed nor ended
      refused(() -> session.createSharedDurableConsumer(topic, "shared", "JMSPriority > 5"));
      refused(() -> session.createSharedDurableConsumer(session.createTopic("events.b"), "shared"));
      refused(() -> { session.unsubscribe("alone"); return null; });
      alone.close();
      shared.close();
      theirs.close();
      global.close();
      // one that is closed takes another topic, and what it had is gone
      other.createDurableConsumer(other.createTopic("events.b"), "alone").close();
    }
    publish("2", "3");
    publishPriority(9, "urgent");
  }

  static void after() throws Exception {
    publish("4");
    try (Connection one = connect("one");
        Connection two = connect("two");
        Connection anonymous = connect(null)) {
      Session session = one.createSession(false, Session.AUTO_ACKNOWLEDGE);
      Topic topic = session.createTopic("events.a");
      MessageConsumer alone = session.createDurableConsumer(topic, "alone");
      receives(session.createDurableConsumer(topic, "urgent", "JMSPriority > 5", true), "urgent");
      // another selector: what was stored by the first is gone
      MessageConsumer changed = session.createDurableConsumer(topic, "changed", "JMSPriority < 5", false);
      receives(changed);
      receives(alone, "2", "3", "urgent", "4");
      receives(session.createSharedDurableConsumer(topic, "shared"), "2", "3", "urgent", "4");
      Session nobody = anonymous.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageConsumer global = nobody.createSharedDurableConsumer(topic, "shared");
      receives(global, "2", "3", "urgent", "4");
      Session other = two.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageConsumer theirs = other.createDurableConsumer(other.createTopic("events.b"), "alone");
      receives(theirs);
      alone.close();
      global.close();
      session.unsubscribe("alone");
      nobody.unsubscribe("shared");
      refused(() -> { session.unsubscribe("alone"); return null; });
      refused(() -> { nobody.unsubscribe("shared"); return null; });
      publish("5");
      MessageConsumer anew = session.createDurableConsumer(topic, "alone");
      publish("6");
      receives(anew, "6");
      receives(changed, "5", "6");
    }
  }
}
