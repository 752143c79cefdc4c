import jakarta.jms.Connection;
import jakarta.jms.JMSException;
import jakarta.jms.MessageProducer;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import org.apache.qpid.jms.JmsConnectionFactory;

/**
 * {@code java -cp '.cache/foreign/jms/*' examples/PlaceOrder.java HOST:PORT QUEUE TEXT [NAME=VALUE ...]}
 *
 * <p>Sends one JMS message by Qpid JMS and prints what became of it. {@code send} returns when the gateway has
 * accepted the message, which is when every target of every route has it; otherwise it throws. A value of digits is
 * sent as a long, and {@code JMSCorrelationID=...} sets that header.
 */
public class PlaceOrder {
  public static void main(String[] args) throws JMSException {
    JmsConnectionFactory factory = new JmsConnectionFactory("amqp://" + args[0]);
    try (Connection connection = factory.createConnection()) {
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      TextMessage order = session.createTextMessage(args[2]);
      for (int i = 3; i < args.length; i++) {
        String[] pair = args[i].split("=", 2);
        if (pair[0].equals("JMSCorrelationID")) order.setJMSCorrelationID(pair[1]);
        else if (pair[1].matches("\\d+")) order.setLongProperty(pair[0], Long.parseLong(pair[1]));
        else order.setStringProperty(pair[0], pair[1]);
      }
      MessageProducer producer = session.createProducer(session.createQueue(args[1]));
      producer.send(order);
      System.out.println("accepted");
    } catch (JMSException refused) {
      System.out.println("not accepted: " + refused.getMessage());
      System.exit(1);
    }
  }
}
