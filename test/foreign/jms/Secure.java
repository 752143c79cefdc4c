import jakarta.jms.*;
import org.apache.qpid.jms.JmsConnectionFactory;

/**
 * Qpid JMS by TLS: `java -cp 'lib/*' Secure.java <url> <user> <password>` connects and passes one message; an empty
 * user is none. The exit code is not 0 where that fails.
 */
public class Secure {
  public static void main(String[] args) throws Exception {
    JmsConnectionFactory factory = new JmsConnectionFactory(args[0]);
    if (!args[1].isEmpty()) {
      factory.setUsername(args[1]);
      factory.setPassword(args[2]);
    }
    try (Connection connection = factory.createConnection()) {
      connection.start();
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      Topic topic = session.createTopic("jms.events.secure");
      MessageConsumer consumer = session.createConsumer(topic);
      // without waiting for the acknowledgement, which is this thread's own to give
      session.createProducer(topic).send(session.createTextMessage("secure"), new Ignored());
      TextMessage got = (TextMessage) consumer.receive(20_000);
      if (got == null || !got.getText().equals("secure")) throw new AssertionError("got " + got);
    }
    System.out.println("ok");
    System.exit(0);
  }

  static class Ignored implements CompletionListener {
    public void onCompletion(Message message) {}

    public void onException(Message message, Exception exception) {}
  }
}
