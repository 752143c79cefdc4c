import jakarta.jms.*;
import org.apache.activemq.ActiveMQConnectionFactory;

/**
 * A service of ActiveMQ Classic by its own protocol: {@code java OpenWireService.java PORT QUEUE HOW} answers every
 * request with "re: " before its text, in the kind of message in which it came, to where its JMSReplyTo says. HOW is
 * what the answer's JMSCorrelationID is: the request's {@code correlation}, or its message {@code id}.
 */
public class OpenWireService {
  public static void main(String[] args) throws Exception {
    Connection connection =
        new ActiveMQConnectionFactory("tcp://127.0.0.1:" + args[0]).createConnection("admin", "admin");
    connection.start();
    Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    MessageProducer replies = session.createProducer(null);
    session
        .createConsumer(session.createQueue(args[1]))
        .setMessageListener(
            request -> {
              try {
                Message reply = answer(session, request);
                reply.setJMSCorrelationID(
                    args[2].equals("id") ? request.getJMSMessageID() : request.getJMSCorrelationID());
                replies.send(request.getJMSReplyTo(), reply);
              } catch (JMSException error) {
                throw new RuntimeException(error);
              }
            });
    System.out.println("ready");
    Thread.currentThread().join();
  }

  static Message answer(Session session, Message request) throws JMSException {
    if (request instanceof TextMessage text) return session.createTextMessage("re: " + text.getText());
    BytesMessage bytes = (BytesMessage) request;
    byte[] body = new byte[(int) bytes.getBodyLength()];
    bytes.readBytes(body);
    BytesMessage reply = session.createBytesMessage();
    reply.writeBytes(("re: " + new String(body)).getBytes());
    return reply;
  }
}
