package io.lorikeet.models.text;

import io.lorikeet.bindings.llama.LlamaAdapter;
import io.lorikeet.bindings.llama.LlamaContext;
import io.lorikeet.bindings.llama.LlamaModel;
import io.lorikeet.bindings.llama.LlamaSequences;
import io.lorikeet.bindings.llama.LlamaVocabulary;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Answers many prompts in llama.cpp, several at once, by the likeliest token always. The same
/// prompts in the same order get the same answers on the same machine with as many threads.
///
/// A batch is computed by other kernels than a single token, so an answer can differ from
/// [TextGenerator]'s where two tokens are nearly as likely.
public final class GreedyAnswers {
  private static final int MOST_SEQUENCES = 16;

  /// Tokens that all sequences remember together; the keys and values are F32.
  private static final int REMEMBERED = 4096;

  private static final int BATCH = 512;

  private final LlamaModel model;
  private final Optional<LlamaAdapter> adapter;
  private final int maxTokens;
  private final int threads;

  /// @param adapter applied as it was trained
  /// @param maxTokens tokens of an answer at most
  /// @param threads CPU threads
  public GreedyAnswers(
      LlamaModel model, Optional<LlamaAdapter> adapter, int maxTokens, int threads) {
    this.model = model;
    this.adapter = adapter;
    this.maxTokens = maxTokens;
    this.threads = threads;
  }

  /// An answer.
  ///
  /// @param text without the prompt, control tokens left out
  /// @param tokens tokens generated, the one that ended the answer not counted
  /// @param ended whether the model ended it itself, rather than being cut off
  public record Answer(String text, int tokens, boolean ended) {}

  /// Prompts that are answered at one time.
  ///
  /// @param prompts all of them
  /// @param length tokens of the longest with its answer
  public static int sequences(int prompts, int length) {
    return Math.clamp(REMEMBERED / length, 1, Math.min(MOST_SEQUENCES, prompts));
  }

  /// Tokens that are remembered of so many prompts at one time, see [LlamaSequences#remembered].
  ///
  /// @param length tokens of the longest with its answer
  public static long remembered(int sequences, int length) {
    return LlamaSequences.remembered(sequences, length);
  }

  /// Tokens computed at one time, see [LlamaContext#batch].
  ///
  /// @param vocabulary how many tokens it has
  public static int batch(int vocabulary) {
    return LlamaContext.batch(BATCH, vocabulary);
  }

  /// Answers prompts, in their order.
  ///
  /// @param prompts tokens, at least one each; none longer than the context the base was made for
  /// @param done told how many answers are complete
  public List<Answer> of(List<int[]> prompts, IntConsumer done) {
    if (prompts.isEmpty()) {
      return List.of();
    }
    int longest = prompts.stream().mapToInt(prompt -> prompt.length).max().orElseThrow();
    int length = Math.max(longest, Math.min(longest + maxTokens, model.contextLength()));
    int sequences = sequences(prompts.size(), length);
    @Nullable Answer[] answers = new Answer[prompts.size()];
    try (LlamaSequences computing =
        LlamaSequences.create(model, sequences, length, BATCH, threads)) {
      adapter.ifPresent(lora -> computing.setAdapters(lora.scaledBy(1)));
      answer(prompts, computing, answers, done);
    }
    return Arrays.stream(answers).map(Objects::requireNonNull).toList();
  }

  private void answer(
      List<int[]> prompts, LlamaSequences computing, @Nullable Answer[] answers, IntConsumer done) {
    Queue<Integer> waiting = new ArrayDeque<>(IntStream.range(0, prompts.size()).boxed().toList());
    List<Written> busy = new ArrayList<>();
    Queue<Integer> free = new ArrayDeque<>(IntStream.range(0, computing.count()).boxed().toList());
    int complete = 0;
    while (complete < prompts.size()) {
      while (!free.isEmpty() && !waiting.isEmpty()) {
        int question = waiting.remove();
        int sequence = free.remove();
        computing.activate(sequence, prompts.get(question));
        busy.add(new Written(question, sequence, prompts.get(question)));
      }
      int[] next =
          computing.likeliest(
              busy.stream().map(one -> new LlamaSequences.Part(one.sequence, one.next)).toList());
      List<Written> going = new ArrayList<>();
      for (int i = 0; i < next.length; i++) {
        Written one = busy.get(i);
        if (one.takes(next[i], computing.room(one.sequence))) {
          going.add(one);
        } else {
          answers[one.question] = one.answer();
          computing.forget(one.sequence);
          free.add(one.sequence);
          done.accept(++complete);
        }
      }
      busy = going;
    }
  }

  /// An answer that is being written.
  private final class Written {
    private final int question;
    private final int sequence;
    private final StringBuilder text = new StringBuilder();
    private final CharacterStream characters = new CharacterStream(text::append);
    private int[] next;
    private int tokens;
    private boolean ended;

    Written(int question, int sequence, int[] prompt) {
      this.question = question;
      this.sequence = sequence;
      next = prompt;
    }

    /// Takes a token.
    ///
    /// @param room tokens that the sequence has room for
    /// @return whether the answer goes on
    boolean takes(int token, int room) {
      LlamaVocabulary vocabulary = model.vocabulary();
      ended = vocabulary.isEndOfGeneration(token);
      if (!ended) {
        characters.add(vocabulary.piece(token, false));
        tokens++;
        next = new int[] {token};
      }
      return !ended && tokens < maxTokens && room > 0;
    }

    Answer answer() {
      characters.finish();
      return new Answer(text.toString(), tokens, ended);
    }
  }
}
