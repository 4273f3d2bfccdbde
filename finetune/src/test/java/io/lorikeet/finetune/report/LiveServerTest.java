package io.lorikeet.finetune.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class LiveServerTest {
  @TempDir private Path folder;
  private Path run;
  private final HttpClient client = HttpClient.newHttpClient();

  @BeforeEach
  void begin() throws IOException {
    run = run("first");
  }

  private Path run(String name) throws IOException {
    Path made = Files.createDirectory(folder.resolve(name));
    Files.writeString(made.resolve("config.yaml"), "model: base.gguf\n");
    Files.writeString(made.resolve("metrics.jsonl"), step(1, 4.5));
    return made;
  }

  private static String step(int number, double loss) {
    return "{\"step\":%d,\"loss\":%s,\"target_tokens\":1,\"tokens\":1,\"seconds\":1}\n"
        .formatted(number, loss);
  }

  private HttpResponse<String> get(String address) throws Exception {
    return client.send(
        HttpRequest.newBuilder(URI.create(address)).build(), HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void showsTheRunAndItsChanges() throws Exception {
    try (LiveServer server = new LiveServer(run, 0)) {
      HttpResponse<String> page = get(server.address());
      assertEquals(200, page.statusCode());
      assertTrue(page.body().contains("1,4.5"), page.body());
      HttpResponse<InputStream> events =
          client.send(
              HttpRequest.newBuilder(URI.create(server.address() + "0/events")).build(),
              HttpResponse.BodyHandlers.ofInputStream());
      try (BufferedReader lines =
          new BufferedReader(new InputStreamReader(events.body(), StandardCharsets.UTF_8))) {
        Files.writeString(run.resolve("metrics.jsonl"), step(2, 3.25), StandardOpenOption.APPEND);
        String line = lines.readLine();
        while (line != null && !line.equals("data: changed")) {
          line = lines.readLine();
        }
        assertEquals("data: changed", line);
      }
      assertTrue(get(server.address() + "0/body").body().contains("2,3.25"));
    }
  }

  @Test
  void showsALongRunAsFarAsItWasRead() throws IOException {
    StringBuilder steps = new StringBuilder();
    for (int i = 1; i <= 40_000; i++) {
      steps.append(step(i, i));
    }
    Files.writeString(run.resolve("metrics.jsonl"), steps);
    LiveRun live = new LiveRun(run, Duration.ZERO);
    String first = live.body();
    assertTrue(first.contains("% of metrics.jsonl are read so far."), first);
    String body = first;
    for (int i = 0; i < 20 && !live.isRead(); i++) {
      body = live.body();
    }
    assertTrue(!body.contains("so far.") && body.contains("40,000 of 40,000"), body);
  }

  @Test
  void anUnreadableRunIsReadOnlyAgainWhenItChanges() throws IOException {
    Files.writeString(run.resolve("metrics.jsonl"), "half\n" + step(1, 2));
    LiveRun live = new LiveRun(run, Duration.ZERO);
    assertTrue(live.body().contains("is no line of a run"), live.body());
    assertTrue(live.isRead());
    Files.writeString(run.resolve("metrics.jsonl"), step(1, 2.25));
    assertTrue(live.body().contains("1,2.25"), live.body());
  }

  @Test
  void listsRuns() throws Exception {
    run("second");
    try (LiveServer server = new LiveServer(folder, 0)) {
      assertTrue(get(server.address()).body().contains("href='1/'"));
      assertTrue(get(server.address() + "1/").body().contains("second"));
      assertEquals(404, get(server.address() + "2/").statusCode());
      assertEquals(404, get(server.address() + "1/../../etc").statusCode());
      assertEquals(404, get(server.address() + "x/").statusCode());
    }
  }

  @Test
  void showsTheNameThatTheRunWasGiven() throws Exception {
    Files.writeString(run.resolve("config.yaml"), "model: base.gguf\nname: <b>mine\n");
    try (LiveServer server = new LiveServer(run, 0)) {
      String page = get(server.address()).body();
      assertTrue(page.contains("<title>&lt;b&gt;mine</title>"), page);
    }
  }

  @Test
  void answersNobodyElse() throws Exception {
    try (LiveServer server = new LiveServer(run, 0)) {
      URI address = URI.create(server.address());
      String root = "http://127.0.0.1:" + address.getPort() + "/";
      assertEquals(404, get(root).statusCode());
      assertEquals(404, get(root + "0".repeat(32) + "/").statusCode());
      HttpRequest post =
          HttpRequest.newBuilder(address).POST(HttpRequest.BodyPublishers.noBody()).build();
      assertEquals(405, client.send(post, HttpResponse.BodyHandlers.ofString()).statusCode());
      try (Socket socket = new Socket("127.0.0.1", address.getPort())) {
        String request = "GET " + address.getPath() + " HTTP/1.1\r\nHost: evil.example\r\n\r\n";
        socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
        byte[] answer = socket.getInputStream().readNBytes(12);
        assertEquals("HTTP/1.1 403", new String(answer, StandardCharsets.US_ASCII));
      }
    }
  }

  @Test
  void servesWhileClientsHang() throws Exception {
    try (LiveServer server = new LiveServer(run, 0)) {
      URI address = URI.create(server.address());
      List<Socket> hanging = new ArrayList<>();
      try {
        for (int i = 0; i < 40; i++) {
          Socket socket = new Socket("127.0.0.1", address.getPort());
          socket.getOutputStream().write("GET / HT".getBytes(StandardCharsets.US_ASCII));
          hanging.add(socket);
        }
        assertEquals(200, get(server.address()).statusCode());
      } finally {
        for (Socket socket : hanging) {
          socket.close();
        }
      }
    }
  }

  @Test
  void refusesAFloodAndServesAfterIt() throws Exception {
    try (LiveServer server = new LiveServer(run, 0)) {
      URI address = URI.create(server.address());
      List<Socket> flood = new ArrayList<>();
      try {
        for (int i = 0; i < 64; i++) { // each waits for events
          Socket socket = new Socket("127.0.0.1", address.getPort());
          String host = "127.0.0.1:" + address.getPort();
          String request =
              "GET %s0/events HTTP/1.1\r\nHost: %s\r\n\r\n".formatted(address.getPath(), host);
          socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
          assertEquals('H', socket.getInputStream().read(), "it is being answered");
          flood.add(socket);
        }
        assertEquals(503, get(server.address()).statusCode());
      } finally {
        for (Socket socket : flood) {
          socket.close();
        }
      }
      int status = 503;
      for (int i = 0; i < 50 && status == 503; i++) { // until it finds that nobody listens
        Thread.sleep(100);
        status = get(server.address()).statusCode();
      }
      assertEquals(200, status);
    }
  }

  @Test
  void showsHalfWrittenFoldersAndThoseOfNewerVersions() throws Exception {
    Path half = Files.createDirectory(folder.resolve("half"));
    Files.writeString(half.resolve("config.yaml"), "model: base.gguf\n");
    Files.writeString(half.resolve("metrics.jsonl"), step(1, 4.5) + "{\"step\":2,\"lo");
    Files.writeString(half.resolve("samples.jsonl"), "{\"step\":0,\"sam");
    Path newer = Files.createDirectory(folder.resolve("newer"));
    Files.writeString(newer.resolve("config.yaml"), "model: base.gguf\nwarp-speed: 9\n");
    Files.writeString(newer.resolve("metrics.jsonl"), "{\"step\":1,\"warp\":9}\n" + step(2, 3));
    try (LiveServer server = new LiveServer(folder, 0)) {
      assertTrue(get(server.address() + "1/").body().contains("1,4.5"));
      assertTrue(get(server.address() + "2/").body().contains("unknown key &#39;warp-speed&#39;"));
      Files.writeString(newer.resolve("config.yaml"), "model: base.gguf\n");
      Files.writeString(newer.resolve("summary.json"), "{\"warp\": {\"speed\": 9}}");
      assertTrue(get(server.address() + "2/body").body().contains("2,3"));
    }
  }

  @Test
  void refusesAPortInUseAndAFolderWithoutRuns() throws Exception {
    try (LiveServer server = new LiveServer(run, 0)) {
      int port = URI.create(server.address()).getPort();
      InvalidInputException used =
          assertThrows(InvalidInputException.class, () -> new LiveServer(run, port));
      assertTrue(used.getMessage().contains(Integer.toString(port)), used.getMessage());
    }
    Path empty = Files.createDirectory(folder.resolve("empty"));
    assertThrows(InvalidInputException.class, () -> new LiveServer(empty, 0));
  }
}
