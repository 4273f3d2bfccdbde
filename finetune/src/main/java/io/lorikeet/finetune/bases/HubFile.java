package io.lorikeet.finetune.bases;

import io.lorikeet.quant.InvalidInputException;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/// A file of a repository on a hub: `hf:OWNER/REPO/FILE`, or `hf:OWNER/REPO@REVISION/FILE`.
///
/// @param repository `OWNER/REPO`
/// @param revision branch, tag or commit
/// @param file path in the repository
public record HubFile(String repository, String revision, String file) {
  /// Begins the name of a file on a hub.
  private static final String PREFIX = "hf:";

  private static final String WORD = "[A-Za-z0-9_][A-Za-z0-9._-]*";
  private static final Pattern FORM =
      Pattern.compile("hf:(WORD/WORD)(?:@(WORD))?/(WORD(?:/WORD)*)".replace("WORD", WORD));
  private static final Pattern FIRST_PART = Pattern.compile("(.*)-00001-of-(\\d{5})\\.gguf");

  /// Whether a text begins like one.
  public static boolean isName(String text) {
    return text.startsWith(PREFIX);
  }

  /// Reads a name.
  ///
  /// @throws InvalidInputException when it isn't of that form
  public static HubFile of(String text) {
    Matcher parts = FORM.matcher(text);
    if (!parts.matches()) {
      throw new InvalidInputException(
          "expected hf:OWNER/REPO/FILE, such as hf:bartowski/Llama-3.2-1B-Instruct-GGUF/Llama-3.2-1B-Instruct-Q4_K_M.gguf, found '%s'"
              .formatted(text));
    }
    return new HubFile(
        parts.group(1), parts.group(2) == null ? "main" : parts.group(2), parts.group(3));
  }

  /// The files of a split model, where this is the first of them; else this one.
  public List<HubFile> parts() {
    Matcher first = FIRST_PART.matcher(file);
    if (!first.matches()) {
      return List.of(this);
    }
    String count = first.group(2);
    return IntStream.rangeClosed(1, Integer.parseInt(count))
        .mapToObj(
            part ->
                new HubFile(
                    repository,
                    revision,
                    String.format(Locale.ROOT, "%s-%05d-of-%s.gguf", first.group(1), part, count)))
        .toList();
  }

  /// Its name without folders.
  public String name() {
    return file.substring(file.lastIndexOf('/') + 1);
  }

  @Override
  public String toString() {
    return PREFIX + repository + (revision.equals("main") ? "" : "@" + revision) + "/" + file;
  }
}
