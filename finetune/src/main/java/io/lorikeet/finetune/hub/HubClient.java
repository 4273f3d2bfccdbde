package io.lorikeet.finetune.hub;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.finetune.bases.HubFile;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.NearestName;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Asks a hub for files, as Hugging Face's own client does: `HF_ENDPOINT` names another hub than
/// huggingface.co, `HF_TOKEN` or the file that `hf auth login` writes holds a token. The token goes
/// to the hub alone, never to the host that the hub sends on to.
public final class HubClient implements AutoCloseable {
  private static final String USUAL_HUB = "https://huggingface.co";
  private static final Duration CONNECT = Duration.ofSeconds(20);
  private static final Duration ANSWER = Duration.ofSeconds(60);
  private static final int MOST_REDIRECTS = 10;
  private static final int ATTEMPTS = 5;
  private static final long LONGEST_WAIT = 120;

  private static final int OK = 200;
  private static final int PART = 206;
  private static final int REDIRECTS = 300;
  private static final int REFUSALS = 400;
  private static final int UNAUTHORIZED = 401;
  private static final int FORBIDDEN = 403;
  private static final int NOT_FOUND = 404;
  private static final int TOO_MANY = 429;
  private static final int BROKEN = 500;

  private static final Pattern SHA256 = Pattern.compile("\"?([0-9a-f]{64})\"?");
  private static final Pattern RANGE = Pattern.compile("bytes (\\d+)-\\d+/\\d+");

  private final URI hub;
  private final Optional<String> token;
  private final EnvironmentProxy proxy;
  private final HttpClient client;
  private final Duration pause;

  /// A file as the hub describes it.
  ///
  /// @param size bytes
  /// @param sha256 64 hexadecimal digits, empty where the hub doesn't tell
  public record RemoteFile(HubFile file, long size, Optional<String> sha256) {}

  /// Bytes of a file, from the hub or the host that it sends on to.
  ///
  /// @param from place of the first byte: 0 from a server that knows no ranges
  record Content(InputStream bytes, long from) implements AutoCloseable {
    @Override
    public void close() throws IOException {
      bytes.close();
    }
  }

  /// @param environment the process's variables
  /// @param home the user's folder
  /// @param pause before the second attempt; it doubles from one to the next
  HubClient(Map<String, String> environment, Path home, Duration pause) throws IOException {
    String given = environment.getOrDefault("HF_ENDPOINT", "");
    String address = given.isBlank() ? USUAL_HUB : given.replaceFirst("/+$", "");
    try {
      hub = URI.create(address);
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException("HF_ENDPOINT: '" + given + "' is no address", e);
    }
    if (hub.getHost() == null || !String.valueOf(hub.getScheme()).matches("https?")) {
      throw new InvalidInputException("HF_ENDPOINT: expected a URL, found '" + given + "'");
    }
    token = token(environment, home);
    this.pause = pause;
    // Java sends no name and password to a proxy for https, unless this is set.
    System.setProperty("jdk.http.auth.tunneling.disabledSchemes", "");
    proxy = new EnvironmentProxy(environment);
    client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(CONNECT)
            .proxy(proxy)
            .build();
  }

  /// Of this process and its user.
  public static HubClient ofUser() throws IOException {
    return new HubClient(
        System.getenv(), Path.of(System.getProperty("user.home")), Duration.ofSeconds(1));
  }

  private static Optional<String> token(Map<String, String> environment, Path home)
      throws IOException {
    String given = environment.getOrDefault("HF_TOKEN", "");
    if (!given.isBlank()) {
      return Optional.of(given.strip());
    }
    String all = environment.getOrDefault("HF_HOME", "");
    Path folder = all.isBlank() ? home.resolve(".cache").resolve("huggingface") : Path.of(all);
    String path = environment.getOrDefault("HF_TOKEN_PATH", "");
    Path file = path.isBlank() ? folder.resolve("token") : Path.of(path);
    return Files.isReadable(file)
        ? Optional.of(Files.readString(file).strip()).filter(text -> !text.isEmpty())
        : Optional.empty();
  }

  /// Asks what a file is.
  ///
  /// @throws InvalidInputException when there is none, or it may not be read
  public RemoteFile look(HubFile file) throws IOException {
    URI address = address(file);
    for (int redirect = 0; redirect < MOST_REDIRECTS; redirect++) {
      HttpRequest.Builder request = HttpRequest.newBuilder(address).HEAD();
      HttpResponse<Void> answer = ask(request, file, HttpResponse.BodyHandlers.discarding());
      Optional<URI> next = next(answer);
      if (next.isPresent() && isHub(next.get()) && size(answer).isEmpty()) {
        address = next.get(); // the repository has another name by now
        continue;
      }
      return new RemoteFile(
          file,
          size(answer)
              .orElseThrow(() -> new IOException(file + ": the hub doesn't tell how large it is")),
          header(answer, "X-Linked-Etag")
              .or(() -> header(answer, "ETag"))
              .map(SHA256::matcher)
              .filter(Matcher::matches)
              .map(digits -> digits.group(1)));
    }
    throw new IOException(file + ": the hub sends on and on");
  }

  /// The size that the hub has on record, or that of the answer itself.
  private static Optional<Long> size(HttpResponse<?> answer) {
    return header(answer, "X-Linked-Size")
        .or(() -> answer.statusCode() == OK ? header(answer, "Content-Length") : Optional.empty())
        .filter(text -> text.matches("\\d{1,18}"))
        .map(Long::valueOf);
  }

  /// Opens a file's bytes.
  ///
  /// @param from place of the first byte that is wanted
  /// @param to place of the last one, or the file's end
  Content open(HubFile file, long from, OptionalLong to) throws IOException {
    URI address = address(file);
    for (int redirect = 0; redirect < MOST_REDIRECTS; redirect++) {
      HttpRequest.Builder request = HttpRequest.newBuilder(address).GET();
      if (from > 0 || to.isPresent()) {
        String end = to.isPresent() ? Long.toString(to.getAsLong()) : "";
        request.header("Range", "bytes=" + from + "-" + end);
      }
      HttpResponse<InputStream> answer =
          ask(request, file, HttpResponse.BodyHandlers.ofInputStream());
      Optional<URI> next = next(answer);
      if (next.isEmpty()) {
        return new Content(answer.body(), start(answer, from));
      }
      answer.body().close();
      address = next.get();
    }
    throw new IOException(file + ": the hub sends on and on");
  }

  private static long start(HttpResponse<InputStream> answer, long from) throws IOException {
    if (answer.statusCode() != PART) {
      return 0;
    }
    Matcher range = RANGE.matcher(header(answer, "Content-Range").orElse(""));
    if (range.matches() && Long.parseLong(range.group(1)) == from) {
      return from;
    }
    answer.body().close();
    throw new IOException(answer.uri() + " answers with another part than it was asked for");
  }

  /// Asks until there is an answer that says something, a few times at most.
  private <T> HttpResponse<T> ask(
      HttpRequest.Builder request, HubFile file, HttpResponse.BodyHandler<T> body)
      throws IOException {
    request
        .timeout(ANSWER)
        .setHeader("User-Agent", "lorikeet")
        .setHeader("Accept-Encoding", "identity");
    proxy
        .authorization(request.build().uri())
        .ifPresent(text -> request.setHeader("Proxy-Authorization", text));
    boolean toHub = isHub(request.build().uri());
    if (toHub) {
      token.ifPresent(text -> request.setHeader("Authorization", "Bearer " + text));
    }
    for (int attempt = 1; ; attempt++) {
      HttpResponse<T> answer;
      try {
        answer = client.send(request.build(), body);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new InterruptedIOException("interrupted while " + file + " was fetched");
      } catch (IOException e) {
        if (attempt == ATTEMPTS) {
          throw new IOException(
              "%s: %s can't be reached: %s".formatted(file, request.build().uri().getHost(), e), e);
        }
        rest(attempt, Optional.empty());
        continue;
      }
      int status = answer.statusCode();
      if (status < REFUSALS) {
        return answer;
      }
      discard(answer);
      boolean passes = status == TOO_MANY || status >= BROKEN;
      if (!passes || attempt == ATTEMPTS) {
        throw refusal(answer, file, toHub);
      }
      rest(attempt, header(answer, "Retry-After"));
    }
  }

  private static void discard(HttpResponse<?> answer) throws IOException {
    if (answer.body() instanceof InputStream stream) {
      stream.close();
    }
  }

  /// Waits before another attempt, as long as the server asks to.
  void rest(int attempt, Optional<String> asked) throws IOException {
    long seconds = asked.filter(text -> text.matches("\\d{1,9}")).map(Long::parseLong).orElse(0L);
    if (seconds > LONGEST_WAIT) {
      throw new IOException(
          "the hub asks to wait for %s seconds. Pull again then".formatted(seconds));
    }
    try {
      Thread.sleep(
          seconds > 0 ? Duration.ofSeconds(seconds) : pause.multipliedBy(1L << (attempt - 1)));
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while waiting for the hub");
    }
  }

  private IOException refusal(HttpResponse<?> answer, HubFile file, boolean byHub)
      throws IOException {
    int status = answer.statusCode();
    if (byHub && (status == UNAUTHORIZED || status == FORBIDDEN)) {
      String reason =
          token.isEmpty()
              ? "the hub lets nobody read it without a token, or there is no such repository"
              : "the hub doesn't let this token read it";
      throw new InvalidInputException(
          "%s: %s (%s). Accept the conditions on %s/%s, if it has any, and give a token that may read it in HF_TOKEN"
              .formatted(file, reason, status, hub, file.repository()));
    }
    if (byHub && status == NOT_FOUND) {
      throw new InvalidInputException(
          "%s: the hub has no such file%s".formatted(file, nearest(file)));
    }
    return new IOException(
        "%s: %s answers %s%s"
            .formatted(
                file,
                answer.uri().getHost(),
                status,
                status == TOO_MANY ? ": too many requests. Pull again later" : ""));
  }

  /// The file of the repository that is probably meant.
  private String nearest(HubFile file) {
    URI list =
        URI.create(
            "%s/api/models/%s/revision/%s".formatted(hub, file.repository(), file.revision()));
    HttpRequest.Builder request = HttpRequest.newBuilder(list).timeout(ANSWER);
    token.ifPresent(text -> request.setHeader("Authorization", "Bearer " + text));
    try {
      List<String> names = new ArrayList<>();
      new ObjectMapper()
          .readTree(client.send(request.build(), HttpResponse.BodyHandlers.ofString()).body())
          .path("siblings")
          .forEach(one -> names.add(one.path("rfilename").asText()));
      return NearestName.hint(file.file(), names);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      return "";
    } catch (IOException _) {
      return ""; // a hint isn't worth a second error
    }
  }

  private URI address(HubFile file) {
    return URI.create(
        "%s/%s/resolve/%s/%s".formatted(hub, file.repository(), file.revision(), file.file()));
  }

  private boolean isHub(URI address) {
    return hub.getScheme().equalsIgnoreCase(address.getScheme())
        && hub.getHost().equalsIgnoreCase(address.getHost())
        && hub.getPort() == address.getPort();
  }

  private static Optional<URI> next(HttpResponse<?> answer) throws IOException {
    if (answer.statusCode() < REDIRECTS) {
      return Optional.empty();
    }
    String location = header(answer, "Location").orElse("");
    try {
      URI next = answer.uri().resolve(location);
      boolean safe = !"https".equals(answer.uri().getScheme()) || "https".equals(next.getScheme());
      if (!location.isEmpty() && next.getHost() != null && safe) {
        return Optional.of(next);
      }
    } catch (IllegalArgumentException _) {
      // said below
    }
    throw new IOException("%s sends on to '%s'".formatted(answer.uri(), location));
  }

  private static Optional<String> header(HttpResponse<?> answer, String name) {
    return answer.headers().firstValue(name);
  }

  @Override
  public void close() {
    client.shutdownNow();
    client.close();
  }
}
