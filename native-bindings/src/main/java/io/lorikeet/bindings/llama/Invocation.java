package io.lorikeet.bindings.llama;

import java.io.Serializable;
import java.util.List;

/// The tokens that an activated LoRA (aLoRA, arXiv 2504.12397) waits for. It acts from them on. The
/// base alone computes the tokens before, so that their keys and values can be used again.
///
/// Which tokens are adapted is llama-server's word (`launch_slot_with_task` and `update_slots` in
/// `tools/server/server-context.cpp` of llama.cpp v0.5.0). The prompt is searched from its end. The
/// last occurrence counts, and the first adapted token is the one before it. Without an occurrence
/// the adapter is off. PEFT begins one token later.
///
/// @param tokens ids, at least one
public record Invocation(List<Integer> tokens) implements Serializable {
  /// A place behind all tokens.
  public static final int NEVER = Integer.MAX_VALUE;

  public Invocation {
    tokens = List.copyOf(tokens);
    if (tokens.isEmpty()) {
      throw new IllegalArgumentException("an invocation without tokens");
    }
  }

  /// Index of the first token that the adapter acts on, or [#NEVER].
  ///
  /// @param prompt the tokens that a server is given, the answer's left out
  public int firstAdapted(int[] prompt) {
    int start = start(prompt);
    return start == NEVER ? NEVER : Math.max(0, start - 1);
  }

  /// As the server searches: after a partial match it goes on with the next token, so that it
  /// overlooks an occurrence that begins within one.
  private int start(int[] prompt) {
    int left = tokens.size();
    for (int i = prompt.length - 1; i >= 0; i--) {
      left = prompt[i] == tokens.get(left - 1) ? left - 1 : tokens.size();
      if (left == 0) {
        return i;
      }
    }
    return NEVER;
  }

  /// A sequence that an activated adapter acts in: the tokens are put in the middle of one that
  /// hasn't got them, in the place of others.
  ///
  /// @return the sequence as it is where it has them, or is too short for them
  public int[] within(int[] sequence) {
    if (tokens.size() > sequence.length || firstAdapted(sequence) != NEVER) {
      return sequence;
    }
    int[] invoking = sequence.clone();
    int at = (sequence.length - tokens.size()) / 2;
    for (int i = 0; i < tokens.size(); i++) {
      invoking[at + i] = tokens.get(i);
    }
    return invoking;
  }
}
