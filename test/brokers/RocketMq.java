import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.namesrv.NamesrvStartup;
import org.apache.rocketmq.proxy.ProxyStartup;
import org.apache.rocketmq.remoting.protocol.subscription.SubscriptionGroupConfig;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * A name server, a broker and its gRPC proxy in one process: {@code java RocketMq.java <folder> <name server's port>
 * <broker's port> <admin port> [user password]}. What only RocketMQ's own administration can do, tests ask for by HTTP:
 * {@code /topic?name=&type=&queues=}, {@code /group?name=&orderly=&attempts=}, {@code /user?name=&password=}.
 */
public class RocketMq {
  public static void main(String[] args) throws Exception {
    String folder = args[0];
    String names = "127.0.0.1:" + args[1];
    String broker = "127.0.0.1:" + args[2];
    NamesrvStartup.main(new String[] {"-c", folder + "/namesrv.conf"});
    ProxyStartup.main(
        new String[] {"-pm", "local", "-n", names, "-bc", folder + "/conf/broker.conf", "-pc", folder + "/conf/rmq-proxy.json"});
    DefaultMQAdminExt admin =
        args.length > 5
            ? new DefaultMQAdminExt(new AclClientRPCHook(new SessionCredentials(args[4], args[5])))
            : new DefaultMQAdminExt();
    admin.setNamesrvAddr(names);
    admin.setInstanceName("admin");
    admin.start();

    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[3])), 0);
    server.createContext("/", exchange -> answer(exchange, () -> run(admin, broker, exchange)));
    server.start();
  }

  static void run(DefaultMQAdminExt admin, String broker, HttpExchange exchange) throws Exception {
    Map<String, String> query = query(exchange.getRequestURI().getRawQuery());
    switch (exchange.getRequestURI().getPath()) {
      case "/topic" -> {
        int queues = Integer.parseInt(query.get("queues"));
        TopicConfig topic = new TopicConfig(query.get("name"), queues, queues);
        topic.setAttributes(Map.of("+message.type", query.get("type")));
        admin.createAndUpdateTopicConfig(broker, topic);
        known(admin, query.get("name"));
      }
      case "/group" -> {
        SubscriptionGroupConfig group = new SubscriptionGroupConfig();
        group.setGroupName(query.get("name"));
        group.setConsumeMessageOrderly(Boolean.parseBoolean(query.get("orderly")));
        group.setRetryMaxTimes(Integer.parseInt(query.get("attempts")));
        admin.createAndUpdateSubscriptionGroupConfig(broker, group);
      }
      case "/user" -> {
        if (admin.getUser(broker, query.get("name")) == null)
          admin.createUser(broker, query.get("name"), query.get("password"), "Super");
        else admin.updateUser(broker, query.get("name"), query.get("password"), "Super", "enable");
      }
      case "/ready" -> {
        admin.fetchBrokerRuntimeStats(broker);
        // the proxy finds the broker by the name server
        if (admin.examineBrokerClusterInfo().getBrokerAddrTable().isEmpty()) throw new IllegalStateException();
      }
      default -> throw new IllegalArgumentException(exchange.getRequestURI().getPath());
    }
  }

  /** The proxy remembers a topic that it did not find: it is asked for only once the name server knows it. */
  static void known(DefaultMQAdminExt admin, String topic) throws Exception {
    for (int tries = 0; ; tries++) {
      try {
        admin.examineTopicRouteInfo(topic);
        return;
      } catch (MQClientException missing) {
        if (tries == 2000) throw missing;
        Thread.sleep(10);
      }
    }
  }

  interface Action {
    void run() throws Exception;
  }

  static void answer(HttpExchange exchange, Action action) throws java.io.IOException {
    int code = 200;
    byte[] text = new byte[0];
    try {
      action.run();
    } catch (Exception error) {
      code = 500;
      text = String.valueOf(error).getBytes(StandardCharsets.UTF_8);
    }
    exchange.sendResponseHeaders(code, text.length == 0 ? -1 : text.length);
    exchange.getResponseBody().write(text);
    exchange.close();
  }

  static Map<String, String> query(String raw) {
    Map<String, String> values = new HashMap<>();
    for (String pair : raw == null ? List.<String>of() : List.of(raw.split("&"))) {
      int at = pair.indexOf('=');
      values.put(pair.substring(0, at), URLDecoder.decode(pair.substring(at + 1), StandardCharsets.UTF_8));
    }
    return values;
  }
}
