package io.lorikeet.models.adapter;

import io.lorikeet.quant.GgufMetadata;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A base's licence and origin as its metadata has them, under the keys that an adapter has for
/// them. The base itself is `general.base_model.0`; those that it was made of follow.
final class BasePapers {
  private static final String LICENSE = "general.license";
  private static final String OF_BASE = "general.base_model.";

  /// Keys of a model, and what they are called of a `base_model`.
  private static final Map<String, String> ORIGIN =
      Map.of(
          "general.author", "author",
          "general.organization", "organization",
          "general.version", "version",
          "general.url", "url",
          "general.repo_url", "repo_url");

  private static final Pattern ANCESTOR =
      Pattern.compile("general\\.base_model\\.(\\d{1,3})\\.(.+)");

  private BasePapers() {}

  /// The papers of a base, as its adapters carry them.
  static Map<String, String> ofBase(GgufMetadata metadata) {
    Map<String, String> papers = new LinkedHashMap<>();
    for (String key : metadata.keys().stream().sorted().toList()) {
      Matcher ancestor = ANCESTOR.matcher(key);
      String name = key;
      if (ORIGIN.containsKey(key)) {
        name = OF_BASE + "0." + ORIGIN.get(key);
      } else if (ancestor.matches()) {
        name = OF_BASE + (Integer.parseInt(ancestor.group(1)) + 1) + "." + ancestor.group(2);
      } else if (!isLicense(key)) {
        continue;
      }
      String carried = name;
      metadata.string(key).ifPresent(text -> papers.put(carried, text));
    }
    return papers;
  }

  /// The papers that an adapter carries.
  static Map<String, String> ofAdapter(GgufMetadata metadata) {
    Map<String, String> papers = new LinkedHashMap<>();
    for (String key : metadata.keys()) {
      boolean carried = ANCESTOR.matcher(key).matches() && !key.equals(AdapterKeys.BASE_NAME);
      if (isLicense(key) || carried) {
        metadata.string(key).ifPresent(text -> papers.put(key, text));
      }
    }
    return papers;
  }

  private static boolean isLicense(String key) {
    return key.equals(LICENSE) || key.startsWith(LICENSE + ".");
  }

  /// How many models an adapter's papers name, its base included.
  static int models(Map<String, String> papers) {
    return 1
        + papers.keySet().stream()
            .map(ANCESTOR::matcher)
            .filter(Matcher::matches)
            .mapToInt(key -> Integer.parseInt(key.group(1)))
            .max()
            .orElse(0);
  }
}
