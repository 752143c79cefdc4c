import jakarta.jms.*;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.qpid.jms.JmsConnectionFactory;

/**
 * Qpid JMS that writes to each of several brokers and reads an answer from each:
 * `java -cp 'lib/*' Correspondent.java <port> (<broker> <address> <answers> <body> <correlation> <reply to> <place>)…`.
 * Bodies and the property `place` are in hexadecimal. Prints `ready` once it reads, and then for each answer
 * `answer <broker> <body> <correlation> <reply to> <place>`.
 */
public class Correspondent {
  static final int fields = 7;

  public static void main(String[] args) throws Exception {
    JmsConnectionFactory factory = new JmsConnectionFactory("amqp://127.0.0.1:" + args[0]);
    factory.setUsername("guest");
    factory.setPassword("guest");
    int brokers = (args.length - 1) / fields;
    try (Connection connection = factory.createConnection()) {
      connection.start();
      Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
      MessageConsumer[] consumers = new MessageConsumer[brokers];
      for (int n = 0; n < brokers; n++)
        consumers[n] = session.createConsumer(session.createQueue(args[1 + n * fields + 2]));
      System.out.println("ready");
      for (int n = 0; n < brokers; n++) {
        int at = 1 + n * fields;
        BytesMessage request = session.createBytesMessage();
        request.writeBytes(HexFormat.of().parseHex(args[at + 3]));
        request.setJMSCorrelationID(args[at + 4]);
        request.setJMSReplyTo(session.createQueue(args[at + 5]));
        request.setStringProperty("place", new String(HexFormat.of().parseHex(args[at + 6]), StandardCharsets.UTF_8));
        session.createProducer(session.createQueue(args[at + 1])).send(request);
      }
      for (int n = 0; n < brokers; n++) {
        BytesMessage answer = (BytesMessage) consumers[n].receive(60_000);
        if (answer == null) throw new AssertionError("no answer from " + args[1 + n * fields]);
        byte[] body = new byte[(int) answer.getBodyLength()];
        answer.readBytes(body);
        System.out.println(
            String.join(
                " ",
                "answer",
                args[1 + n * fields],
                HexFormat.of().formatHex(body),
                answer.getJMSCorrelationID(),
                ((Queue) answer.getJMSReplyTo()).getQueueName(),
                HexFormat.of().formatHex(answer.getStringProperty("place").getBytes(StandardCharsets.UTF_8))));
      }
    }
    System.exit(0);
  }
}
