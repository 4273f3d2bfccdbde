package io.lorikeet.models.text;

import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.LlamaSampler;
import io.lorikeet.models.chat.Conversation;
import io.lorikeet.models.text.template.ChatTemplate;
import io.lorikeet.models.text.template.ServedTemplate;
import io.lorikeet.quant.InvalidInputException;
import io.lorikeet.quant.ModelLoader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/// A conversation with a base in llama.cpp, its adapters at scales that can be changed between
/// replies. The common beginning of a reply's prompt and of the tokens computed before is not
/// computed again. Not for use by several threads at once.
public final class ChatSession implements AutoCloseable {
  /// Prompt tokens computed at once.
  private static final int BATCH = 512;

  private final LlamaModel model;
  private final LlamaContext context;
  private final ServedTemplate template;
  private final ChatTokenizer tokenizer;
  private final Optional<String> system;
  private final Map<String, LlamaAdapter> adapters = new LinkedHashMap<>();
  private final Map<String, Float> scales = new LinkedHashMap<>();
  private final List<Conversation.Message> messages = new ArrayList<>();
  private int[] computed = {};

  private ChatSession(
      LlamaModel model, LlamaContext context, ServedTemplate template, Optional<String> system) {
    this.model = model;
    this.context = context;
    this.template = template;
    tokenizer = new ChatTokenizer(model.vocabulary());
    this.system = system;
    reset();
  }

  /// A reply.
  ///
  /// @param text the assistant's text
  /// @param promptTokens tokens of the conversation up to it
  /// @param reusedTokens how many of these didn't have to be computed again
  /// @param tokens tokens of the reply
  /// @param ended whether the model ended it, rather than being stopped
  public record Reply(String text, int promptTokens, int reusedTokens, int tokens, boolean ended) {}

  /// Loads a base on the CPU.
  ///
  /// @param base the base, of a split one any file
  /// @param template renders the conversation
  /// @param system the system message; empty for none
  /// @param contextLength tokens that the conversation may have
  /// @throws InvalidInputException when llama.cpp can't load it, with its reason
  /// @throws IOException when it can't be read
  public static ChatSession open(
      Path base, ChatTemplate template, Optional<String> system, int contextLength, int threads)
      throws IOException {
    LlamaModel model = ModelLoader.load(base, LlamaModel.Options.CPU);
    try {
      LlamaContext context = LlamaContext.create(model, contextLength, BATCH, threads);
      ServedTemplate served = ServedTemplate.of(template, Optional.empty(), model.vocabulary());
      return new ChatSession(model, context, served, system);
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
  }

  /// Loads an adapter, which does nothing until [#scale] gives it a scale.
  ///
  /// @param name its name for [#scale]
  /// @param file a file that was checked to fit the base
  /// @throws io.lorikeet.bindings.GgmlException when llama.cpp can't load it, with its reason
  public void load(String name, Path file) {
    if (adapters.containsKey(name)) {
      throw new InvalidInputException("there is an adapter called '" + name + "' already");
    }
    adapters.put(name, LlamaAdapter.load(model, file));
    scales.put(name, 0f);
  }

  /// Adapters by name with their scales, 0 for those that do nothing.
  public Map<String, Float> scales() {
    return new LinkedHashMap<>(scales);
  }

  /// Changes what an adapter's effect is multiplied by, from the next reply on: the whole
  /// conversation is then computed again.
  ///
  /// @throws InvalidInputException when no adapter is called so, or the scale isn't finite
  public void scale(String name, float scale) {
    if (!adapters.containsKey(name)) {
      throw new InvalidInputException(
          "no adapter is called '%s'; there are: %s"
              .formatted(name, adapters.isEmpty() ? "none" : String.join(", ", adapters.keySet())));
    }
    if (!Float.isFinite(scale)) {
      throw new InvalidInputException("a scale is a number, not " + scale);
    }
    scales.put(name, scale);
    List<LlamaAdapter.Scaled> scaled = new ArrayList<>();
    adapters.forEach(
        (each, adapter) -> {
          float own = Objects.requireNonNull(scales.get(each), "each adapter has a scale");
          if (own != 0) {
            scaled.add(adapter.scaledBy(own));
          }
        });
    context.setAdapters(scaled.toArray(LlamaAdapter.Scaled[]::new));
    computed = new int[0];
  }

  /// The messages so far, with the system's where there is one.
  public List<Conversation.Message> history() {
    return List.copyOf(messages);
  }

  /// Begins a new conversation.
  public void reset() {
    messages.clear();
    system.ifPresent(text -> messages.add(Conversation.Message.of("system", text)));
  }

  /// Says something and generates the reply. Where this fails, it was not said.
  ///
  /// @param stop asked before each token; true ends the reply, which stays in the history as it is
  /// @param listener receives the reply piece by piece
  /// @throws InvalidInputException when the conversation no longer fits the context
  /// @throws io.lorikeet.models.text.template.TemplateException when the template refuses it
  public Reply say(
      String text,
      TextGenerator.Sampling sampling,
      BooleanSupplier stop,
      Consumer<String> listener) {
    messages.add(Conversation.Message.of("user", text));
    boolean answered = false;
    try {
      int[] prompt = prompt();
      context.activate(prompt);
      int reused = context.keep(Math.min(prompt.length - 1, commonPrefix(prompt)));
      computed = Arrays.copyOf(prompt, reused);
      context.decode(Arrays.copyOfRange(prompt, reused, prompt.length));
      Continuation reply;
      try (LlamaSampler sampler = LlamaSampler.create(sampling.temperature(), sampling.seed())) {
        reply = Continuation.of(context, sampler, sampling.maxTokens(), stop, listener);
      }
      computed = Arrays.copyOf(joined(prompt, reply.tokens()), context.length());
      messages.add(Conversation.Message.of("assistant", reply.text()));
      answered = true;
      return new Reply(reply.text(), prompt.length, reused, reply.tokens().length, reply.ended());
    } finally {
      if (!answered) {
        messages.removeLast();
      }
    }
  }

  private int[] prompt() {
    Conversation conversation = new Conversation(messages, List.of(), Map.of());
    int[] tokens = tokenizer.encode(template.render(conversation, true));
    if (tokens.length == 0 || tokens.length >= context.contextLength()) {
      throw new InvalidInputException(
          "the conversation has %s tokens, and the context %s: begin a new one, or give a longer --context"
              .formatted(tokens.length, context.contextLength()));
    }
    return tokens;
  }

  private int commonPrefix(int[] prompt) {
    int mismatch = Arrays.mismatch(prompt, computed);
    int common = mismatch < 0 ? prompt.length : mismatch;
    return Math.min(common, context.length());
  }

  private static int[] joined(int[] first, int[] second) {
    int[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }

  @Override
  public void close() {
    model.close(); // and with it context and adapters
  }
}
