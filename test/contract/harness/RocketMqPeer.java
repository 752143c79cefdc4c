import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.rocketmq.client.apis.ClientConfiguration;
import org.apache.rocketmq.client.apis.ClientConfigurationBuilder;
import org.apache.rocketmq.client.apis.ClientServiceProvider;
import org.apache.rocketmq.client.apis.StaticSessionCredentialsProvider;
import org.apache.rocketmq.client.apis.consumer.FilterExpression;
import org.apache.rocketmq.client.apis.consumer.SimpleConsumer;
import org.apache.rocketmq.client.apis.message.MessageBuilder;
import org.apache.rocketmq.client.apis.message.MessageView;
import org.apache.rocketmq.client.apis.producer.Producer;

/**
 * RocketMQ's own Java client, driven by lines on stdin; fields are divided by spaces, `-` is an empty one.
 * `publish id endpoint topic tag group body properties` and `subscribe id endpoint topic group` are answered by
 * `ok id` or `error id text`; then messages come as `message id body tag group properties message-id`. `close id`
 * ends a subscription. Bodies are base64, properties `name=value&…` percent-encoded. Its arguments, if any, are a user's name
 * and password.
 */
public class RocketMqPeer {
  static final ClientServiceProvider provider = ClientServiceProvider.loadService();
  static final Map<String, Producer> producers = new ConcurrentHashMap<>();
  static final Map<String, Thread> consumers = new ConcurrentHashMap<>();

  static String[] user = {};

  public static void main(String[] args) throws Exception {
    user = args;
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      String[] words = line.split(" ");
      Thread worker = new Thread(() -> run(words));
      worker.setDaemon(true);
      worker.start();
    }
    System.exit(0);
  }

  static void run(String[] words) {
    try {
      switch (words[0]) {
        case "publish" -> publish(words);
        case "subscribe" -> {
          SimpleConsumer consumer = subscribe(words);
          say("ok " + words[1]);
          read(words[1], consumer);
        }
        case "close" -> consumers.get(words[1]).interrupt();
        default -> throw new IllegalArgumentException(words[0]);
      }
    } catch (Throwable error) {
      say("error " + words[1] + " " + String.valueOf(error).replaceAll("\\s+", " "));
    }
  }

  static ClientConfiguration configuration(String endpoint) {
    ClientConfigurationBuilder builder =
        ClientConfiguration.newBuilder()
            .setEndpoints(endpoint)
            .enableSsl(false)
            .setRequestTimeout(Duration.ofSeconds(20));
    if (user.length == 2) builder.setCredentialProvider(new StaticSessionCredentialsProvider(user[0], user[1]));
    return builder.build();
  }

  static void publish(String[] words) throws Exception {
    String topic = words[3];
    Producer producer;
    synchronized (producers) {
      producer = producers.get(words[2] + topic);
      if (producer == null) {
        producer =
            provider.newProducerBuilder().setClientConfiguration(configuration(words[2])).setTopics(topic).build();
        producers.put(words[2] + topic, producer);
      }
    }
    MessageBuilder message = provider.newMessageBuilder().setTopic(topic);
    if (!words[4].equals("-")) message.setTag(words[4]);
    if (!words[5].equals("-")) message.setMessageGroup(words[5]);
    message.setBody(Base64.getDecoder().decode(words[6]));
    if (!words[7].equals("-"))
      for (String pair : words[7].split("&")) {
        int at = pair.indexOf('=');
        message.addProperty(decode(pair.substring(0, at)), decode(pair.substring(at + 1)));
      }
    producer.send(message.build());
    say("ok " + words[1]);
  }

  static SimpleConsumer subscribe(String[] words) throws Exception {
    consumers.put(words[1], Thread.currentThread());
    return provider
        .newSimpleConsumerBuilder()
        .setClientConfiguration(configuration(words[2]))
        .setConsumerGroup(words[4])
        .setAwaitDuration(Duration.ofSeconds(5))
        .setSubscriptionExpressions(Map.of(words[3], FilterExpression.SUB_ALL))
        .build();
  }

  /** Until it is interrupted; a broker that is away is asked again. */
  static void read(String id, SimpleConsumer consumer) throws Exception {
    while (!Thread.currentThread().isInterrupted()) {
      try {
        for (MessageView view : consumer.receive(16, Duration.ofSeconds(30))) {
          say(text(id, view));
          consumer.ackAsync(view); // where that fails the message comes again
        }
      } catch (Exception error) {
        if (Thread.currentThread().isInterrupted() || error instanceof InterruptedException) break;
        Thread.sleep(200);
      }
    }
    consumer.close();
  }

  static String text(String id, MessageView view) {
    byte[] body = new byte[view.getBody().remaining()];
    view.getBody().get(body);
    StringBuilder properties = new StringBuilder();
    view.getProperties()
        .forEach(
            (name, value) ->
                properties.append(properties.length() == 0 ? "" : "&").append(encode(name)).append('=').append(encode(value)));
    return String.join(
        " ",
        "message",
        id,
        Base64.getEncoder().encodeToString(body),
        view.getTag().map(RocketMqPeer::encode).orElse("-"),
        view.getMessageGroup().map(RocketMqPeer::encode).orElse("-"),
        properties.length() == 0 ? "-" : properties,
        view.getMessageId().toString());
  }

  static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  static String decode(String text) {
    return URLDecoder.decode(text, StandardCharsets.UTF_8);
  }

  static synchronized void say(String line) {
    System.out.println(line);
  }
}
