package io.lorikeet.finetune.serving;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.lorikeet.quant.InvalidInputException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A running llama-server, asked over HTTP (`tools/server/README.md` of llama.cpp).
public final class LlamaServer implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofMinutes(5);
  private static final int NOT_FOUND = 404;
  private static final int HIGHEST_PORT = 65_535;
  private static final int OK = 200;

  private final ObjectMapper json = new ObjectMapper();
  private final URI address;
  private final HttpClient client;

  /// An adapter that the server has loaded.
  ///
  /// @param path as the server was given it
  public record Loaded(int id, String path, double scale) {}

  /// The server's word on its model.
  ///
  /// @param template the chat template, empty where it has none
  public record Props(String model, String template, String build) {}

  /// Nothing is asked yet.
  ///
  /// @param address a URL, `HOST:PORT`, or a port of this machine
  /// @throws InvalidInputException when it is none of these
  public LlamaServer(String address) {
    String url =
        address.matches("[0-9]+")
            ? "http://127.0.0.1:" + address
            : address.contains("://") ? address : "http://" + address;
    try {
      this.address = URI.create(url.replaceFirst("/+$", ""));
    } catch (IllegalArgumentException e) {
      throw new InvalidInputException("server: '" + address + "' is no address", e);
    }
    if (this.address.getHost() == null
        || this.address.getPort() > HIGHEST_PORT
        || !this.address.getScheme().matches("https?")) {
      throw new InvalidInputException(
          "server: expected a URL, HOST:PORT or a port, found '" + address + "'");
    }
    client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .proxy(HttpClient.Builder.NO_PROXY)
            .connectTimeout(Duration.ofSeconds(10))
            .build();
  }

  URI address() {
    return address;
  }

  /// Whether it has loaded its model and answers.
  public boolean isReady() {
    try {
      return get("/health").isPresent();
    } catch (IOException _) {
      return false;
    }
  }

  /// Its model.
  public Props props() throws IOException {
    JsonNode props = get("/props").orElseThrow(() -> missing("/props"));
    return new Props(
        props.path("model_path").asText(),
        props.path("chat_template").asText(),
        props.path("build_info").asText());
  }

  /// The adapters that it has loaded; empty where it can't say.
  public Optional<List<Loaded>> adapters() throws IOException {
    Optional<JsonNode> all = get("/lora-adapters");
    if (all.isEmpty()) {
      return Optional.empty();
    }
    List<Loaded> adapters = new ArrayList<>();
    for (JsonNode one : all.get()) {
      adapters.add(
          new Loaded(
              one.path("id").asInt(), one.path("path").asText(), one.path("scale").asDouble()));
    }
    return Optional.of(adapters);
  }

  /// Tokens of a text.
  ///
  /// @param special whether the begin token comes first, where the model wants one
  public int[] tokens(String text, boolean special) throws IOException {
    JsonNode answer =
        post("/tokenize", Map.of("content", text, "add_special", special, "parse_special", false))
            .orElseThrow(() -> missing("/tokenize"));
    List<Integer> tokens = new ArrayList<>();
    answer.path("tokens").forEach(token -> tokens.add(token.asInt()));
    return tokens.stream().mapToInt(Integer::intValue).toArray();
  }

  /// The prompt that it makes of a message of a user; empty where it can't say.
  public Optional<String> prompt(String message) throws IOException {
    Map<String, Object> messages =
        Map.of("messages", List.of(Map.of("role", "user", "content", message)));
    return post("/apply-template", messages).map(answer -> answer.path("prompt").asText());
  }

  /// Log probabilities of the likeliest next tokens, in nats. Empty where it gives none: a
  /// llama-server doesn't where the likeliest token is a part of a character.
  ///
  /// @param prompt at least one token
  /// @param count tokens to list at most
  /// @param cached whether what it has computed before may be used again, as it does by default
  public Map<Integer, Double> next(int[] prompt, int count, boolean cached) throws IOException {
    Map<String, Object> request = new LinkedHashMap<>();
    request.put("prompt", prompt);
    request.put("n_predict", 1);
    request.put("n_probs", count);
    request.put("temperature", 0);
    request.put("cache_prompt", cached);
    JsonNode answer = post("/completion", request).orElseThrow(() -> missing("/completion"));
    Map<Integer, Double> listed = new LinkedHashMap<>();
    for (JsonNode one : answer.path("completion_probabilities").path(0).path("top_logprobs")) {
      if (one.path("logprob").isNumber()) {
        listed.put(one.path("id").asInt(), one.path("logprob").asDouble());
      }
    }
    return listed;
  }

  private InvalidInputException missing(String path) {
    return new InvalidInputException(
        "server: there is no %s at %s; is it a llama-server?".formatted(path, address));
  }

  private Optional<JsonNode> get(String path) throws IOException {
    return ask(path, HttpRequest.newBuilder().GET());
  }

  private Optional<JsonNode> post(String path, Map<String, Object> body) throws IOException {
    String text = json.writeValueAsString(body);
    return ask(
        path,
        HttpRequest.newBuilder()
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(text)));
  }

  /// Its answer, empty where it knows no such path.
  private Optional<JsonNode> ask(String path, HttpRequest.Builder request) throws IOException {
    HttpResponse<String> response;
    try {
      response =
          client.send(
              request.uri(URI.create(address + path)).timeout(LIMIT).build(),
              HttpResponse.BodyHandlers.ofString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while " + address + path + " was asked");
    } catch (IOException e) {
      throw new IOException(
          "server: %s can't be asked: %s"
              .formatted(
                  address + path,
                  Optional.ofNullable(e.getMessage()).orElse(e.getClass().getSimpleName())),
          e);
    }
    if (response.statusCode() == NOT_FOUND) {
      return Optional.empty();
    }
    try {
      JsonNode answer = json.readTree(response.body());
      if (response.statusCode() == OK) {
        return Optional.of(answer);
      }
      throw new IOException(
          "server: %s answers %s: %s"
              .formatted(
                  address + path,
                  response.statusCode(),
                  answer.path("error").path("message").asText("no reason")));
    } catch (JsonProcessingException e) {
      throw new IOException("server: %s doesn't answer JSON".formatted(address + path), e);
    }
  }

  @Override
  public void close() {
    client.close();
  }
}
