import jakarta.jms.*;
import org.apache.qpid.jms.JmsConnectionFactory;

/**
 * One who asks and one who answers, by Qpid JMS, each at a port of its own:
 * `java -cp 'lib/*' Requests.java ASK_PORT REQUESTS SERVE_PORT WORK HOW`. HOW is `temporary`: answers come to a temporary
 * queue, and name the request by its message id; or `selector`: they come to a queue that all share, and each requester
 * takes those of its correlation id. Prints `ok HOW` at the end.
 */
public class Requests {
  public static void main(String[] args) throws Exception {
    String how = args[4];
    try (Connection server = connect(args[2]);
        Connection client = connect(args[0])) {
      serve(server, args[3], how);
      if (how.equals("temporary")) askByTemporaryQueue(client, args[1]);
      else askBySelector(client, args[1]);
    }
    System.out.println("ok " + how);
    System.exit(0);
  }

  static Connection connect(String port) throws JMSException {
    Connection connection = new JmsConnectionFactory("amqp://127.0.0.1:" + port).createConnection("admin", "admin");
    connection.start();
    return connection;
  }

  static void serve(Connection server, String work, String how) throws JMSException {
    Session session = server.createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageProducer replies = session.createProducer(null);
    session
        .createConsumer(session.createQueue(work))
        .setMessageListener(
            request -> {
              try {
                Message reply = session.createTextMessage("re: " + ((TextMessage) request).getText());
                reply.setJMSCorrelationID(
                    how.equals("temporary") ? request.getJMSMessageID() : request.getJMSCorrelationID());
                replies.send(request.getJMSReplyTo(), reply);
              } catch (JMSException error) {
                throw new RuntimeException(error);
              }
            });
  }

  static void askByTemporaryQueue(Connection client, String requests) throws JMSException {
    Session session = client.createSession(false, Session.AUTO_ACKNOWLEDGE);
    TemporaryQueue own = session.createTemporaryQueue();
    MessageConsumer answers = session.createConsumer(own);
    MessageProducer producer = session.createProducer(session.createQueue(requests));
    for (int n = 0; n < 10; n++) {
      TextMessage request = session.createTextMessage("request " + n);
      request.setJMSReplyTo(own);
      producer.send(request);
      answered("re: request " + n, request.getJMSMessageID(), answers.receive(20000));
    }
  }

  static void askBySelector(Connection client, String requests) throws JMSException {
    Session session = client.createSession(false, Session.AUTO_ACKNOWLEDGE);
    Queue shared = session.createQueue("answers.shared");
    MessageProducer producer = session.createProducer(session.createQueue(requests));
    // the second one asks first
    for (String who : new String[] {"two", "one"}) {
      TextMessage request = session.createTextMessage(who);
      request.setJMSReplyTo(shared);
      request.setJMSCorrelationID("it's " + who);
      producer.send(request);
    }
    for (String who : new String[] {"one", "two"}) {
      MessageConsumer own = session.createConsumer(shared, "JMSCorrelationID = 'it''s " + who + "'");
      answered("re: " + who, "it's " + who, own.receive(20000));
      own.close();
    }
  }

  static void answered(String text, String correlation, Message answer) throws JMSException {
    if (answer == null) throw new AssertionError("no answer to " + correlation);
    if (!text.equals(((TextMessage) answer).getText()) || !correlation.equals(answer.getJMSCorrelationID()))
      throw new AssertionError("wanted " + text + " of " + correlation + ", got " + answer);
  }
}
