package io.lorikeet.finetune.report;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.train.settings.RunFiles;
import java.io.IOException;
import java.io.OutputStream;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;

/// Shows the reports of runs to a browser on this machine while they go on. Pages can only be read,
/// and only by those who know the address, which has a random part. Requests that name another host
/// are refused, so that no page from elsewhere can ask for them (DNS rebinding).
///
/// Below the random part: `/` lists the runs, or shows the only one; `/N/` is the page of a run,
/// `/N/body` its changing part, `/N/events` server-sent events, one for each change.
public final class LiveServer implements AutoCloseable {
  private static final Duration LOOK_EVERY = Duration.ofSeconds(1);

  /// Requests at one time, those that wait for events included.
  private static final int MOST_REQUESTS = 64;

  private static final int NOT_FOUND = 404;

  private final List<LiveRun> runs;
  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Semaphore free = new Semaphore(MOST_REQUESTS);
  private final String token;

  /// Begins to serve.
  ///
  /// @param folder a run's folder, or one with runs in it
  /// @param port of 127.0.0.1; 0 for any that is free
  /// @throws InvalidInputException when there are no runs, or the port is in use
  public LiveServer(Path folder, int port) throws IOException {
    runs = RunEntry.find(folder).stream().map(LiveRun::new).toList();
    if (runs.isEmpty()) {
      throw new InvalidInputException(
          "there is no run in %s: no folder in it has %s and %s"
              .formatted(folder.toAbsolutePath(), RunFiles.CONFIG, RunFiles.METRICS));
    }
    byte[] random = new byte[16];
    new SecureRandom().nextBytes(random);
    token = HexFormat.of().formatHex(random);
    InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
    try {
      server = HttpServer.create(new InetSocketAddress(loopback, port), 0);
    } catch (BindException _) {
      throw new InvalidInputException(
          "port: 127.0.0.1:%s is in use; take another, or leave --port out".formatted(port));
    }
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
    if (runs.size() == 1) {
      threads.execute(this::readOn);
    }
  }

  /// Reads a long run to its end, also before anybody asks for it.
  private void readOn() {
    try {
      runs.getFirst().body();
      while (!runs.getFirst().isRead()) {
        Thread.sleep(LiveRun.READING);
        runs.getFirst().body();
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } catch (IOException | RuntimeException _) {
      // tried again, and told, when the page is asked for
    }
  }

  /// The address to open in a browser.
  public String address() {
    return "http://127.0.0.1:%s/%s/".formatted(server.getAddress().getPort(), token);
  }

  /// Ends it, with all that wait for events.
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      if (!free.tryAcquire()) {
        text(exchange, 503, "too many requests at one time");
        return;
      }
      try {
        dispatch(exchange);
      } finally {
        free.release();
      }
    }
  }

  private void dispatch(HttpExchange exchange) throws IOException {
    int port = server.getAddress().getPort();
    Set<String> hosts = Set.of("127.0.0.1:" + port, "localhost:" + port);
    String host = Optional.ofNullable(exchange.getRequestHeaders().getFirst("Host")).orElse("");
    String path = exchange.getRequestURI().getPath();
    String prefix = "/" + token + "/";
    if (!hosts.contains(host)) {
      text(exchange, 403, "this is for 127.0.0.1 alone");
    } else if (!exchange.getRequestMethod().equals("GET")) {
      text(exchange, 405, "this can only be read");
    } else if (!path.startsWith(prefix)) {
      text(exchange, NOT_FOUND, "the address has a random part, which the terminal shows");
    } else {
      page(exchange, path.substring(prefix.length()));
    }
  }

  private void page(HttpExchange exchange, String path) throws IOException {
    if (path.isEmpty()) {
      html(exchange, runs.size() == 1 ? live(0) : index());
      return;
    }
    String[] parts = path.split("/", -1);
    int number = parts[0].matches("\\d{1,6}") ? Integer.parseInt(parts[0]) : runs.size();
    if (parts.length != 2 || number >= runs.size()) {
      text(exchange, NOT_FOUND, "there is no such page");
      return;
    }
    switch (parts[1]) {
      case "" -> html(exchange, live(number));
      case "body" -> html(exchange, runs.get(number).body());
      case "events" -> events(exchange, runs.get(number));
      default -> text(exchange, NOT_FOUND, "there is no such page");
    }
  }

  private String index() throws IOException {
    StringBuilder list = new StringBuilder("<main><ul>\n");
    for (int i = 0; i < runs.size(); i++) {
      list.append(
          "<li><a href='%d/'>%s</a></li>\n".formatted(i, Html.text(runs.get(i).run().toString())));
    }
    return Html.page("Runs", list.append("</ul></main>\n").toString());
  }

  /// The report, which asks for its changing part again at each event.
  private String live(int number) throws IOException {
    String follow = runs.size() == 1 ? number + "/" : "";
    String body = runs.get(number).body();
    return Html.page(runs.get(number).title(), body)
        .replace(
            "</body>",
            "<script>\n" + Html.resource("live.js") + "follow('" + follow + "');</script></body>");
  }

  private void events(HttpExchange exchange, LiveRun run) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
    exchange.getResponseHeaders().set("Cache-Control", "no-store");
    exchange.sendResponseHeaders(200, 0);
    try (OutputStream out = exchange.getResponseBody()) {
      List<String> before = run.stamps();
      send(out, ":\n\n"); // the answer begins at once
      while (true) {
        Thread.sleep(LOOK_EVERY);
        List<String> now = run.stamps();
        // A comment finds out whether anybody still listens.
        String line = now.equals(before) && run.isRead() ? ":\n\n" : "data: changed\n\n";
        send(out, line);
        before = now;
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private static void send(OutputStream out, String event) throws IOException {
    out.write(event.getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  private static void html(HttpExchange exchange, String page) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
    send(exchange, 200, page);
  }

  private static void text(HttpExchange exchange, int status, String text) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
    send(exchange, status, text + "\n");
  }

  private static void send(HttpExchange exchange, int status, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Cache-Control", "no-store");
    exchange.getResponseHeaders().set("X-Content-Type-Options", "nosniff");
    exchange.getResponseHeaders().set("Referrer-Policy", "no-referrer");
    exchange
        .getResponseHeaders()
        .set(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
  }
}
