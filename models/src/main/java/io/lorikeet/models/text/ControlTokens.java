package io.lorikeet.models.text;

import io.lorikeet.bindings.llama.LlamaVocabulary;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Finds the names of control tokens, such as `<|im_end|>`, in texts.
final class ControlTokens {
  private static final class Node {
    private final Map<Character, Node> next = new HashMap<>();
    private int token = -1;
  }

  /// A name in a text.
  record Match(int start, int end, int token) {
    int length() {
      return end - start;
    }
  }

  private final Node root = new Node();

  ControlTokens(LlamaVocabulary vocabulary) {
    for (String name : vocabulary.controlTokens()) {
      int[] token = vocabulary.tokenize(name, false, true);
      if (token.length == 1) {
        Node node = root;
        for (char c : name.toCharArray()) {
          node = node.next.computeIfAbsent(c, _ -> new Node());
        }
        node.token = token[0];
      }
    }
  }

  /// All names in a text, overlapping ones too, in the order of their beginnings.
  List<Match> find(String text, int from) {
    List<Match> matches = new ArrayList<>();
    for (int start = from; start < text.length(); start++) {
      Node node = root.next.get(text.charAt(start));
      for (int end = start + 1; node != null; end++) {
        if (node.token >= 0) {
          matches.add(new Match(start, end, node.token));
        }
        node = end < text.length() ? node.next.get(text.charAt(end)) : null;
      }
    }
    return matches;
  }
}
