package io.lorikeet.quant.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.lorikeet.quant.GgufWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Which tokens begin, end and pad texts, and whether they are added
/// (`SpecialVocab` in llama.cpp's `gguf-py/gguf/vocab.py`).
final class SpecialTokens {
  private static final Map<String, String> KEYS =
      Map.of(
          "bos", "bos_token_id",
          "eos", "eos_token_id",
          "unk", "unknown_token_id",
          "sep", "seperator_token_id", // as it is spelled in GGUF
          "pad", "padding_token_id",
          "mask", "mask_token_id",
          "eot", "eot_token_id",
          "eom", "eom_token_id");

  /// Those of which GGUF says whether they are added.
  private static final List<String> ADDED = List.of("bos", "eos", "sep");

  private final List<String> kinds =
      new ArrayList<>(List.of("bos", "eos", "unk", "sep", "pad", "cls", "mask"));
  private final Map<String, Long> ids = new LinkedHashMap<>();
  private final Map<String, Boolean> adds = new LinkedHashMap<>();
  private final int vocabularySize;

  private SpecialTokens(int vocabularySize) {
    this.vocabularySize = vocabularySize;
  }

  /// The special tokens of the folder's tokenizer files and `config.json`, read in this order.
  static SpecialTokens of(ModelFolder folder, Vocabulary vocabulary) {
    SpecialTokens special = new SpecialTokens(vocabulary.size());
    ObjectNode config =
        folder
            .tokenizerConfig()
            .map(each -> (ObjectNode) each.json().deepCopy())
            .orElseGet(JsonNodeFactory.instance::objectNode);
    folder.tokenizer().ifPresent(tokenizer -> special.readTemplate(tokenizer, config));
    if (folder.tokenizerConfig().isPresent()) {
      special.readNames(config, folder.tokenizer());
    }
    for (String kind : special.kinds) {
      JsonNode id = folder.config().json().path(kind + "_token_id");
      if (id.isIntegralNumber()) {
        special.setIfAbsent(kind, id.longValue());
      }
    }
    return special;
  }

  /// The tokens that `tokenizer.json` puts around a text.
  private void readTemplate(Config tokenizer, ObjectNode config) {
    JsonNode processor = tokenizer.json().path("post_processor");
    Iterable<JsonNode> processors =
        processor.path("processors").isArray() ? processor.path("processors") : List.of(processor);
    for (JsonNode each : processors) {
      JsonNode single = each.path("single");
      if (!each.path("type").asText().equals("TemplateProcessing") || single.size() < 2) {
        continue;
      }
      String first = special(single.get(0));
      if (!first.isEmpty()) {
        if (content(config, "bos_token").isEmpty()) {
          config.set("bos_token", TextNode.valueOf(first));
        }
        adds.put("bos", first.equals(content(config, "bos_token")));
      }
      String last = special(single.get(single.size() - 1));
      if (!last.isEmpty()) {
        readLast(last, config);
      }
      readPair(each.path("pair"), first, last, config);
    }
  }

  /// Whether a separator or end stands between two texts, where none ends them.
  private void readPair(JsonNode pair, String first, String last, JsonNode config) {
    List<JsonNode> parts = new ArrayList<>();
    pair.forEach(parts::add);
    if (!first.isEmpty() && !parts.isEmpty() && special(parts.getFirst()).equals(first)) {
      parts.removeFirst();
    }
    if (!last.isEmpty() && !parts.isEmpty() && special(parts.getLast()).equals(last)) {
      parts.removeLast();
    }
    if (parts.size() > 2 && isSequence(parts.getFirst(), "A") && isSequence(parts.getLast(), "B")) {
      List<String> ends = List.of(content(config, "sep_token"), content(config, "eos_token"));
      String between = special(parts.get(1));
      String second = parts.size() == 4 ? special(parts.get(2)) : "";
      boolean ended = !between.isEmpty() && ends.contains(between) && last.isEmpty();
      adds.put("sep", ended || !second.isEmpty() && ends.contains(second));
    }
  }

  private static boolean isSequence(JsonNode part, String id) {
    return part.path("Sequence").path("id").asText().equals(id);
  }

  /// The end that the template adds is the end of text; another that the configuration names ends a
  /// turn.
  private void readLast(String last, ObjectNode config) {
    String end = content(config, "eos_token");
    if (!last.equals(end)) {
      if (!end.isEmpty()) {
        kinds.add("eot");
        config.set("eot_token", TextNode.valueOf(end));
      }
      config.set("eos_token", TextNode.valueOf(last));
    }
    adds.put("eos", true);
  }

  private static String special(JsonNode part) {
    return part.path("SpecialToken").path("id").asText("");
  }

  private static String content(JsonNode config, String name) {
    JsonNode token = config.path(name);
    return token.isObject() ? token.path("content").asText("") : token.asText("");
  }

  /// The tokens that `tokenizer_config.json` names.
  private void readNames(ObjectNode config, Optional<Config> tokenizer) {
    for (String kind : kinds) {
      JsonNode add = config.path("add_" + kind + "_token");
      if (add.isBoolean()) {
        adds.put(kind, add.booleanValue());
      }
      String content = content(config, kind + "_token");
      if (content.isEmpty() || config.path(kind + "_token").isNull()) {
        continue;
      }
      for (JsonNode token :
          tokenizer.flatMap(each -> each.list("added_tokens")).orElse(List.of())) {
        if (token.path("content").asText().equals(content)) {
          setIfAbsent(kind, token.path("id").asLong(-1));
          break;
        }
      }
    }
  }

  /// Sets a token's id, unless it has one or the vocabulary no such token.
  void setIfAbsent(String kind, long id) {
    if (id >= 0 && id < vocabularySize) {
      ids.putIfAbsent(kind, id);
    }
  }

  void put(GgufWriter writer) {
    ids.forEach(
        (kind, id) -> {
          if (KEYS.containsKey(kind)) {
            writer.putUint32("tokenizer.ggml." + KEYS.get(kind), id);
          }
        });
    adds.forEach(
        (kind, add) -> {
          if (ADDED.contains(kind)) {
            writer.putBool("tokenizer.ggml.add_" + kind + "_token", add);
          }
        });
  }
}
