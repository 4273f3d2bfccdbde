package io.lorikeet.finetune.hub;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.bindings.TensorType;
import io.lorikeet.finetune.bases.HubFile;
import io.lorikeet.models.random.RandomModel;
import io.lorikeet.quant.GgufFile;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Files come whole from a hub that is cut, slow, full, or false; and the token goes nowhere else.
class HubTest {
  private static final HubFile FILE = HubFile.of("hf:some/parrot/parrot-Q4_0.gguf");
  private static final Duration PAUSE = Duration.ofMillis(1);

  @TempDir private Path folder;
  private HubOnLoopback hub;
  private Path output;

  @BeforeEach
  void startHub() throws Exception {
    byte[] content = new byte[3_000_000];
    new SplittableRandom(1).nextBytes(content);
    hub = new HubOnLoopback(content);
    output = folder.resolve("parrot.gguf");
  }

  @AfterEach
  void stopHub() {
    hub.close();
  }

  private HubClient client(String... variables) throws IOException {
    Map<String, String> environment = new HashMap<>();
    environment.put("HF_ENDPOINT", hub.address());
    for (int i = 0; i < variables.length; i += 2) {
      environment.put(variables[i], variables[i + 1]);
    }
    return new HubClient(environment, folder, PAUSE);
  }

  private void pull(HubFile file, String... variables) throws IOException {
    try (HubClient client = client(variables)) {
      new HubDownload(client, client.look(file), output).run((_, _) -> {});
    }
  }

  private void assertComplete() throws IOException {
    assertArrayEquals(hub.content, Files.readAllBytes(output));
    assertEquals(List.of("parrot.gguf"), names());
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void theTokenGoesToTheHubAlone() throws IOException {
    pull(FILE, "HF_TOKEN", "secret");
    assertComplete();
    assertEquals(
        List.of(
            "hub HEAD /some/parrot/resolve/main/parrot-Q4_0.gguf - Bearer secret",
            "hub GET /some/parrot/resolve/main/parrot-Q4_0.gguf - Bearer secret",
            "store GET /blob - -"),
        hub.requests);
  }

  @Test
  void aRepositoryThatMovedIsFollowedWithTheToken() throws IOException {
    Files.writeString(folder.resolve("token"), "kept\n");
    pull(HubFile.of("hf:old/parrot/parrot-Q4_0.gguf"), "HF_HOME", folder.toString());
    assertArrayEquals(hub.content, Files.readAllBytes(output));
    assertTrue(
        hub.requests.contains("hub HEAD /some/parrot/resolve/main/parrot-Q4_0.gguf - Bearer kept"));
  }

  @Test
  void aCutConnectionIsGoneOnWith() throws IOException {
    hub.cuts.addAll(List.of(700_000, 1_000_000));
    pull(FILE);
    assertComplete();
    List<Long> begins =
        hub.requests.stream()
            .filter(request -> request.startsWith("store"))
            .map(request -> request.split(" ")[3].replaceAll("[^0-9]", ""))
            .map(begin -> begin.isEmpty() ? 0 : Long.parseLong(begin))
            .toList();
    assertEquals(3, begins.size(), hub.requests.toString());
    assertTrue(0 < begins.get(1) && begins.get(1) < begins.get(2), begins.toString());
  }

  @Test
  void alsoByALaterProcess() throws IOException {
    hub.cuts.addAll(List.of(700_000, 0, 0, 0, 0, 0, 0));
    String said = assertThrows(IOException.class, () -> pull(FILE)).getMessage();
    assertTrue(said.contains(" of 3000000 bytes"), said);
    assertTrue(said.contains("The same command goes on"), said);
    String part = "parrot.gguf." + hub.hash.substring(0, 12) + ".part";
    assertEquals(List.of(part), names());
    long come = Files.size(folder.resolve(part));
    assertTrue(come > 0 && come <= 700_000, come + " bytes");
    hub.cuts.clear();
    hub.requests.clear();
    pull(FILE);
    assertComplete();
    assertTrue(hub.requests.getLast().contains("bytes=" + come + "-"), hub.requests.toString());
  }

  @Test
  void aServerWithoutRangesIsReadFromTheStart() throws IOException {
    hub.knowsRanges = false;
    hub.cuts.add(700_000);
    pull(FILE);
    assertComplete();
  }

  @Test
  void whatIsDamagedNeverGetsTheName() throws IOException {
    hub.hash = "0".repeat(64);
    String said = assertThrows(IOException.class, () -> pull(FILE)).getMessage();
    assertTrue(said.contains("damaged on the way"), said);
    assertEquals(List.of(), names());
    hub.tellsHash = false;
    said = assertThrows(IOException.class, () -> pull(FILE)).getMessage();
    assertTrue(said.contains("tells no SHA-256"), said);
    assertEquals(List.of(), names());
  }

  @Test
  void aDamagedBeginningIsFound() throws IOException {
    Path part = folder.resolve("parrot.gguf." + hub.hash.substring(0, 12) + ".part");
    Files.write(part, new byte[1000]);
    assertThrows(IOException.class, () -> pull(FILE));
    assertEquals(List.of(), names());
    pull(FILE);
    assertComplete();
  }

  @Test
  void refusalsSayWhatToDo() throws IOException {
    refused(401, InvalidInputException.class, "without a token", "HF_TOKEN", "/some/parrot");
    refused(403, InvalidInputException.class, "(403)");
    refused(404, InvalidInputException.class, "no such file", "did you mean 'parrot-Q4_0.gguf'?");
    refused(418, IOException.class, "answers 418");
    assertEquals(List.of(), names());
  }

  private void refused(int status, Class<? extends Exception> kind, String... words) {
    hub.statuses.add(status);
    HubFile file = HubFile.of("hf:some/parrot/parrot-Q4-0.gguf");
    String said = assertThrows(kind, () -> pull(file)).getMessage();
    for (String word : words) {
      assertTrue(said.contains(word), said);
    }
  }

  @Test
  void afterTooManyRequestsItWaitsAsLongAsItIsAsked() throws IOException {
    hub.statuses.addAll(List.of(429, 503));
    long start = System.nanoTime();
    pull(FILE);
    assertComplete();
    assertTrue(System.nanoTime() - start > 1_900_000_000L, "two seconds were asked for");
  }

  @Test
  void aSilentServerIsLeft() throws Exception {
    try (HubClient client = client()) {
      HubClient.RemoteFile remote = client.look(FILE);
      HubDownload download = new HubDownload(client, remote, output, Duration.ofMillis(50));
      hub.stalls.add(500_000);
      download.run((_, _) -> {});
    }
    assertComplete();
  }

  @Test
  void proxiesAreUsedAsTheVariablesSay() throws IOException {
    hub.close();
    try (HubClient direct = client()) {
      assertThrows(IOException.class, () -> direct.look(FILE));
    }
    EnvironmentProxy proxy =
        new EnvironmentProxy(
            Map.of(
                "HTTPS_PROXY", "http://user:word@proxy.example:3128",
                "http_proxy", "other.example",
                "NO_PROXY", "localhost, .inner.example,10.0.0.1"));
    assertEquals("proxy.example:3128", through(proxy, "https://huggingface.co/x"));
    assertEquals("other.example:80", through(proxy, "http://huggingface.co/x"));
    for (String near :
        List.of("https://localhost:1/", "http://a.inner.example/", "https://10.0.0.1/")) {
      assertEquals("none", through(proxy, near));
    }
    assertEquals("proxy.example:3128", through(proxy, "https://notinner.example/"));
    assertEquals("none", through(new EnvironmentProxy(Map.of()), "https://huggingface.co/"));
    EnvironmentProxy broken = new EnvironmentProxy(Map.of("ALL_PROXY", "socks5://x:1"));
    assertThrows(InvalidInputException.class, () -> through(broken, "https://huggingface.co/"));
  }

  private static String through(EnvironmentProxy proxies, String address) {
    Proxy proxy = proxies.select(URI.create(address)).getFirst();
    return proxy.address() instanceof InetSocketAddress at
        ? at.getHostString() + ":" + at.getPort()
        : "none";
  }

  @Test
  void requestsReallyGoThroughTheProxy() throws IOException {
    try (HubClient client =
        client(
            "HF_ENDPOINT",
            "http://hub.example",
            "HTTP_PROXY",
            hub.address().replace("//", "//user:word@"))) {
      assertEquals(hub.content.length, client.look(FILE).size());
    }
    assertEquals(List.of("Basic dXNlcjp3b3Jk"), hub.proxyAuthorizations);
    assertEquals(List.of("hub HEAD /some/parrot/resolve/main/parrot-Q4_0.gguf - -"), hub.requests);
  }

  @Test
  void ofAModelThatIsPlannedForOnlyTheHeadComes() throws Exception {
    Path base = RandomModel.of(TensorType.Q4_0).write(folder.resolve("base.gguf"));
    byte[] model = Arrays.copyOf(Files.readAllBytes(base), 40_000_000);
    try (HubOnLoopback large = new HubOnLoopback(model);
        HubClient client = client("HF_ENDPOINT", large.address())) {
      Path head;
      try (HubHead fetched = new HubHead(client, FILE);
          GgufFile file = GgufFile.openHeader(fetched.file())) {
        head = fetched.file();
        assertTrue(file.tensor("token_embd.weight").isPresent());
        assertEquals(4 << 20, Files.size(head));
      }
      assertFalse(Files.exists(head.getParent()));
      assertEquals("bytes=0-4194303", large.requests.getLast().split(" ")[3]);
    }
  }
}
