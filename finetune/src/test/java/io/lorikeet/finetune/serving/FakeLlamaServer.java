package io.lorikeet.finetune.serving;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/// Answers in the form of llama-server, with llama.cpp behind it, on one thread.
final class FakeLlamaServer implements AutoCloseable {
  private final ObjectMapper json = new ObjectMapper();
  private final HttpServer http;
  private final LlamaModel model;
  private final LlamaAdapter adapter;
  private final LlamaContext context;

  float scale = 1;

  /// With which cached prompts were computed, where that is another one.
  Optional<Float> staleScale = Optional.empty();

  boolean begins = true;

  /// Of so many answers one lists nothing; 0: all do list.
  int unlisted;

  private int answered;

  /// Added to all tokens of a text.
  int shift;

  UnaryOperator<String> template = text -> text;

  FakeLlamaServer(Path base, Path adapterFile) throws IOException {
    model = ModelLoader.load(base, LlamaModel.Options.CPU);
    adapter = LlamaAdapter.load(model, adapterFile);
    context = LlamaContext.create(model, 64, 64, 1);
    http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    http.createContext("/", this::answer);
    http.start();
  }

  int port() {
    return http.getAddress().getPort();
  }

  private void answer(HttpExchange exchange) throws IOException {
    JsonNode asked = json.readTree(exchange.getRequestBody().readAllBytes());
    Object answer =
        switch (exchange.getRequestURI().getPath()) {
          case "/tokenize" -> Map.of("tokens", tokens(asked));
          case "/apply-template" ->
              Map.of(
                  "prompt",
                  template.apply(asked.path("messages").path(0).path("content").asText()));
          case "/lora-adapters" ->
              List.of(Map.of("id", 0, "path", adapter.file().toString(), "scale", scale));
          case "/completion" -> Map.of("completion_probabilities", List.of(next(asked)));
          default -> Map.of();
        };
    byte[] body = json.writeValueAsString(answer).getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(200, body.length);
    try (exchange) {
      exchange.getResponseBody().write(body);
    }
  }

  private int[] tokens(JsonNode asked) {
    boolean special = asked.path("add_special").asBoolean() && begins;
    int[] tokens = model.vocabulary().tokenize(asked.path("content").asText(), special, false);
    return IntStream.of(tokens).map(token -> token + shift).toArray();
  }

  private Map<String, Object> next(JsonNode asked) {
    boolean cached = asked.path("cache_prompt").asBoolean();
    context.setAdapters(adapter.scaledBy(cached ? staleScale.orElse(scale) : scale));
    List<Integer> prompt = new ArrayList<>();
    asked.path("prompt").forEach(token -> prompt.add(token.asInt()));
    context.decode(prompt.stream().mapToInt(Integer::intValue).toArray());
    float[] logits = context.logits();
    double sum = IntStream.range(0, logits.length).mapToDouble(i -> Math.exp(logits[i])).sum();
    List<Object> top =
        IntStream.range(0, logits.length)
            .boxed()
            .sorted(Comparator.comparingDouble(token -> -logits[token]))
            .limit(asked.path("n_probs").asInt())
            .<Object>map(
                token -> {
                  Map<String, Object> one = new LinkedHashMap<>();
                  one.put("id", token);
                  one.put("token", model.vocabulary().tokenText(token));
                  one.put("logprob", logits[token] - Math.log(sum));
                  return one;
                })
            .toList();
    boolean lists = unlisted == 0 || ++answered % unlisted != 0;
    return lists ? Map.of("top_logprobs", top) : Map.of();
  }

  @Override
  public void close() {
    http.stop(0);
    context.close();
    adapter.close();
    model.close();
  }
}
