package io.lorikeet.finetune.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A hub and the host that it sends on to, on this machine, with one file of each repository. They
/// misbehave as they are told.
final class HubOnLoopback implements AutoCloseable {
  private static final Pattern RANGE = Pattern.compile("bytes=(\\d+)-(\\d*)");

  final byte[] content;

  /// The requests in their order: host, method, path, range and token.
  final List<String> requests = Collections.synchronizedList(new ArrayList<>());

  final List<String> proxyAuthorizations = Collections.synchronizedList(new ArrayList<>());

  /// Bytes after which connections of the other host are cut, one after the other.
  final Deque<Integer> cuts = new ArrayDeque<>();

  /// Bytes after which nothing more comes, but the connection stays.
  final Deque<Integer> stalls = new ArrayDeque<>();

  /// Statuses that the hub answers first, one after the other.
  final Deque<Integer> statuses = new ArrayDeque<>();

  boolean knowsRanges = true;
  boolean tellsHash = true;
  String hash;
  private final CountDownLatch silence = new CountDownLatch(1);
  private final HttpServer hub;
  private final HttpServer store;

  HubOnLoopback(byte[] content) throws Exception {
    this.content = content;
    hash = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    hub = server("hub", this::answerAsHub);
    store = server("store", this::answerAsStore);
  }

  private interface Answer {
    void to(HttpExchange exchange) throws IOException, InterruptedException;
  }

  private HttpServer server(String name, Answer answer) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext(
        "/",
        exchange -> {
          requests.add(
              "%s %s %s %s %s"
                  .formatted(
                      name,
                      exchange.getRequestMethod(),
                      exchange.getRequestURI().getPath(),
                      header(exchange, "Range"),
                      header(exchange, "Authorization")));
          Optional.ofNullable(exchange.getRequestHeaders().getFirst("Proxy-Authorization"))
              .ifPresent(proxyAuthorizations::add);
          try (exchange) {
            answer.to(exchange);
          } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
          }
        });
    server.start();
    return server;
  }

  private static String header(HttpExchange exchange, String name) {
    return Optional.ofNullable(exchange.getRequestHeaders().getFirst(name)).orElse("-");
  }

  /// `HF_ENDPOINT`.
  String address() {
    return "http://localhost:" + hub.getAddress().getPort();
  }

  private void answerAsHub(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    Integer status = statuses.poll();
    if (status != null && status != 0) {
      exchange.getResponseHeaders().set("Retry-After", "1");
      exchange.sendResponseHeaders(status, -1);
    } else if (path.startsWith("/api/models/some/parrot")) {
      byte[] list = "{\"siblings\": [{\"rfilename\": \"parrot-Q4_0.gguf\"}]}".getBytes();
      exchange.sendResponseHeaders(200, list.length);
      exchange.getResponseBody().write(list);
    } else if (path.startsWith("/old/parrot/")) {
      redirect(exchange, 307, path.replace("old", "some"));
    } else if (path.matches("/some/parrot/resolve/main/parrot-Q4_0(-0000[12]-of-00002)?[.]gguf")) {
      exchange.getResponseHeaders().set("X-Linked-Size", Integer.toString(content.length));
      if (tellsHash) {
        exchange.getResponseHeaders().set("X-Linked-Etag", '"' + hash + '"');
      }
      redirect(
          exchange, 302, "http://localhost:" + store.getAddress().getPort() + "/blob?signed=1");
    } else {
      exchange.sendResponseHeaders(404, -1);
    }
  }

  private static void redirect(HttpExchange exchange, int status, String to) throws IOException {
    exchange.getResponseHeaders().set("Location", to);
    exchange.sendResponseHeaders(status, -1);
  }

  private void answerAsStore(HttpExchange exchange) throws IOException, InterruptedException {
    Matcher range = RANGE.matcher(header(exchange, "Range"));
    int from = 0;
    int end = content.length;
    if (knowsRanges && range.matches()) {
      from = Integer.parseInt(range.group(1));
      end = range.group(2).isEmpty() ? end : Math.min(end, 1 + Integer.parseInt(range.group(2)));
      exchange
          .getResponseHeaders()
          .set("Content-Range", "bytes %s-%s/%s".formatted(from, end - 1, content.length));
      exchange.sendResponseHeaders(206, end - from);
    } else {
      exchange.sendResponseHeaders(200, content.length);
    }
    Integer stalled = stalls.poll();
    Integer cut = stalled == null ? cuts.poll() : stalled;
    OutputStream out = exchange.getResponseBody();
    out.write(content, from, cut == null ? end - from : Math.min(cut, end - from));
    out.flush();
    if (stalled != null) {
      silence.await();
    }
  }

  @Override
  public void close() {
    silence.countDown();
    hub.stop(0);
    store.stop(0);
  }
}
